"""Typed settings in one JSON file; unknown keys are kept, illegal values are told, never guessed."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boneage_desk.common import private
from boneage_desk.common.errors import InputError, StoreError
from boneage_desk.common.files import SETTINGS_BYTES, parse_json, small_text

SETTINGS_VERSION = 1
SECOND_OPINIONS = ("whole-hand", "dual", "cascade", "regression")
"""Engines that give a second bone age of the whole film, in the order in which they are shown."""
CONCLUSION_RULES = ("brush-2sd", "stuart-2sd", "rus-chn-years")
"""Ids of `standards.rules`: by what a bone age is called delayed, normal or advanced."""
SITE_STANDARDS = ("rus-chn", "tw3-rus", "tw3-c-rus")
"""Ids of `standards.catalogue.OF_A_SITE`: what a site may go by."""
MOUSE_DOES = ("window", "pan", "zoom", "none")
MOUSE_PARTS = ("left", "middle", "right", "wheel")
REPORT_LANGUAGES = ("en", "zh", "en+zh")
GROWTH_REFERENCES = ("who2007", "cdc2000", "china2009")
"""Growth references by id (`standards.growth`)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site or reader chose. ``paper``: 'A4' or 'Letter'. ``language``: of the window, 'en' or 'zh'.

    ``font_points``: size of the window's words, 8 to 18; 0 is the design's own. ``mouse``: what a drag on the film does by
    button ('left', 'middle', 'right'), and the wheel ('wheel'): one of :data:`MOUSE_DOES`; what is not named is as it comes.
    ``keys``: of a command's id, the keys that take the place of its own; none: it has no key. ``key_profile``: the profile
    that they began with.

    ``report_language``: 'en', 'zh' or 'en+zh' (both in one report); '' is as ``language``. ``report_header`` and
    ``report_footer``: lines of the site, parted by line breaks. ``report_logo``: path of a PNG or JPEG. ``report_map``: with
    the page of where the second opinion's model looked. ``report_growth``: with the growth page, where anything of the
    child's growth is known. ``growth_reference``: one of :data:`GROWTH_REFERENCES`, for SD scores and the chart; it is
    always named. China 2009 by default, as RUS-CHN is the default standard.

    ``conclusion_rule``: of new readings, one of :data:`CONCLUSION_RULES`; a reading that there is keeps its own.
    ``site_standard``: of new readings likewise, one of :data:`SITE_STANDARDS`: it is listed first and marked among the
    standards, with its SD score. The reading's own bone age is RUS-CHN's in any case.

    ``device``: 'auto', 'cpu' or 'cuda'. ``second_opinion_engines``: ids of the whole-hand models that are asked
    after the 13 bones, where they are installed; none turns second opinions off.

    The key that signs: ``signing_pkcs12``, path of a PKCS#12 file; or ``signing_pkcs11_module``, path of a token's driver,
    with the token's label or slot and the key's label; neither: a key that the station makes itself. ``signing_tsa``: URL
    of a time-stamp authority, '' for none. ``signing_trust``: folder of certificates (PEM) that this site trusts.

    ``watch_folder``: films that come into it come into the work list; '' for none.

    ``backup_folder``: where a backup is made every ``backup_every_hours`` and the newest ``backup_keep`` stay; '' or 0
    hours: none is made by itself. ``lock_minutes``: the window locks after so long without a key or the mouse; 0: never.
    15: longer than a telephone call over a film, shorter than a ward round in which a child's name stays on the screen.
    """

    language: str = "en"
    theme: str = "dark"
    paper: str = "A4"
    device: str = "auto"
    reader_name: str = ""
    site_name: str = ""
    report_language: str = ""
    report_header: str = ""
    report_footer: str = ""
    report_logo: str = ""
    conclusion_rule: str = "brush-2sd"
    site_standard: str = "rus-chn"
    report_map: bool = False
    report_growth: bool = False
    growth_reference: str = "china2009"
    second_opinion_engines: tuple[str, ...] = ("whole-hand",)
    signing_pkcs12: str = ""
    signing_pkcs11_module: str = ""
    signing_pkcs11_token: str = ""
    signing_pkcs11_slot: int | None = None
    signing_pkcs11_key: str = ""
    signing_tsa: str = ""
    signing_trust: str = ""
    backup_folder: str = ""
    backup_every_hours: int = 24
    backup_keep: int = 14
    lock_minutes: int = 15
    watch_folder: str = ""
    font_points: int = 0
    mouse: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key_profile: str = ""

    def __post_init__(self) -> None:
        allowed = {
            "language": ("en", "zh"),
            "theme": ("dark", "light", "system"),
            "paper": ("A4", "Letter"),
            "device": ("auto", "cpu", "cuda"),
            "report_language": ("", *REPORT_LANGUAGES),
            "conclusion_rule": CONCLUSION_RULES,
            "site_standard": SITE_STANDARDS,
            "growth_reference": GROWTH_REFERENCES,
        }
        for key, values in allowed.items():
            if getattr(self, key) not in values:
                raise InputError(
                    f"Setting '{key}' is '{getattr(self, key)}'.", f"Use one of: {', '.join(filter(None, values))}."
                )
        for known in dataclasses.fields(self):
            if isinstance(known.default, str) and not isinstance(getattr(self, known.name), str):
                raise InputError(f"Setting '{known.name}' is {getattr(self, known.name)!r}.", "Write it as text.")
        if not isinstance(self.report_map, bool):
            raise InputError(f"Setting 'report_map' is {self.report_map!r}.", "Use one of: true, false.")
        if not isinstance(self.report_growth, bool):
            raise InputError(f"Setting 'report_growth' is {self.report_growth!r}.", "Use one of: true, false.")
        _check_signing(self)
        _check_station(self)
        _check_hands(self)
        chosen = self.second_opinion_engines
        if not isinstance(chosen, list | tuple) or any(engine not in SECOND_OPINIONS for engine in chosen):
            raise InputError(
                f"Setting 'second_opinion_engines' is {chosen!r}.", f"Use a list of: {', '.join(SECOND_OPINIONS)}."
            )
        object.__setattr__(self, "second_opinion_engines", tuple(dict.fromkeys(chosen)))

    @property
    def of_report(self) -> str:
        """The report's language: 'en', 'zh' or 'en+zh'."""
        return self.report_language or self.language


