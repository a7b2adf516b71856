"""``boneage-desk batch``: many films to one JSONL file; resumes, and one bad film is one error line."""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boneage_desk.cli import films_table, output, second
from boneage_desk.cli.app import App
from boneage_desk.cli.bar import Bar
from boneage_desk.cli.films import Facts, analyse, begin, split_member
from boneage_desk.cli.lines import Results
from boneage_desk.cli.table import Table, read_table
from boneage_desk.common.errors import BoneAgeError, Cancelled, EngineError, FilmError, InputError
from boneage_desk.common.settings import SECOND_OPINIONS
from boneage_desk.reading.document import document, error_document, film_path
from boneage_desk.reading.film import Film
from boneage_desk.reading.ports import FilmEntry, FilmProblem, Services

NEEDED = ("detector", "grader")
KNOWN = (*NEEDED, *SECOND_OPINIONS)
Found = FilmEntry | FilmProblem
GIVE_UP_AFTER = 3
"""Films in a row on which the engine itself fails before the run ends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="films, folders, zips")
    parser.add_argument(
        "--table", metavar="CSV", help="columns id,sex[,birth_date]; id: file name, its stem, or PatientID"
    )
    parser.add_argument(
        "--engines", default="detector,grader", metavar="NAMES",
        help="detector,grader (13 bones) and second opinions: whole-hand, dual, cascade, regression. Second opinions "
        "alone: the bones are found and not graded",
    )  # fmt: skip
    parser.add_argument("--csv", metavar="OUT", help="every line of --out as a row of a table, written at the end")
    parser.add_argument("--out", required=True, metavar="JSONL", help="one JSON object a line; an existing file is continued")
    parser.add_argument("--retry-errors", action="store_true", help="read films again that have an error line")
    parser.add_argument("--json", action="store_true", help="a summary of the run as one JSON object on stdout")


def run(options: argparse.Namespace, app: App) -> int:
    from boneage_desk.cli.main import FAILED, OK

    named = [path for path in options.paths if not Path(path).is_dir()]
    output.check_target(options.out, ".jsonl", named)
    output.check_target(options.csv, ".csv", [*named, options.out])
    table = read_table(Path(options.table)) if options.table else Table({})
    engines = check_engines(options.engines, app)
    services = app.services(options.data_dir)
    try:
        results = Results(Path(options.out), retry=options.retry_errors)
        try:
            job = Run(services, table, results, engines=engines)
            services.engine().start()
            job.go(options.paths)
        finally:
            results.close()
        if options.csv:
            films_table.write(Path(options.out), Path(options.csv))
        output.note(job.summary())
        if options.json:
            output.emit(job.counts())
        return FAILED if job.films and not job.read and not job.skipped else OK
    finally:
        services.close()


def check_engines(text: str, app: App) -> tuple[str, ...]:
    """The names; refuses those that no model answers to, and models that are not whole, before a film is opened."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in KNOWN:
            raise InputError(f"There is no engine '{name}'.", f"Known: {', '.join(KNOWN)}.", code="unknown-engine")
    missing = [name for name in NEEDED if name not in names]
    if missing and (len(missing) < len(NEEDED) or not names):
        raise InputError(
            f"A reading needs {' and '.join(missing)}.", "Use --engines detector,grader.", code="engines"
        )
    models = app.check_models()
    # a second opinion reads the hand that the detector finds, and the grader is loaded with it
    for name in dict.fromkeys((*NEEDED, *names)):
        offered = [model for model in models if name == (model.task if name in NEEDED else model.engine)]
        if not offered:
            raise EngineError(
                f"There is no {name} model in this installation.",
                "Install BoneAge Desk again." if name in NEEDED else f"Leave {name} out of --engines.",
                code="weights-missing",
            )
        if not offered[-1].ok:
            raise EngineError(offered[-1].problem, "See: boneage-desk doctor", code="weights")
    return tuple(dict.fromkeys(names))


