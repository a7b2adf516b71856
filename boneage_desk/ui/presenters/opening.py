"""What happens off the window's thread when files or readings are opened. Values in, values out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from boneage_desk.common.errors import BoneAgeError, FilmError
from boneage_desk.common.jobs import CancelToken, Progress
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem, Services
from boneage_desk.reading.session import AuditEvent, Reading, new_reading

LOG = logging.getLogger("boneage_desk.ui")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What lay under the paths: the first film (opened), a file whose frame must be chosen, the rest."""

    film: Film | None = None
    choose: FilmEntry | None = None
    rest: tuple[FilmEntry, ...] = ()
    problems: tuple[FilmProblem, ...] = ()


def find_films(services: Services, paths: Sequence[str], token: CancelToken, progress: Progress) -> Found:
    """Scan ``paths`` and open the first film in them. A film that fails becomes a problem."""
    reader = services.films()
    entries: list[FilmEntry] = []
    problems: list[FilmProblem] = []
    for item in reader.scan(list(paths), progress=progress, cancel=token):
        token.check()
        if isinstance(item, FilmProblem):
            problems.append(item)
        else:
            entries.append(item)
    while entries:
        entry = entries.pop(0)
        if entry.frame_count > 1:
            return Found(choose=entry, rest=tuple(entries), problems=tuple(problems))
        try:
            film = reader.open(entry.path, member=entry.member)
        except BoneAgeError as error:
            problems.append(FilmProblem(entry.path, error.code, str(error), entry.member))
            continue
        return Found(film=for_screen(film), rest=tuple(entries), problems=tuple(problems))
    return Found(problems=tuple(problems))


def for_screen(film: Film) -> Film:
    """Make the levels of detail here, so that the window's thread need not."""
    from boneage_desk.ui.presenters import film_pixels  # numpy: not before the first paint

    film_pixels.prepare(film.frame)
    return film


def open_frame(services: Services, entry: FilmEntry, frame: int) -> Film:
    return for_screen(services.films().open(entry.path, frame=frame, member=entry.member))


Place = tuple[str, str]
"""Path of a file, and the member of it that is meant, '' where it is no archive."""


def open_film_of(services: Services, reading: Reading, place: Place | None = None) -> Film:
    """The film of a stored reading: from ``place``, where it was seen last, else from where it was read. Refused when the
    file is no longer the one that was read."""
    source = reading.source
    first = (source.path, source.member)
    if place is not None and place != first:
        try:
            return _film_at(services, reading, place)
        except FilmError:  # moved, changed or taken out since
            LOG.info("a film is not where it was opened last; looked for where it was read")
    return _film_at(services, reading, first)


def _film_at(services: Services, reading: Reading, place: Place) -> Film:
    source, (path, member) = reading.source, place
    frame = source.frame_number if source.frame_count > 1 else None
    film = services.films().open(path, frame=frame, member=member)
    if film.source.sha256 != source.sha256:
        raise FilmError(
            "The file is not the film that this reading was made on: its contents have changed.",
            "Open the original film; the reading stays as it is.",
            code="film-changed",
        )
    return film


@dataclass(frozen=True, slots=True)
class Filed:
    """A film's reading in the store: new, or the one that was there."""

    reading: Reading
    existed: bool


def draft_of(services: Services, film: Film) -> Reading:
    """A fresh draft of a film; it keeps no pixels."""
    chosen = services.settings
    return new_reading(film, services.new_id(), services.now(), chosen.conclusion_rule, chosen.site_standard)


def file_draft(services: Services, draft: Reading) -> Filed:
    """The reading of the draft's film: the newest that the store holds, else the draft, now saved."""
    store = services.store()
    existing = store.find_by_film(draft.source.sha256, draft.source.frame_number)
    if existing is not None:
        return Filed(existing, existed=True)
    event = AuditEvent(draft.reading_id, draft.created_at, services.who(), "open", f"sha256 {draft.source.sha256[:12]}")
    store.add(draft, event)
    return Filed(draft, existed=False)


def import_films(
    services: Services, entries: Sequence[FilmEntry], token: CancelToken, progress: Progress
) -> tuple[list[Reading], list[FilmProblem]]:
    """Drafts of many films. A multi-frame file becomes a problem, since somebody has to choose."""
    reader = services.films()
    drafts: list[Reading] = []
    problems: list[FilmProblem] = []
    for index, entry in enumerate(entries):
        token.check()
        progress(index / len(entries), "importing")
        try:
            drafts.append(draft_of(services, reader.open(entry.path, member=entry.member)))
        except BoneAgeError as error:
            problems.append(FilmProblem(entry.path, error.code, str(error), entry.member))
    return drafts, problems
