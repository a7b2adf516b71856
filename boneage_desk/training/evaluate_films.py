"""``boneage-desk evaluate whole-hand``: a model on films with a known bone age, read as the program reads them.

Every film goes the way of the application: the same reader, detector, hand frame and network, in the model process.
``rus13`` measures the 13 bones in the same way, so that one table holds all. A film without a number is a row with the
reason. The figures are made by `film_figures`, the page by `film_page`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError, Cancelled, EngineError, InputError, StoreError
from boneage_desk.common.jobs import CancelToken
from boneage_desk.imaging.true_shape import true_shape
from boneage_desk.reading.analysis import Flag, ModelRef
from boneage_desk.reading.document import film_path
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem, Services
from boneage_desk.reading.second_opinion import FLAGS, SetWholeHand
from boneage_desk.reading.session import Reading, ReadingSession, SetAnalysis, SetPatient, new_reading
from boneage_desk.reading.summary import summarise
from boneage_desk.standards.types import Sex
from boneage_desk.training import film_figures, film_page
from boneage_desk.training.film_labels import FilmLabel, Labels, read_labels, read_split, rows_of_films, with_sizes
from boneage_desk.training.film_rows import FilmRows
from boneage_desk.training.runs import now, write_json
from boneage_desk.training.site_data import Tell

RUS13 = "rus13"
"""Stands for the system of 13 bones where a model is asked for."""
GIVE_UP_AFTER = 3
"""Films in a row on which the engine itself fails before the run ends."""
Show = Callable[[int, int, str], None]
"""Called with the films behind, all of them, and the name of the one in work."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to measure.

    films: folder or zip. model: an engine's id, 'architecture.tag' or 'rus13'. out, report: files to write. split: table
    id,validation: only the films held out. compare: JSON of other models on the same films. limit: so many films, chosen
    by a hash of the name, 0 for all. retry: read films again that gave no number. sizes: table id,height,width of
    squashed films. source: what the films are called in the result; else the name of ``films``.
    """

    films: Path
    labels: Path
    model: str
    out: Path
    report: Path
    split: Path | None = None
    compare: tuple[Path, ...] = ()
    limit: int = 0
    retry: bool = False
    sizes: Path | None = None
    source: str = ""
    command: str = ""

    @property
    def rows(self) -> Path:
        """The partial results, beside the JSON."""
        return self.out.with_name(f"{self.out.stem}.films.jsonl")


class Chosen(NamedTuple):
    """The films of an evaluation. pairs: those to read, each with its row of the table."""

    pairs: list[tuple[FilmEntry | FilmProblem, FilmLabel]]
    missing: list[str]
    unlabelled: list[str]
    left_out: dict[str, str]
    not_held_out: int


class Model(NamedTuple):
    """What is measured. engine: 'rus13' or a second opinion's id. refs: its weights, and those that find the hand."""

    engine: str
    refs: tuple[ModelRef, ...]


def evaluate(
    services: Services, order: Order, *, installed: Sequence[ModelRef], tell: Tell, show: Show, cancel: CancelToken
) -> dict[str, Any]:
    """Measure as ``order`` says; writes its JSON and page; returns the main figures. installed: the second opinions.

    Raises InputError (table, split, model, files in the way), EngineError (no such model, models that fail), Cancelled
    (the films read so far are kept), StoreError.
    """
    others = [film_figures.read_result(path) for path in order.compare]
    labels = read_labels(order.labels, tell)
    if order.sizes is not None:
        labels = with_sizes(labels, order.sizes)
    model = choose_model(services, installed, order.model)
    chosen = choose_films(services, order, labels, cancel)
    for path, why in chosen.left_out.items():
        tell(f"left out: {path}: {why}")
    if chosen.missing:
        tell(f"{len(chosen.missing)} rows of the table have no film; the result names them")
    if not chosen.pairs:
        raise InputError(
            f"No film of '{order.films}' has a row in '{order.labels.name}'.",
            "The first column must name the films: path, file name, name without ending, or PatientID.", code="no-film",
        )  # fmt: skip
    try:
        order.rows.parent.mkdir(parents=True, exist_ok=True)
        rows = FilmRows(order.rows, _identity(order, labels, model), retry=order.retry)
        try:
            _Run(services, model, rows, order, tell, show, cancel).go(chosen.pairs)
        except Cancelled:
            text = f"Stopped after {sum(film_path(e.path, e.member) in rows.rows for e, _ in chosen.pairs)} of {len(chosen.pairs)} films."
            raise Cancelled(text, "The same command goes on from there.") from None
        finally:
            rows.close()
        result = _result(order, labels, model, chosen, rows, others)
        write_json(order.out, result)
        part = order.report.with_name(order.report.name + ".part")
        part.write_text(film_page.page_of(result), encoding="utf-8")
        part.replace(order.report)
    except OSError as error:
        raise StoreError(
            f"The disk refused ({error.strerror or error}: {error.filename}).", "Check space and rights.", code="disk"
        ) from error
    return film_figures.headline(result) | {"json": str(order.out), "report": str(order.report)}