class Run:
    """One run of batch over its films."""

    def __init__(
        self, services: Services, table: Table, results: Results, *, engines: Sequence[str] = NEEDED, quiet: bool = False
    ) -> None:
        self._grade = NEEDED[-1] in engines
        self._second = tuple(engine for engine in engines if engine not in NEEDED)
        self._services = services
        self._table = table
        self._results = results
        self._held: list[tuple[str, EngineError]] = []
        self._bar = Bar(quiet)
        self.films = self.read = self.errors = self.skipped = self.without_age = 0

    def go(self, paths: list[str]) -> None:
        found = list(self._films(paths))
        self.films = len(found)
        if not found:
            raise InputError("There is no film in what was named.", code="no-film")
        todo = []
        for number, entry in enumerate(found):
            if film_path(entry.path, entry.member) in self._results.done:
                self.skipped += 1
            else:
                todo.append((number, entry))
        for number, entry, opened in self._ahead(todo):
            key = film_path(entry.path, entry.member)
            self._bar.show(number, self.films, key)
            self._one(key, entry, opened)
        if self._held and not self.read:
            raise self._held[-1][1]
        self._release()
        self._bar.end(self.films)

    def _films(self, paths: list[str]) -> Iterator[Found]:
        seen = set()
        for path in paths:
            file, member = split_member(path)
            entries: Iterable[Found] = [FilmEntry(file, member)] if member else self._services.films().scan([file])
            for entry in entries:
                key = film_path(entry.path, entry.member)
                if key not in seen:
                    seen.add(key)
                    yield entry

    def _ahead(self, todo: list[tuple[int, Found]]) -> Iterator[tuple[int, Found, Future[Film]]]:
        """Each film with the promise of its pixels: the next one is opened while this one is read."""
        with ThreadPoolExecutor(1, thread_name_prefix="next film") as pool:
            waiting: deque[tuple[int, Found, Future[Film]]] = deque()
            for number, entry in todo:
                waiting.append((number, entry, pool.submit(self._open, entry)))
                if len(waiting) > 1:
                    yield waiting.popleft()
            yield from waiting

    def _open(self, entry: Found) -> Film:
        if isinstance(entry, FilmProblem):
            raise FilmError(entry.message, code=entry.code)
        return self._services.films().open(entry.path, member=entry.member)

    def _one(self, key: str, entry: Found, opened: Future[Film]) -> None:
        try:
            value = self._read(entry, opened.result())
        except Cancelled:
            raise
        except EngineError as error:
            self._engine_failed(key, error)
            return
        except BoneAgeError as error:
            self._line(error_document(key, error))
            return
        except Exception as error:
            # a bug met on one film must not cost the night's run
            told = BoneAgeError(f"{type(error).__name__}: {error}", code="bug")
            self._line(error_document(key, told))
            return
        self._release()
        self.read += 1
        self.without_age += not (any(value["standards"].values()) or (value["whole_hand"] and not self._grade))
        self._line(value)

    def _read(self, entry: Found, film: Film) -> dict[str, Any]:
        facts = self._table.facts(entry.path, entry.member, film.patient.patient_id) or Facts()
        if self._grade:
            session, _ = analyse(self._services, film, facts, engines=self._second)
        else:
            session, _ = begin(self._services, film, facts)
            second.alone(self._services, session, film.frame, self._second)
        return document(session.reading)

    def _engine_failed(self, key: str, error: EngineError) -> None:
        """Hold the line back: if the next film is read, this film was to blame; if not, the engine is."""
        self._held.append((key, error))
        if len(self._held) >= GIVE_UP_AFTER or (not self.read and self._engine_is_down()):
            raise error

    def _engine_is_down(self) -> bool:
        return self._services.engine().state().startswith("failed")

    def _release(self) -> None:
        held, self._held = self._held, []
        for key, error in held:
            self._line(error_document(key, error))

    def _line(self, value: dict[str, Any]) -> None:
        self.errors += "error" in value
        self._results.add(value)

    def counts(self) -> dict[str, int]:
        return {
            "films": self.films,
            "read": self.read,
            "without_bone_age": self.without_age,
            "errors": self.errors,
            "skipped": self.skipped,
        }

    def summary(self) -> str:
        text = f"{self.films} films: {self.read} read"
        if self.without_age:
            text += f" ({self.without_age} without a bone age)"
        text += f", {self.errors} with an error, {self.skipped} done before"
        if self._results.failed:
            text += "; --retry-errors reads films with an error line again"
        return text
