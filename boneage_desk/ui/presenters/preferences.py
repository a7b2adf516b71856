"""The settings while the window is open: what can be chosen, what was, what is in force at once, and their way to the disk."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from boneage_desk.common import settings
from boneage_desk.common.errors import InputError
from boneage_desk.common.i18n import mark, tr
from boneage_desk.common.settings import Settings
from boneage_desk.ui.presenters.desk import Desk

AUTO = mark("as this program's language")


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the dialog. ``kind``: 'choice', 'text', 'lines', 'number', 'switch', 'file', 'folder' or 'fact' (read only).

    ``choices``: values and their words. ``live``: in force at once; else with the next start.
    ``zero``: what a number of 0 means.
    """

    key: str
    section: str
    title: str
    kind: str
    note: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 0
    live: bool = False
    zero: str = ""


LOOK, HANDS, READING = mark("Appearance"), mark("Keys and mouse"), mark("Reading")
REPORT, MODELS, STATION = mark("Report"), mark("Models"), mark("Station and folders")
SIGNING = mark("Signature")
SECTIONS = (LOOK, HANDS, READING, MODELS, REPORT, SIGNING, STATION)
_DOES = (("window", mark("window")), ("pan", mark("pan")), ("zoom", mark("zoom")), ("none", mark("nothing")))

OPTIONS: tuple[Option, ...] = (
    Option("theme", LOOK, mark("Colours"), "choice", mark("The film stays on black in each."), (
        ("dark", mark("dark")), ("light", mark("light")), ("system", mark("as the system"))), live=True),
    Option("language", LOOK, mark("Language"), "choice", mark("Of the window. The report's is chosen by itself."), (
        ("en", "English"), ("zh", "\u4e2d\u6587")),),
    Option("font_points", LOOK, mark("Size of the words"), "number", mark("In points; the design's own is 10."),
           least=0, most=18, zero=mark("as designed")),
    Option("mouse.left", HANDS, mark("Left drag at the start"), "choice",
           mark("The tool that is chosen when the window opens; the tool bar and the keys of the tools change it."), _DOES[:3], live=True),
    Option("mouse.middle", HANDS, mark("Middle drag"), "choice", "", _DOES, live=True),
    Option("mouse.right", HANDS, mark("Right drag"), "choice", mark("A right click opens the film's menu in any case."), _DOES,
           live=True),
    Option("mouse.wheel", HANDS, mark("Wheel"), "choice", "", (_DOES[2], _DOES[3]), live=True),
    Option("standard", READING, mark("Standard of the grades"), "fact",
           mark("The 13 bones are graded by RUS-CHN, and the error of its bone age was measured: banner, list and report give it.")),
    Option("site_standard", READING, mark("Standard of this site"), "choice",
           mark("It follows from the same grades. Other than RUS-CHN, it is listed first and marked, with its SD score, on the page "
                "Standards and in the report's table of standards; the bone age of banner, list and report stays that of RUS-CHN. Of "
                "readings that begin from now on."), (
        ("rus-chn", "RUS-CHN"), ("tw3-rus", "TW3 RUS"), ("tw3-c-rus", mark("TW3-C RUS (Chinese norms)"))), live=True),
    Option("conclusion_rule", READING, mark("Delayed, normal, advanced by"), "choice",
           mark("Of readings that begin from now on; one that is there keeps its rule."), (
        ("brush-2sd", mark("2 SD of Brush Foundation")), ("stuart-2sd", mark("2 SD of Stuart")),
        ("rus-chn-years", mark("RUS-CHN: 1 and 2 years"))), live=True),
    Option("growth_reference", READING, mark("Growth reference"), "choice", mark("For height and weight."), (
        ("china2009", mark("China 2009")), ("who2007", "WHO 2007"), ("cdc2000", "CDC 2000"))),
    Option("device", MODELS, mark("Computes on"), "choice", "", (
        ("auto", mark("the graphics card where there is one")), ("cpu", mark("the processor")), ("cuda", "CUDA"))),
    *(
        Option(f"opinion.{engine}", MODELS, name, "switch", mark("Asked for a second opinion after the 13 bones."), live=True)
        for engine, name in (("whole-hand", mark("Whole hand")), ("dual", mark("Dual output")),
                             ("cascade", mark("Region cascade")), ("regression", mark("Regression")))
    ),
    Option("site_name", REPORT, mark("Name of the site"), "text"),
    Option("report_language", REPORT, mark("Language of the report"), "choice", "", (
        ("", AUTO), ("en", "English"), ("zh", "\u4e2d\u6587"), ("en+zh", mark("both in one report")))),
    Option("paper", REPORT, mark("Paper"), "choice", "", (("A4", "A4"), ("Letter", "Letter")), live=True),
    Option("report_header", REPORT, mark("Lines above the report"), "lines"),
    Option("report_footer", REPORT, mark("Lines below the report"), "lines"),
    Option("report_logo", REPORT, mark("Logo"), "file", mark("A PNG or JPEG picture.")),
    Option("report_map", REPORT, mark("Page of where the model looked"), "switch", live=True),
    Option("report_growth", REPORT, mark("Growth page"), "switch", mark("Where anything of the child's growth is known.")),
    Option("reader_name", SIGNING, mark("Reader"), "text", mark("Suggested where a profile is made; each account has its own.")),
    Option("signing_pkcs12", SIGNING, mark("Key file"), "file", mark("PKCS#12; none: a key that the station makes itself.")),
    Option("signing_pkcs11_module", SIGNING, mark("Driver of the token"), "file", mark("Instead of a key file.")),
    Option("signing_pkcs11_token", SIGNING, mark("Label of the token"), "text"),
    Option("signing_pkcs11_key", SIGNING, mark("Label of its key"), "text"),
    Option("signing_tsa", SIGNING, mark("Time-stamp authority"), "text", mark("A URL; none: no time stamp.")),
    Option("signing_trust", SIGNING, mark("Trusted certificates"), "folder", mark("PEM files that this site trusts.")),
    Option("lock_minutes", STATION, mark("Lock after minutes"), "number", mark("Without a key or the mouse."),
           most=1440, live=True, zero=mark("never")),
    Option("data_dir", STATION, mark("Data folder"), "fact", mark("Chosen at the start: --data, or BONEAGE_DESK_DATA.")),
    Option("watch_folder", STATION, mark("Watched folder"), "folder",
           mark("Films that come into it come into the work list; none: no folder is watched."), live=True),
    Option("backup_folder", STATION, mark("Folder of the backups"), "folder", mark("None: no backup is made by itself.")),
    Option("backup_every_hours", STATION, mark("Hours between backups"), "number", most=8760, live=True, zero=mark("none")),
    Option("backup_keep", STATION, mark("Backups that are kept"), "number", least=1, most=10_000, live=True),
)  # fmt: skip