# ------------------------------------------------------------------------------------ the choice
def choose_model(services: Services, installed: Sequence[ModelRef], name: str) -> Model:
    """'rus13', a second opinion's id, or 'architecture.tag' of an installed model. Raises EngineError 'no-model'."""
    bones = tuple(ref for ref in services.engine().models() if not ref.engine)
    if name == RUS13:
        return Model(RUS13, bones)
    own = [ref for ref in installed if name in (ref.engine, ref.tag)]
    if not own:
        there = [f"{ref.engine} ({ref.tag})" for ref in installed]
        raise EngineError(
            f"There is no model '{name}' here.",
            f"Installed: {', '.join([RUS13, *there])}. A model elsewhere: put its folder into the folder of models, "
            "or name another with BONEAGE_DESK_MODELS (docs/engines.md).",
            code="no-model",
        )
    return Model(own[0].engine, (own[0], *bones[:1]))


def choose_films(services: Services, order: Order, labels: Labels, cancel: CancelToken) -> Chosen:
    """Which films to read, and what becomes of the others; nothing vanishes."""
    wanted = labels.rows
    if order.split is not None:
        held = read_split(order.split)
        wanted = {film: row for film, row in wanted.items() if film in held}
    entries: list[FilmEntry] = []
    problems: dict[tuple[str, str], FilmProblem] = {}
    for entry in services.films().scan([str(order.films)], cancel=cancel):
        if isinstance(entry, FilmProblem):
            problems[entry.path, entry.member] = entry
        else:
            entries.append(entry)
    pairs, unlabelled, twice = rows_of_films(entries, labels, order.films)
    seen = {row.film for _, row in (*pairs, *twice)}
    # a file that cannot be opened takes a row only where no film has it: a wild name in a zip must not push one out
    broken, strange, also = rows_of_films([FilmEntry(p.path, p.member) for p in problems.values()], labels, order.films)
    shared = {film_path(e.path, e.member): f"several films belong to the row '{row.film}' (line {row.line})" for e, row in twice}
    pushed = [e for e, row in (*broken, *also) if row.film in seen or (e, row) in also]
    shared |= {film_path(e.path, e.member): problems[e.path, e.member].message for e in (*strange, *pushed)}
    broken = [(e, row) for e, row in broken if row.film not in seen]
    seen |= {row.film for _, row in broken}
    both = [*pairs, *((problems[e.path, e.member], row) for e, row in broken)]
    used = [(e, row) for e, row in both if row.film in wanted]
    if order.limit:
        used = sorted(used, key=lambda pair: hashlib.sha256(pair[1].film.encode()).hexdigest())[: order.limit]
    return Chosen(
        used, [film for film in wanted if film not in seen], [film_path(e.path, e.member) for e in unlabelled],
        shared, sum(row.film not in wanted for _, row in both),
    )  # fmt: skip


