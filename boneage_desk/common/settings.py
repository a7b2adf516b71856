"""Typed settings in one JSON file; unknown keys are kept, illegal values are told, never guessed."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boneage_desk.common.errors import InputError, StoreError

SETTINGS_VERSION = 1
SECOND_OPINIONS = ("whole-hand", "dual", "cascade", "regression")
"""Engines that give a second bone age of the whole film, in the order in which they are shown."""
REPORT_LANGUAGES = ("en", "zh", "en+zh")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a site or reader chose. ``paper``: 'A4' or 'Letter'. ``language``: of the window, 'en' or 'zh'.

    ``report_language``: 'en', 'zh' or 'en+zh' (both in one report); '' is as ``language``. ``report_header`` and
    ``report_footer``: lines of the site, parted by line breaks. ``report_logo``: path of a PNG or JPEG.

    ``device``: 'auto', 'cpu' or 'cuda'. ``second_opinion_engines``: ids of the whole-hand models that are asked
    after the 13 bones, where they are installed; none turns second opinions off.
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
    second_opinion_engines: tuple[str, ...] = ("whole-hand",)

    def __post_init__(self) -> None:
        allowed = {
            "language": ("en", "zh"),
            "theme": ("dark", "light", "system"),
            "paper": ("A4", "Letter"),
            "device": ("auto", "cpu", "cuda"),
            "report_language": ("", *REPORT_LANGUAGES),
        }
        for key, values in allowed.items():
            if getattr(self, key) not in values:
                raise InputError(
                    f"Setting '{key}' is '{getattr(self, key)}'.", f"Use one of: {', '.join(filter(None, values))}."
                )
        for key in ("report_header", "report_footer", "report_logo"):
            if not isinstance(getattr(self, key), str):
                raise InputError(f"Setting '{key}' is {getattr(self, key)!r}.", "Write it as text.")
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


def load(folder: Path) -> Settings:
    """Settings from ``folder/settings.json``; defaults where the file or a key is missing.

    Raises InputError when the file is not valid JSON or a value is illegal.
    """
    path = folder / "settings.json"
    if not path.exists():
        return Settings()
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The settings file cannot be read ({error}).", f"Mend or delete {path.name} in the data folder."
        ) from error
    if not isinstance(raw, dict):
        raise InputError("The settings file does not hold a JSON object.", f"Delete {path.name}.")
    if int(raw.get("version", SETTINGS_VERSION)) > SETTINGS_VERSION:
        raise InputError("The settings were written by a newer version.", "Update BoneAge Desk.")
    names = {field.name for field in dataclasses.fields(Settings)}
    return Settings(**{key: value for key, value in raw.items() if key in names})


def save(folder: Path, settings: Settings) -> None:
    """Write atomically; keys of other versions that stand in the file are kept."""
    path = folder / "settings.json"
    kept: dict[str, Any] = {}
    if path.exists():
        try:
            old = json.loads(path.read_text(encoding="utf-8"))
            kept = old if isinstance(old, dict) else {}
        except ValueError:
            kept = {}
    kept.update(dataclasses.asdict(settings), version=SETTINGS_VERSION)
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"Settings could not be saved ({error}).", "Check disk space and rights.") from error
