"""The one table of commands: id, title, keys, menu, where the keys work, when it may be used.

Menus, tool bar, keys, the command palette (Ctrl+K) and the shortcut sheet (F1) read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from boneage_desk.common.i18n import mark, tr
from boneage_desk.reading.second_opinion import ENGINE_NAMES
from boneage_desk.ui.presenters import key_words
from boneage_desk.ui.presenters.bone_order import NAMES, TIPS, Order


class Scope(Enum):
    """Where the keys work. READING: film and grade panel, not text fields or the work list."""

    WINDOW = "everywhere"
    READING = "film and bones"
    FILM = "film"


@dataclass(frozen=True, slots=True)
class UiState:
    """What decides whether a command may be used."""

    reading: bool = False
    film: bool = False
    editable: bool = False
    reviewed: bool = False
    reading_job: bool = False
    box: bool = False
    human_box: bool = False
    overridden: bool = False
    can_undo: bool = False
    can_redo: bool = False
    unsaved: bool = False
    presets: int = 0
    analysed: bool = False
    opinion: bool = False
    opinion_job: bool = False
    opinion_engines: tuple[str, ...] = ()
    comment: bool = False
    regions: bool = False
    map: bool = False
    blind: bool = False
    """The machine's grades are hidden (blind reading)."""
    left: int = 0
    """Bones that nobody looked at; ``flagged``: those of them that are worth a look."""
    flagged: int = 0
    annotation: bool = False
    beside: bool = False


def always(_state: UiState) -> bool:
    return True


def with_reading(state: UiState) -> bool:
    return state.reading


def with_film(state: UiState) -> bool:
    return state.film


def editable(state: UiState) -> bool:
    return state.reading and state.editable


@dataclass(frozen=True, slots=True)
class ActionSpec:
    id: str
    title: str
    keys: tuple[str, ...] = ()
    menu: str = ""
    scope: Scope = Scope.WINDOW
    enabled: Callable[[UiState], bool] = always
    checkable: bool = False
    tip: str = ""


def _spec(
    id: str, title: str, keys: str, menu: str, scope: Scope, enabled: Callable[[UiState], bool], **more: object
) -> ActionSpec:
    return ActionSpec(id, title, tuple(keys.split()), menu, scope, enabled, **more)  # type: ignore[arg-type]


W, R, F = Scope.WINDOW, Scope.READING, Scope.FILM

OPINION_TIP = mark("{name}: a bone age of the whole film after the 13 bones")
PRESET = mark("Window preset {number}")
MENUS = (mark("File"), mark("Edit"), mark("Bones"), mark("Reading"), mark("Film"), mark("View"), mark("Help"))
SUBMENUS = {mark("Measure and note"): "Film", mark("Turn freely"): "Film", mark("Filter and shape"): "Film",
            mark("Film beside"): "Film", mark("Where it looked, by"): "Film", mark("Window presets"): "Film",
            mark("Second opinion by"): "Reading", mark("Order of the bones"): "Bones", mark("Export"): "File"}
"""Menus within a menu."""
NEW_GROUP = frozenset({
    "paste", "save-again", "export-films", "settings", "quit", "edit-boxes", "grade-down", "next-unreviewed", "machine-grade",
    "zoom-bone", "blind-first", "read-again", "Measure and note", "invert", "fit", "overlays", "saliency", "Window presets",
    "work-list", "queue", "film-window", "guide", "copy-diagnostics", "remove-annotation", "key-image", "turn-right-little", "sigmoid",
})  # fmt: skip
"""Commands, and menus within a menu, before which there is a line: what follows is of another kind."""