# --------------------------------------------------------------------------------------- the run
class _Run:
    """One pass over the films that have no row yet."""

    def __init__(
        self, services: Services, model: Model, rows: FilmRows, order: Order, tell: Tell, show: Show, cancel: CancelToken
    ) -> None:
        self._services, self._model, self._rows = services, model, rows
        self._tell, self._show, self._cancel = tell, show, cancel
        self._held: list[tuple[dict[str, Any], EngineError]] = []
        self._order = order

    def go(self, pairs: Sequence[tuple[FilmEntry | FilmProblem, FilmLabel]]) -> None:
        """Raises Cancelled, and EngineError when the engine fails film after film."""
        todo = [pair for pair in pairs if film_path(pair[0].path, pair[0].member) not in self._rows.rows]
        behind = len(pairs) - len(todo)
        if behind:
            self._tell(f"{behind} of {len(pairs)} films were read before")
        if todo:
            self._services.engine().start()
        for number, (entry, label, opened) in enumerate(self._ahead(todo), behind):
            self._cancel.check()
            self._show(number, len(pairs), label.film)
            self._one(entry, label, opened)
        if self._held:
            self._flush()
        self._show(len(pairs), len(pairs), "done")

    def _ahead(
        self, todo: Sequence[tuple[FilmEntry | FilmProblem, FilmLabel]]
    ) -> Iterator[tuple[FilmEntry | FilmProblem, FilmLabel, Future[Film]]]:
        """Each film with the promise of its pixels: the next one is opened while this one is read."""
        with ThreadPoolExecutor(1, thread_name_prefix="next film") as pool:
            waiting: deque[tuple[FilmEntry | FilmProblem, FilmLabel, Future[Film]]] = deque()
            for entry, label in todo:
                waiting.append((entry, label, pool.submit(self._open, entry, label)))
                if len(waiting) > 1:
                    yield waiting.popleft()
            yield from waiting

    def _open(self, entry: FilmEntry | FilmProblem, label: FilmLabel) -> Film:
        from dataclasses import replace

        from boneage_desk.common.errors import FilmError

        if isinstance(entry, FilmProblem):
            raise FilmError(entry.message, code=entry.code)
        film = self._services.films().open(entry.path, member=entry.member)
        return film if label.size is None else replace(film, frame=true_shape(film.frame, *label.size))

    def _one(self, entry: FilmEntry | FilmProblem, label: FilmLabel, opened: Future[Film]) -> None:
        row = {
            "path": film_path(entry.path, entry.member), "film": label.film, "source": source_of(self._order),
            "sex": label.sex.value if label.sex else None, "reference_months": label.months,
        } | _NOTHING  # fmt: skip
        try:
            film = opened.result()
            row |= {"sha256": film.source.sha256} | read_film(self._services, self._model.engine, film, label.sex, self._cancel)
        except Cancelled:
            raise
        except EngineError as error:
            # held back: if the next film is read, this film was to blame; if not, the engine is
            self._held.append((row | _reason(error.code, str(error)), error))
            if len(self._held) >= GIVE_UP_AFTER or self._services.engine().state().startswith("failed"):
                raise
            return
        except BoneAgeError as error:
            row |= _reason(error.code, str(error))
        except Exception as error:  # a bug met on one film must not cost the night's run
            row |= _reason("bug", f"{type(error).__name__}: {error}")
        self._flush()
        self._rows.add(row)

    def _flush(self) -> None:
        held, self._held = self._held, []
        for row, _ in held:
            self._rows.add(row)


_NOTHING: dict[str, Any] = {
    "months": None, "qualifier": "", "interval_months": None, "male_probability": None, "reason": "", "message": "",
    "flags": [], "ms": None, "sha256": None,
}  # fmt: skip


def _reason(code: str, message: str) -> dict[str, Any]:
    return {"reason": code, "message": " ".join(message.split())}


def read_film(services: Services, engine: str, film: Film, sex: Sex | None, cancel: CancelToken) -> dict[str, Any]:
    """The bone age of one film as the application gives it, or the reason why not. ``sex``: the table's, which wins
    over the file's."""
    at, who = services.now(), services.who()
    session = ReadingSession(new_reading(film, services.new_id(), at))
    recorded = film.patient.sex
    if sex is not None:
        session.do(SetPatient(sex=sex), at=at, who=who)
    if engine == RUS13:
        session.do(SetAnalysis(services.engine().analyse(film.frame, cancel=cancel), at), at=at, who=who)
        row = _bones_row(session.reading)
    else:
        result = services.engine().whole_hand(film.frame, session.reading.patient.sex, engines=(engine,), cancel=cancel)
        session.do(SetWholeHand(result, at), at=at, who=who)
        row = _opinion_row(session.reading, engine)
    # of the engine itself: no time of its start, or of a model's loading, is in it
    timing = {step: ms for step, ms in session.reading.timing_ms.items() if not step.endswith("_load")}
    row["ms"] = round(timing.get("total", sum(timing.values())), 1)
    if sex is not None and recorded is not None and sex is not recorded:
        row["flags"] = [*row["flags"], "sex_conflict"]
    return row


