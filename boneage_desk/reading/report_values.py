"""Small values and clean-up shared by the report's modules."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled line. ``known`` False: ``value`` says that and why it is not known."""

    key: str
    label: str
    value: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class BoneRow:
    """One line of the table: printed words. ``note`` stands under the line."""

    bone: str
    code: str
    name: str
    machine: str
    probability: str
    human: str
    final: str
    score: str
    changed: bool = False
    uncertain: bool = False
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Machine, probability, human, final, score: the columns after the bone's name."""
        return self.machine, self.probability, self.human, self.final, self.score


def clean(text: str, *, lines: bool = False) -> str:
    """Text of a file or person made safe to print: no control, bidirectional or surrogate characters.

    Runs of white space become one space; with ``lines``, line breaks stay.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if char == "\n":
            kept.append("\n" if lines else " ")
        elif category in ("Cc", "Zs", "Zl", "Zp"):
            kept.append(" ")
        elif category not in ("Cf", "Cs", "Cn"):
            kept.append(char)
    return "\n".join(" ".join(line.split()) for line in "".join(kept).split("\n")).strip()


def person(text: str) -> str:
    """A DICOM person name for print: family name in capitals, then the other parts, then other scripts.

    >>> person("DOE^Jane^^Dr")
    'DOE Jane Dr'
    """
    groups = text.split("=")
    parts = [part for part in groups[0].split("^") if part.strip()]
    latin = " ".join([parts[0].upper(), *parts[1:]]) if "^" in groups[0] and parts else " ".join(parts)
    other = groups[1].replace("^", "") if len(groups) > 1 else ""
    return clean(" ".join(part for part in (latin, other) if part))
