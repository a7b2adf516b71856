"""The reading that a report carries as an attachment, taken from the revision that was signed first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

NAME = "reading.json"
LARGEST = 16 << 20
_DEEPEST, _MOST_NODES = 16, 1000


def attached_reading(root: Any) -> tuple[dict[str, Any] | None, str]:
    """(document, problem) of a PDF's catalogue (pyHanko). No attachment is no problem; a damaged or a second one is."""
    try:
        found = [spec for name, spec in _embedded(root) if name == NAME]
    except Exception as error:  # as below
        return None, f"The list of attachments is damaged ({type(error).__name__})."
    if not found:
        return None, ""
    if len(found) > 1:
        return None, f"There are {len(found)} attachments named {NAME}."
    try:
        stream = found[0]["/EF"]["/F"]
        data = stream.data
        if len(data) > LARGEST:
            return None, "The attached reading is too large."
        value = json.loads(data.decode("utf-8"))
    except Exception as error:  # a damaged stream may raise anything
        return None, f"The attached reading is damaged ({type(error).__name__})."
    if not isinstance(value, dict):
        return None, "The attached reading is no reading."
    return value, ""


def _embedded(root: Any) -> Iterator[tuple[str, Any]]:
    """(name, file specification) of the attachments."""
    if "/Names" in root and "/EmbeddedFiles" in root["/Names"]:
        yield from _leaves(root["/Names"]["/EmbeddedFiles"], 0, iter(range(_MOST_NODES)))


def _leaves(node: Any, depth: int, budget: Iterator[int]) -> Iterator[tuple[str, Any]]:
    """``budget`` ends a tree whose branches lead back into it: a hundred a level are 100^16."""
    if depth > _DEEPEST:
        return
    if next(budget, None) is None:
        raise ValueError("the tree of attachments has too many branches")
    if "/Names" in node:
        names = list(node["/Names"])
        for key, spec in zip(names[::2], names[1::2], strict=False):
            value = spec.get_object()
            shown = value["/UF"] if "/UF" in value else value["/F"] if "/F" in value else key
            yield str(shown), value
    if "/Kids" in node:
        for kid in node["/Kids"]:
            yield from _leaves(kid.get_object(), depth + 1, budget)


def disagreements(reading: dict[str, Any] | None, seals: list[tuple[int, str, str]]) -> list[str]:
    """What the attached reading says of its signatures that the file does not bear out.

    ``seals``: (number, name, role) of those in the file, in order.
    """
    if reading is None:
        return []
    found = []
    state, said = reading.get("state"), reading.get("signatures")
    said = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    if not seals:
        if said or state in ("signed", "amended"):
            found.append(f"The attached reading is {state or 'signed'}, but the file has no signature.")
        return found
    if len(said) > len(seals):
        found.append(f"The attached reading has {len(said)} signatures, the file {len(seals)}.")
    for one, (number, name, role) in zip(said, seals, strict=False):
        if (one.get("number"), one.get("name"), one.get("role")) != (number, name, role):
            found.append(
                f"Signature {number} is by {name} ({role}); the attached reading says {one.get('name')} ({one.get('role')})."
            )
    return found
