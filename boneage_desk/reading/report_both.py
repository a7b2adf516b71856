"""Two languages in one report: the same content in each, put together line by line."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from boneage_desk.common.errors import InputError
from boneage_desk.reading.report_texts import LANGUAGES

T = TypeVar("T")
SHORT = 26
"""Characters up to which the second language follows on the same line."""
PEN, PLACE = "{0}", "{"


def languages(wanted: str) -> tuple[str, ...]:
    """('en',), ('zh',), or for 'en+zh' both. Raises InputError for another language."""
    parts = tuple(wanted.split("+"))
    if any(part not in LANGUAGES for part in parts) or len(set(parts)) < len(parts):
        raise InputError(
            f"No report in language '{wanted}'.", f"Use one of: {', '.join((*LANGUAGES, '+'.join(LANGUAGES)))}."
        )
    return parts


def both(contents: Sequence[T]) -> T:
    """One value of frozen dataclasses, tuples and texts that says what each of ``contents`` says, in their order.

    What is equal in all is said once. Short texts stand beside each other, longer ones below each other.
    """
    merged = contents[0]
    for other in contents[1:]:
        merged = _merged(merged, other)
    return merged


def joined(first: str, second: str) -> str:
    """Two texts that say the same: once where they are equal, else side by side or line by line."""
    if first == second or not second:
        return first
    if not first:
        return second
    if len(first) > SHORT or len(second) > SHORT or "\n" in first + second:
        return f"{first}\n{second}"
    figures = any(char.isdigit() for char in first + second) and PLACE not in first
    return f"{first.rstrip()} / {second.lstrip()}" if figures else f"{first.rstrip()} {second.lstrip()}"


def _merged(first: Any, second: Any) -> Any:
    if first == second:
        return first
    if isinstance(first, str) and isinstance(second, str):
        return joined(first, second)
    if isinstance(first, tuple) and isinstance(second, tuple):
        if len(first) != len(second):
            return (*first, *(item for item in second if item not in first))
        return tuple(_merged(one, two) for one, two in zip(first, second, strict=True))
    if dataclasses.is_dataclass(first) and type(first) is type(second):
        fields = [f.name for f in dataclasses.fields(first) if f.name not in UNSPOKEN]
        changed = {name: _field(name, getattr(first, name), getattr(second, name)) for name in fields}
        return dataclasses.replace(first, **changed)  # type: ignore[type-var]
    return first


def _field(name: str, first: Any, second: Any) -> Any:
    if name == "columns":  # narrow: one language above the other
        return tuple(one if one == two else f"{one}\n{two}" for one, two in zip(first, second, strict=True))
    if name == "sign":  # labels before gaps for the pen
        labels = zip(first.split(PEN), second.split(PEN), strict=False)
        return PEN.join(joined(one, two) for one, two in labels)
    return _merged(first, second)


UNSPOKEN = frozenset({"language", "key", "bone", "code"})
"""Fields that hold no words."""
