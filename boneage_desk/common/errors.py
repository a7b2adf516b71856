"""Errors that say whose fault they are and what helps.

Anything that is not a :class:`BoneAgeError` is a bug and is shown as one.
"""

from __future__ import annotations


class BoneAgeError(Exception):
    """An expected failure: ``message`` says what happened, ``remedy`` what helps.

    ``code`` is a short stable word for machines (JSON ``error.code``).
    """

    code = "error"

    def __init__(self, message: str, remedy: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.remedy, self.code))


def _rebuild(kind: type[BoneAgeError], message: str, remedy: str, code: str) -> BoneAgeError:
    return kind(message, remedy, code=code)


class FilmError(BoneAgeError):
    """The file given is not a film that can be read (not an image, truncated, no pixels ...)."""

    code = "film"


class InputError(BoneAgeError):
    """A person supplied something that is missing, illegal or contradictory."""

    code = "input"


class StandardError(BoneAgeError):
    """A grade, bone, score or table that the standard does not hold."""

    code = "standard"


class StoreError(BoneAgeError):
    """Disk or database: full, read-only, locked, newer than this program."""

    code = "store"


class EngineError(BoneAgeError):
    """The inference process or its weights: missing, wrong hash, crashed, out of memory."""

    code = "engine"


class Cancelled(BoneAgeError):
    """The person cancelled the job; not a failure."""

    code = "cancelled"

    def __init__(self, message: str = "Cancelled.", remedy: str = "", *, code: str | None = None) -> None:
        super().__init__(message, remedy, code=code)