def _bones_row(reading: Reading) -> dict[str, Any]:
    summary = summarise(reading)
    codes = [flag.code for flag in reading.flags]
    if summary.bone_age is None:
        code = next((f.code for f in summary.flags if f.blocking), "sex_missing" if reading.patient.sex is None else "bone_missing")
        return {"flags": codes} | _reason(code, summary.why_not)
    return {
        "months": round(summary.bone_age.months, 3), "qualifier": summary.bone_age.qualifier.value, "flags": codes,
        "interval_months": _pair(summary.interval_months),
    }  # fmt: skip


def _opinion_row(reading: Reading, engine: str) -> dict[str, Any]:
    codes = [flag.code for flag in reading.flags]
    opinion = next((o for o in reading.whole_hand if o.engine == engine), None)
    if opinion is None:
        flag = _why_not(reading.flags, engine)
        return {"flags": codes} | _reason(flag.code, flag.message)
    p = opinion.male_probability
    return {
        "months": round(opinion.bone_age_months, 3), "interval_months": _pair(opinion.interval_months), "flags": codes,
        "male_probability": None if p is None else round(p, 6),
    }  # fmt: skip


def _why_not(flags: Sequence[Flag], engine: str) -> Flag:
    for flag in flags:
        if flag.blocking:
            return flag
    for flag in flags:
        if flag.code in FLAGS and flag.engine == engine:
            return flag
    return Flag("no-number", "The engine gave no number and no reason.")


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(interval[0], 3), round(interval[1], 3)]


# ------------------------------------------------------------------------------------ the result
def source_of(order: Order) -> str:
    """What the films are called: two results are compared film by film only under the same name."""
    return order.source or order.films.resolve().stem


def _identity(order: Order, labels: Labels, model: Model) -> dict[str, Any]:
    """What rows must have in common. The limit and the split only choose among the films."""
    return {
        "films": str(order.films.resolve()), "source": source_of(order), "labels_sha256": labels.sha256,
        "engine": model.engine, "weights": [ref.sha256 for ref in model.refs], "program": __version__,
    }  # fmt: skip


def _result(
    order: Order, labels: Labels, model: Model, chosen: Chosen, rows: FilmRows, others: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    paths = [film_path(entry.path, entry.member) for entry, _ in chosen.pairs]
    per_film = sorted((rows.rows[path] for path in paths), key=lambda row: str(row["film"]))
    return {
        "evaluation": "whole-hand", "schema_version": 1, "made": now(), "program": f"BoneAge Desk {__version__}",
        "command": order.command, "source": source_of(order),
        "model": {
            "engine": model.engine, "tag": RUS13 if model.engine == RUS13 else model.refs[0].tag,
            "name": "13 bones (RUS-CHN)" if model.engine == RUS13 else model.refs[0].name,
            "weights": [{"name": r.name, "tag": r.tag, "sha256": r.sha256} for r in model.refs],
        },
        "films": {
            "path": str(order.films), "labels": order.labels.name, "labels_sha256": labels.sha256,
            "split": None if order.split is None else order.split.name,
            "split_sha256": None if order.split is None else hashlib.sha256(order.split.read_bytes()).hexdigest(),
            "limit": order.limit or None, "read": len(per_film), "rows": len(labels.rows),
            "not_held_out": chosen.not_held_out, "missing": chosen.missing, "without_a_row": chosen.unlabelled,
            "left_out": chosen.left_out,
        },
        **film_figures.figures(per_film),
        "comparisons": [film_figures.comparison(per_film, model.engine, other) for other in others],
        "per_film": per_film,
    }  # fmt: skip