def _check_signing(chosen: Settings) -> None:
    texts = ("pkcs12", "pkcs11_module", "pkcs11_token", "pkcs11_key", "tsa", "trust")
    for key in (f"signing_{name}" for name in texts):
        if not isinstance(getattr(chosen, key), str):
            raise InputError(f"Setting '{key}' is {getattr(chosen, key)!r}.", "Write it as text.")
    slot = chosen.signing_pkcs11_slot
    if slot is not None and (isinstance(slot, bool) or not isinstance(slot, int) or slot < 0):
        raise InputError(f"Setting 'signing_pkcs11_slot' is {slot!r}.", "Write a number from 0, or leave it out.")
    if chosen.signing_pkcs12 and chosen.signing_pkcs11_module:
        raise InputError(
            "Settings 'signing_pkcs12' and 'signing_pkcs11_module' name two keys.", "Keep the one that shall sign."
        )
    if chosen.signing_pkcs11_module and not chosen.signing_pkcs11_key:
        raise InputError("Setting 'signing_pkcs11_key' is missing.", "Write the label of the token's key.")
    if chosen.signing_tsa and not chosen.signing_tsa.lower().startswith(("https://", "http://")):
        raise InputError(f"Setting 'signing_tsa' is '{chosen.signing_tsa}'.", "Write a URL that begins with https://.")


def _check_hands(chosen: Settings) -> None:
    """Font, mouse and keys."""
    size = chosen.font_points
    if isinstance(size, bool) or not isinstance(size, int) or not (size == 0 or 8 <= size <= 18):
        raise InputError(f"Setting 'font_points' is {size!r}.", "Write a whole number from 8 to 18, or 0.")
    mouse, keys = chosen.mouse, chosen.keys
    if not isinstance(mouse, Mapping) or any(
        part not in MOUSE_PARTS or does not in MOUSE_DOES for part, does in mouse.items()
    ):
        raise InputError(f"Setting 'mouse' is {mouse!r}.", "Write an object like {\"left\": \"window\"}.")
    legal = isinstance(keys, Mapping) and all(
        isinstance(id, str) and isinstance(own, list | tuple) and all(isinstance(key, str) for key in own)
        for id, own in keys.items()
    )
    if not legal:
        raise InputError("Setting 'keys' is no list of keys by command.", "Write an object like {\"invert\": [\"I\"]}.")
    if not isinstance(chosen.key_profile, str):
        raise InputError(f"Setting 'key_profile' is {chosen.key_profile!r}.", "Write it as text.")
    object.__setattr__(chosen, "keys", {id: tuple(own) for id, own in keys.items()})
    object.__setattr__(chosen, "mouse", dict(mouse))


def _check_station(chosen: Settings) -> None:
    for key in ("backup_folder", "watch_folder"):
        if not isinstance(getattr(chosen, key), str):
            raise InputError(f"Setting '{key}' is {getattr(chosen, key)!r}.", "Write a folder's path, or ''.")
    for key, least, most in (("backup_every_hours", 0, 8760), ("backup_keep", 1, 10_000), ("lock_minutes", 0, 1440)):
        value = getattr(chosen, key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InputError(f"Setting '{key}' is {value!r}.", f"Write a whole number from {least} to {most}.")


def load(folder: Path) -> Settings:
    """Settings from ``folder/settings.json``; defaults where the file or a key is missing.

    Raises InputError when the file is not valid JSON or a value is illegal.
    """
    path = folder / "settings.json"
    if not path.exists():
        return Settings()
    try:
        raw = parse_json(small_text(path, SETTINGS_BYTES))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The settings file cannot be read ({error}).", f"Mend or delete {path.name} in the data folder."
        ) from error
    if not isinstance(raw, dict):
        raise InputError("The settings file does not hold a JSON object.", f"Delete {path.name}.")
    version = raw.get("version", SETTINGS_VERSION)
    if isinstance(version, bool) or not isinstance(version, int):
        raise InputError(f"The version of the settings is {str(version)[:40]!r}.", f"Mend or delete {path.name}.")
    if version > SETTINGS_VERSION:
        raise InputError("The settings were written by a newer version.", "Update BoneAge Desk.")
    names = {field.name for field in dataclasses.fields(Settings)}
    return Settings(**{key: value for key, value in raw.items() if key in names})


def save(folder: Path, settings: Settings) -> None:
    """Write atomically; keys of other versions that stand in the file are kept."""
    path = folder / "settings.json"
    kept: dict[str, Any] = {}
    if path.exists():
        try:
            old = parse_json(small_text(path, SETTINGS_BYTES))
            kept = old if isinstance(old, dict) else {}
        except (OSError, ValueError):
            kept = {}
    kept.update(dataclasses.asdict(settings), version=SETTINGS_VERSION)
    temporary = path.with_suffix(".tmp")
    try:
        private.write_bytes(temporary, json.dumps(kept, indent=1, ensure_ascii=False).encode("utf-8"))
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"Settings could not be saved ({error}).", "Check disk space and rights.") from error