class Preferences(QObject):
    """The settings in force. ``changed`` names the field (a `Settings` field) that has a new value."""

    changed = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk

    @property
    def settings(self) -> Settings:
        """As they are now; what needs a new start is among them already."""
        return self._desk.services.settings

    def value(self, option: Option) -> Any:
        """What an option holds now."""
        part, _, name = option.key.partition(".")
        if part == "mouse":
            from boneage_desk.ui.key_maps import mouse_map

            return mouse_map(self.settings.mouse)[name]
        if part == "opinion":
            return name in self._desk.opinions.chosen
        if option.key == "data_dir":
            return str(self._desk.services.data_dir)
        if option.key == "standard":
            return "RUS-CHN"
        return getattr(self.settings, option.key)

    def set(self, option: Option, value: Any) -> str:
        """Take a value over and keep it; '' or why it is refused, in the person's language."""
        part, _, name = option.key.partition(".")
        if part == "opinion":
            if (name in self._desk.opinions.chosen) != value:
                self._desk.opinions.toggle(name)
            return ""
        if part == "mouse":
            return self.put(mouse={**self.settings.mouse, name: value})
        return self.put(**{option.key: value})

    def put(self, **fields: Any) -> str:
        """The same, by `Settings` field."""
        from boneage_desk.ui.presenters.messages import of_error

        try:
            fresh = dataclasses.replace(self.settings, **fields)
        except InputError as error:
            told = of_error(error)
            return f"{told.text} {told.remedy}".strip()
        if fresh == self.settings:
            return ""
        desk = self._desk
        desk.services = dataclasses.replace(desk.services, settings=fresh)

        def work(_token: object, _progress: object) -> None:
            kept = settings.load(desk.services.data_dir)
            settings.save(desk.services.data_dir, dataclasses.replace(kept, **fields))

        desk.run_later("settings", tr("Keeping the settings"), work, lambda _done: None, tr("The settings were not kept"))
        for field in fields:
            self.changed.emit(field)
        return ""


def found(option: Option, typed: str) -> bool:
    """Whether every typed word stands in the option's words, in the language in use or in English."""
    words = " ".join(
        (option.section, option.title, option.note, tr(option.section), tr(option.title), tr(option.note), option.key,
         *(word for _, title in option.choices for word in (title, tr(title))))
    ).lower()  # fmt: skip
    return all(word in words for word in typed.lower().split())