ACTIONS: tuple[ActionSpec, ...] = (
    _spec("open", mark("Open\N{HORIZONTAL ELLIPSIS}"), "Ctrl+O", "File", W, always, tip=mark("Open a film (DICOM, PNG, JPEG, TIFF, zip)")),
    _spec("open-folder", mark("Open folder\N{HORIZONTAL ELLIPSIS}"), "Ctrl+Shift+O", "File", W, always),
    _spec("demo", mark("Open the demo study"), "", "File", W, always),
    _spec("open-knee", mark("Open a knee film\N{HORIZONTAL ELLIPSIS}"), "Ctrl+Shift+K", "File", W, always,
          tip=mark("A window of its own: bone age of a knee by a model that this site trained")),
    _spec("paste", mark("Paste a picture or film"), "Ctrl+V", "File", W, always,
          tip=mark("A picture on the clipboard becomes a film without DICOM")),
    _spec("watch-folder", mark("Watch a folder\N{HORIZONTAL ELLIPSIS}"), "", "File", W, always, checkable=True,
          tip=mark("Films that come into it come into the list")),
    _spec("save-again", mark("Save again"), "", "File", W, lambda s: s.unsaved),
    _spec("print", mark("Print the report\N{HORIZONTAL ELLIPSIS}"), "Ctrl+P", "File", W, with_reading),
    _spec("report", mark("Write and open the report"), "Ctrl+E", "File", W, with_reading),
    _spec("report-as", mark("Write the report as\N{HORIZONTAL ELLIPSIS}"), "Ctrl+Shift+P", "File", W, with_reading),
    _spec("copy-report", mark("Copy the report as text"), "Ctrl+Shift+C", "File", W, with_reading, tip=mark("For the RIS")),
    _spec("export-text", mark("Export the report as text\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, with_reading),
    _spec("export-json", mark("Export the reading as JSON\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, with_reading),
    _spec("export-fhir", mark("Export the report as FHIR\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, with_reading),
    _spec("export-dicom", mark("DICOM results\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, with_reading,
          tip=mark("Structured report, boxes, annotated film and key objects for the archive; once signed, the sealed report too")),
    _spec("export-films", mark("Export films without names\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, always,
          tip=mark("Copies for teaching and research: DICOM PS3.15, new UIDs, a manifest")),
    _spec("export-training", mark("Export decisions for training\N{HORIZONTAL ELLIPSIS}"), "", "Export", W, always,
          tip=mark("Films, boxes and grades that persons decided here, as the train command reads them")),
    _spec("settings", mark("Settings\N{HORIZONTAL ELLIPSIS}"), "Ctrl+,", "File", W, always,
          tip=mark("Appearance, language, keys and mouse, report, folders, models")),
    _spec("lock", mark("Lock the screen"), "Ctrl+L", "File", W, always, tip=mark("Hide everything until you are back")),
    _spec("quit", mark("Quit"), "Ctrl+Q", "File", W, always),
    _spec("undo", mark("Undo"), "Ctrl+Z", "Edit", W, lambda s: s.can_undo and s.editable),
    _spec("redo", mark("Do again"), "Ctrl+Y Ctrl+Shift+Z", "Edit", W, lambda s: s.can_redo and s.editable),
    _spec("edit-boxes", mark("Edit boxes"), "E", "Edit", R, lambda s: s.film and s.editable, checkable=True,
          tip=mark("Drag a box or its handles; drag elsewhere draws a missing box")),
    _spec("reset-box", mark("Back to the machine's box"), "Backspace", "Edit", R, lambda s: s.human_box and s.editable),
    _spec("remove-box", mark("Take the box off the bone"), "Shift+Backspace", "Edit", R, lambda s: s.film and s.box and s.editable,
          tip=mark("The place is wrong: the bone has no box, no grade of the machine and no points until you draw one or grade it")),
    _spec("previous-bone", mark("Previous bone"), "Up", "Bones", R, with_reading),
    _spec("next-bone", mark("Next bone"), "Down", "Bones", R, with_reading),
    _spec("grade-down", mark("One grade less"), "Left", "Bones", R, editable),
    _spec("grade-up", mark("One grade more"), "Right", "Bones", R, editable),
    _spec("accept", mark("Accept the grade and go on"), "Return Enter", "Bones", R, editable),
    _spec("next-unreviewed", mark("Next bone not reviewed"), "N", "Bones", R, with_reading),
    _spec("next-flagged", mark("Next bone worth a look"), "J", "Bones", R, lambda s: s.reading and s.flagged > 0,
          tip=mark("Not looked at yet, and in doubt or with a measurement against its grade")),
    _spec("accept-all", mark("Accept all that are left"), "Shift+Return Shift+Enter", "Bones", R,
          lambda s: s.reading and s.editable and s.left > 0,
          tip=mark("One step; closed until the bones that are worth a look were looked at")),
    _spec("machine-grade", mark("Take back my grade"), "Delete", "Bones", R, editable),
    _spec("reason", mark("Reason for my grade"), "C", "Bones", R, lambda s: s.editable and s.overridden),
    _spec("pick-reason", mark("Pick a reason"), "Y", "Bones", R, lambda s: s.editable and s.overridden),
    *(
        _spec(f"order-{mode}", NAMES[mode], "", "Order of the bones", W, always, checkable=True, tip=TIPS[mode])
        for mode in Order
    ),
    _spec("next-order", mark("Next order of the bones"), "Shift+O", "Order of the bones", R, always,
          tip=mark("By anatomy, by ray, worth a look first")),
    _spec("zoom-bone", mark("Zoom to the bone"), "B", "Bones", R, lambda s: s.film and s.box),
    _spec("mark-reviewed", mark("Mark the reading reviewed"), "Ctrl+Return Ctrl+Enter", "Reading", W, editable),
    _spec("sign", mark("Sign the report\N{HORIZONTAL ELLIPSIS}"), "Ctrl+Shift+Return Ctrl+Shift+Enter", "Reading", W,
          lambda s: s.reading and (s.editable or s.reviewed), tip=mark("Seal the report; the reading is closed for changes")),
    _spec("reopen", mark("Reopen the reading"), "", "Reading", W, lambda s: s.reviewed),
    _spec("blind-first", mark("Blind first"), "", "Reading", W, always, checkable=True,
          tip=mark("Grade each film before the AI is shown, from the next reading on; both grades are kept")),
    _spec("reveal", mark("Show the AI's grades"), "Shift+B", "Reading", W, lambda s: s.reading and s.editable and s.blind,
          tip=mark("Ends the blind part of this reading; your grades until now are kept as given blind")),
    _spec("read-again", mark("Read again by the machine"), "F5", "Reading", W, lambda s: s.film and s.editable and not s.reading_job),
    _spec("cancel", mark("Cancel reading"), "Escape", "Reading", R, lambda s: s.reading_job or s.opinion_job),
    _spec("ask-again", mark("Ask for the second opinion again"), "Shift+F5", "Reading", W,
          lambda s: s.film and s.editable and s.analysed and not s.reading_job),
    _spec("comment-difference", mark("Comment on the difference"), "Shift+C", "Reading", R, lambda s: s.editable and s.comment,
          tip=mark("What you say of a difference between 13 bones and whole hand that is larger than usual")),
    *(
        _spec(f"opinion-{engine}", name, "", "Second opinion by", W, lambda s, engine=engine: engine in s.opinion_engines,  # type: ignore[misc]
              checkable=True, tip=OPINION_TIP)
        for engine, name in ENGINE_NAMES.items()
    ),
    _spec("window-tool", mark("Window tool"), "W", "Film", R, with_film, checkable=True,
          tip=mark("Left drag: right = wider, up = brighter")),
    _spec("pan-tool", mark("Pan tool"), "T", "Film", R, with_film, checkable=True),
    _spec("zoom-tool", mark("Zoom tool"), "Z", "Film", R, with_film, checkable=True),
    _spec("distance-tool", mark("Distance"), "D", "Measure and note", R, with_film, checkable=True,
          tip=mark("Drag from end to end; millimetres only as far as the file knows them")),
    _spec("angle-tool", mark("Angle"), "A", "Measure and note", R, with_film, checkable=True,
          tip=mark("Three clicks: one arm's end, the corner, the other arm's end")),
    _spec("note-tool", mark("Text note"), "Shift+N", "Measure and note", R, with_film, checkable=True),
    _spec("remove-annotation", mark("Delete the chosen measurement or note"), "Shift+Delete", "Measure and note", R,
          lambda s: s.annotation and s.editable),
    _spec("key-image", mark("Key image"), "K", "Measure and note", R, lambda s: s.film and s.editable, checkable=True,
          tip=mark("Mark this film as a key image; kept with the reading")),
    _spec("rotate-tool", mark("Turn freely with the mouse"), "Q", "Turn freely", R, with_film, checkable=True),
    _spec("turn-right-little", mark("Turn right by 1\N{DEGREE SIGN}"), "Shift+R", "Turn freely", R, with_film),
    _spec("turn-left-little", mark("Turn left by 1\N{DEGREE SIGN}"), "Shift+L", "Turn freely", R, with_film),
    _spec("lens", mark("Magnifier"), "X", "Film", R, with_film, checkable=True,
          tip=mark("A magnifier at the cursor; Ctrl+wheel changes its power")),
    _spec("sharpen", mark("Sharpen"), "S", "Filter and shape", R, with_film, checkable=True,
          tip=mark("Fine detail raised, on the screen only: the models never see it")),
    _spec("clahe", mark("Local contrast (CLAHE)"), "Shift+S", "Filter and shape", R, with_film, checkable=True,
          tip=mark("Contrast evened out place by place, on the screen only: the models never see it")),
    _spec("sigmoid", mark("Sigmoid window"), "Shift+W", "Filter and shape", R, with_film, checkable=True,
          tip=mark("A soft shoulder in place of the linear window; centre and width stay")),
    _spec("compare", mark("Earlier film beside"), "P", "Film beside", R, with_film, checkable=True,
          tip=mark("The newest earlier film of this child, at the same bone and scale")),
    _spec("compare-other", mark("Another film beside\N{HORIZONTAL ELLIPSIS}"), "Shift+P", "Film beside", R, with_film),
    _spec("compare-link", mark("Link both films"), "Shift+Z", "Film beside", R, lambda s: s.beside, checkable=True,
          tip=mark("Zoom and place follow the same bone on both films")),
    _spec("invert", mark("Invert"), "I", "Film", R, with_film, checkable=True),
    _spec("flip-h", mark("Flip left-right"), "H", "Film", R, with_film),
    _spec("flip-v", mark("Flip top-bottom"), "V", "Film", R, with_film),
    _spec("rotate-right", mark("Turn right"), "R", "Film", R, with_film),
    _spec("rotate-left", mark("Turn left"), "L", "Film", R, with_film),
    _spec("fit", mark("Fit the film"), "=", "Film", R, with_film),
    _spec("one-to-one", mark("One film pixel on one screen pixel"), "Ctrl+0", "Film", W, with_film),
    _spec("reset-view", mark("Reset the view"), "Ctrl+R", "Film", W, with_film),
    _spec("overlays", mark("Overlays: all, boxes only, none"), "Space", "Film", R, with_film),
    _spec("machine-boxes", mark("The machine's own boxes"), "Shift+E", "Film", R, with_film, checkable=True,
          tip=mark("Dotted, where a person's box is in force or none is")),
    _spec("widths", mark("Measured widths"), "M", "Film", R, with_film, checkable=True,
          tip=mark("The widths of the epiphysis (solid) and of the shaft's end (dashed) on the bone chosen")),
    _spec("saliency", mark("Where the grader looked"), "G", "Film", R, lambda s: s.film and s.box and not s.blind, checkable=True),
    _spec("grad-cam", mark("Grad-CAM"), "", "Where it looked, by", R, lambda s: s.film and s.box and not s.blind, checkable=True),
    _spec("occlusion", mark("Occlusion"), "", "Where it looked, by", R, lambda s: s.film and s.box and not s.blind, checkable=True,
          tip=mark("What the grade loses when a place is covered; slower")),
    _spec("whole-map", mark("Where the whole-hand model looked"), "Shift+G", "Film", R, lambda s: s.film and s.opinion, checkable=True,
          tip=mark("A map over the whole film of what moved the second opinion")),
    _spec("map-fainter", mark("Map fainter"), ",", "Film", R, lambda s: s.map),
    _spec("map-stronger", mark("Map stronger"), ".", "Film", R, lambda s: s.map),
    _spec("regions", mark("Regions of the cascade"), "O", "Film", R, lambda s: s.film and s.regions, checkable=True,
          tip=mark("What the cascade cut out: carpal bones green, solid; joints of the fingers' roots red, dashed")),
    _spec("auto-window", mark("Auto window"), "0", "Window presets", F, with_film),
    *(
        _spec(f"preset-{n}", f"Window preset {n}", str(n), "Window presets", F, lambda s, n=n: s.film and n <= s.presets)  # type: ignore[misc]
        for n in range(1, 10)
    ),
    _spec("full-screen", mark("Full screen"), "F11", "View", W, always, checkable=True),
    _spec("work-list", mark("Work list, as wide as the window"), "F9", "View", W, always, checkable=True,
          tip=mark("All columns of the list in the place of film and bones; again: back to the film")),
    _spec("side-list", mark("Work list beside the film"), "Shift+F9", "View", W, always, checkable=True),
    _spec("next-unread", mark("Next unread study"), "F8", "View", W, always,
          tip=mark("The next study in the list that nobody began")),
    _spec("find", mark("Find in the work list"), "Ctrl+F", "View", W, always),
    _spec("queue", mark("Queue of the background"), "F7", "View", W, always,
          tip=mark("Films that the machine reads while you read others")),
    _spec("pause-queue", mark("Pause or go on with the queue"), "Shift+F7", "View", W, always),
    _spec("film-window", mark("Film in a window of its own"), "Ctrl+F11", "View", W, with_film, checkable=True,
          tip=mark("For a second monitor; full screen there where there is one")),
    _spec("pages-window", mark("Bones and report in a window of their own"), "Shift+F11", "View", W, always, checkable=True,
          tip=mark("The pages Bones, Clinical and Report, for a second monitor; closing it brings them back")),
    _spec("move-panels", mark("Move the panels"), "", "View", W, always, checkable=True,
          tip=mark("Titles by which work list and pages are dragged to another side or out of the window")),
    _spec("reset-layout", mark("Layout as at first"), "", "View", W, always,
          tip=mark("Sizes and places of window, columns and pages")),
    _spec("palette", mark("Command palette"), "Ctrl+K", "Help", W, always),
    _spec("shortcuts", mark("Keyboard shortcuts"), "F1", "Help", W, always),
    _spec("guide", mark("First steps"), "Shift+F1", "Help", W, always, tip=mark("A short guide on the demo study")),
    _spec("copy-diagnostics", mark("Copy diagnostics"), "", "Help", W, always,
          tip=mark("Versions, models, settings and the log for the makers; without names, ids, dates or paths of patients")),
    _spec("about", mark("About BoneAge Desk"), "", "Help", W, always),
)  # fmt: skip

SPECS: Mapping[str, ActionSpec] = {spec.id: spec for spec in ACTIONS}

MOUSE_HELP: tuple[tuple[str, str], ...] = (
    (mark("Left drag"), mark("Window: right = wider, up = brighter (or the chosen tool)")),
    (mark("Middle drag"), mark("Pan")),
    (mark("Right drag"), mark("Zoom")),
    (mark("Right click"), mark("Menu of the film")),
    (mark("Wheel"), mark("Zoom at the cursor")),
    (mark("Double click on a box"), mark("Zoom to the bone")),
    (mark("Ends and lines of a measurement"), mark("Drag moves them; double click on a note: its words")),
    (mark("Arrows while boxes are edited"),
     mark("Move the box by a film pixel, with Shift by ten; with Ctrl its size; Delete takes it off")),
    (mark("H on a label"), mark("Placed or graded otherwise by a person; orange")),
    (mark("\N{BLACK UP-POINTING TRIANGLE} on the second opinion"), mark("It differs from the 13 bones more than 95 of 100 films do")),
    (mark("! on a label"), mark("Worth a look: place or grade are uncertain; yellow, dashed")),
    (mark("Figures in the bone table"), mark("Grade by its printed name: 6, or 7 0 for 7(0)")),
)


_REPEATED = ("previous-bone", "next-bone", "grade-down", "grade-up", "undo", "redo", "map-fainter", "map-stronger",
             "turn-right-little", "turn-left-little")  # fmt: skip


def key_text(keys: Iterable[str]) -> str:
    """Keys as this system writes them; the key pad's Enter goes without saying."""
    shown = [key for key in keys if not key.endswith("Enter")]
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in shown)


def title_of(spec: ActionSpec) -> str:
    """A command's name in the language in use."""
    if spec.id.startswith("preset-"):
        return tr(PRESET, number=spec.id.removeprefix("preset-"))
    return tr(spec.title)


def _tip(spec: ActionSpec) -> str:
    return tr(spec.tip, name=tr(spec.title)) if spec.tip == OPINION_TIP else tr(spec.tip)


class ActionSet(QObject):
    """A QAction for every row of the table, joined to its handler."""

    def __init__(
        self, window: QWidget, scopes: Mapping[Scope, Iterable[QWidget]], handlers: Mapping[str, Callable[[], object]],
        keys: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        super().__init__(window)
        missing, unknown = SPECS.keys() - handlers.keys(), handlers.keys() - SPECS.keys()
        if missing or unknown:
            raise ValueError(f"actions without handler: {sorted(missing)}; handlers without action: {sorted(unknown)}")
        self._actions: dict[str, QAction] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._locked = False
        for spec in ACTIONS:
            action = QAction(title_of(spec), self)
            action.setObjectName(spec.id)
            action.setCheckable(spec.checkable)
            whole = spec.scope is Scope.WINDOW
            context = Qt.ShortcutContext.WindowShortcut if whole else Qt.ShortcutContext.WidgetWithChildrenShortcut
            action.setShortcutContext(context)
            # a held key repeats moves through bones and grades, nothing else
            action.setAutoRepeat(spec.id in _REPEATED)
            handler = handlers[spec.id]
            action.triggered.connect(lambda _checked=False, handler=handler: handler())
            for widget in (window,) if whole else scopes[spec.scope]:
                widget.addAction(action)
            self._actions[spec.id] = action
        self.set_keys(keys or {})

    def set_keys(self, chosen: Mapping[str, tuple[str, ...]]) -> None:
        """Keys by command that take the place of the table's own; tool tips name those in force."""
        for spec in ACTIONS:
            own, action = chosen.get(spec.id, spec.keys), self._actions[spec.id]
            self._keys[spec.id] = tuple(own)
            action.setShortcuts([QKeySequence(key) for key in own])
            told = key_text(own)
            action.setToolTip((_tip(spec) or title_of(spec)) + (f" ({told})" if told else ""))
        key_words.use(self._keys)

    def keys(self, id: str) -> str:
        """The keys in force of a command, as this system writes them; '' for none."""
        return key_text(self._keys[id])

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def add_to(self, widget: QWidget, scope: Scope) -> None:
        """Let the keys of ``scope`` work in a widget that was made later."""
        for spec in ACTIONS:
            if spec.scope is scope:
                widget.addAction(self._actions[spec.id])

    def update(self, state: UiState) -> None:
        for spec in ACTIONS:
            action, enabled = self._actions[spec.id], spec.enabled(state) and not self._locked
            if action.isEnabled() != enabled:
                action.setEnabled(enabled)

    def lock(self, on: bool) -> None:
        """Nothing may be used while the window is locked; what may afterwards, the next `update` says."""
        self._locked = on
        if on:
            for action in self._actions.values():
                action.setEnabled(False)

    def check(self, id: str, on: bool) -> None:
        """Show a checkable command as on or off without running it."""
        action = self._actions[id]
        if action.isChecked() != on:
            action.setChecked(on)
