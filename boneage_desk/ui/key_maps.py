"""Keys and mouse as the reader wants them: profiles of other viewers, the keys in force, and keys that two commands claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtGui import QKeySequence

from boneage_desk.common.i18n import mark
from boneage_desk.ui.actions import ACTIONS, SPECS

MOUSE: Mapping[str, str] = {"left": "window", "middle": "pan", "right": "zoom", "wheel": "zoom"}
"""What a drag with each button and the wheel do where nothing else was chosen. 'left': the tool that is chosen at first."""


@dataclass(frozen=True, slots=True)
class KeyProfile:
    """Keys by command that differ from this program's own, where they come from, and what could not be taken over."""

    id: str
    name: str
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mouse: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


PROFILES: tuple[KeyProfile, ...] = (
    KeyProfile("", mark("BoneAge Desk"), note=mark("The program's own keys.")),
    KeyProfile(
        "weasis", "Weasis",
        {
            "rotate-tool": ("R",), "rotate-right": ("Alt+R",), "rotate-left": ("Alt+L",), "flip-h": ("Alt+F",),
            "flip-v": ("Alt+V",), "note-tool": ("B",), "zoom-bone": ("Shift+Q",), "overlays": ("Space", "I"),
            "invert": ("Ctrl+I",),
        },
        note=mark(
            "After Weasis' list of shortcuts: T, W, Z, R, D, A, B, K, Space and I, Alt+R, Alt+L, Alt+F, figures for presets. Not "
            "taken over: Escape (here: cancel), Ctrl+Enter (here: mark reviewed), P (here: earlier film), the arrows (here: bones "
            "and grades). Alt+V, Ctrl+I and Shift+Q are this program's."
        ),
    ),
    KeyProfile(
        "ohif", "OHIF",
        {
            "reset-view": ("Space", "Ctrl+R"), "overlays": ("Shift+Space",), "remove-annotation": ("Backspace", "Shift+Delete"),
            "reset-box": ("Ctrl+Backspace",),
        },
        note=mark(
            "After OHIF's default hotkeys: Z, R, L, H, V, I, =, Space (reset), Backspace (delete the measurement), figures for "
            "presets. Not taken over: + and - (the wheel zooms), the arrows (here: bones and grades). Shift+Space and "
            "Ctrl+Backspace are this program's."
        ),
    ),
    KeyProfile(
        "radiant", "RadiAnt",
        note=mark(
            "RadiAnt's default keys could not be looked up when this was made, and are not guessed: the program's own keys stay. "
            "Set below what your hands know."
        ),
    ),
)  # fmt: skip


def profile(id: str) -> KeyProfile:
    """The profile ``id``; the program's own for an unknown one (a settings file of another version)."""
    return next((known for known in PROFILES if known.id == id), PROFILES[0])


def in_force(chosen: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Keys by command: those chosen, else the program's own. Commands of another version are passed over."""
    return {spec.id: tuple(chosen.get(spec.id, spec.keys)) for spec in ACTIONS}


def _plain(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)


def conflicts(keys: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Keys that more than one command claims, and those commands. All scopes meet on the film."""
    claimed: dict[str, list[str]] = {}
    for id, own in keys.items():
        for key in dict.fromkeys(map(_plain, own)):
            if key:
                claimed.setdefault(key, []).append(id)
    return {key: tuple(ids) for key, ids in claimed.items() if len(ids) > 1}


def changed(id: str, keys: tuple[str, ...], chosen: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """``chosen`` with other keys for a command; what is the program's own again is left out."""
    fresh = {known: own for known, own in chosen.items() if known != id}
    if tuple(map(_plain, keys)) != tuple(map(_plain, SPECS[id].keys)):
        fresh[id] = keys
    return fresh


def mouse_map(chosen: Mapping[str, str]) -> dict[str, str]:
    """What each button and the wheel do: as chosen, else as it comes."""
    return {part: chosen.get(part, does) for part, does in MOUSE.items()}
