"""Joins the page of the 13 bones to the window: rows in their order, the bone chosen with its ladder, the pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMenu

from boneage_desk.common.i18n import tr
from boneage_desk.reading.angles import angle_of
from boneage_desk.ui.presenters import key_words, numbers, rows
from boneage_desk.ui.presenters.atlas import Atlas, drawn_side, side_words
from boneage_desk.ui.presenters.bone_order import Order
from boneage_desk.ui.presenters.curve import curve
from boneage_desk.ui.presenters.drawings import grey_image
from boneage_desk.ui.presenters.measured import WidthLine, crop_lines, film_lines
from boneage_desk.ui.presenters.reasons import picks

if TYPE_CHECKING:
    from boneage_desk.ui.main_window import MainWindow


class WindowBones(QObject):
    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._w = window
        self.atlas = Atlas(window.desk)
        self._drawn: dict[tuple[str, int, str], QImage] = {}
        self._menu: QMenu | None = None
        page, desk = window.bones, window.desk
        page.table.bone_selected.connect(desk.select)
        page.table.tick_clicked.connect(desk.toggle_reviewed)
        page.grade_typed.connect(desk.set_grade)
        page.strip.reason.given.connect(desk.set_reason)
        page.strip.pick_wanted.connect(self.pick_reason)
        page.strip.ladder.step_wanted.connect(desk.step_grade)
        for field in (page.strip.reason, page.opinion.comment):
            field.left.connect(lambda: page.table.setFocus(Qt.FocusReason.OtherFocusReason))
        page.opinion.commented.connect(desk.comment_difference)
        page.opinion.cancel_wanted.connect(desk.opinions.cancel)
        page.opinion.again_wanted.connect(desk.opinions.again)
        page.hint.connect(lambda words: window.statusBar().showMessage(words, 2500))
        desk.bone_changed.connect(lambda _bone: self.show_bone())
        desk.bone_pass.browsed_changed.connect(self.show_bone)
        desk.order.changed.connect(self._order_chosen)
        desk.blind_first.changed.connect(self._blind_chosen)
        window.crops.changed.connect(self._show_crops)
        self.atlas.changed.connect(self._show_drawings)

    # --- the choices that are kept ------------------------------------------------------------

    def restore(self) -> None:
        """Order and blind reading as they were left; the buttons get their commands."""
        kept = self._w._settings()
        self._w.desk.order.remember(kept.value("bone_order"))
        self._w.desk.blind_first.remember(kept.value("blind_first"))
        self._w.bones.bar.set_actions(self._w.actions_)
        self._show_choices()

    def choose_order(self, mode: Order) -> None:
        self._w.desk.order.choose(mode)
        self._show_choices()  # the same one again: its tick stays

    def _order_chosen(self) -> None:
        self._w._settings().setValue("bone_order", self._w.desk.order.mode.value)
        self.show_rows()
        self.show_bone()

    def _blind_chosen(self) -> None:
        self._w._settings().setValue("blind_first", int(self._w.desk.blind_first.on))
        self._show_choices()

    def _show_choices(self) -> None:
        desk, actions = self._w.desk, self._w.actions_
        for mode in Order:
            actions.check(f"order-{mode}", mode is desk.order.mode)
        actions.check("blind-first", desk.blind_first.on)
        self._w.bones.bar.show_state(
            desk.order.mode, desk.blind_first.hidden, desk.bone_pass.left, len(desk.bone_pass.flagged),
            desk.bone_pass.short_words(), desk.bone_pass.words(), desk.editable,
        )  # fmt: skip

    def show_keys(self) -> None:
        """The keys in force, where the window hints at them."""
        page = self._w.bones
        page.strip.reason.show_key(key_words.key("reason"))
        page.opinion.comment.show_key(key_words.key("comment-difference"))
        self._w.hint.setText(key_words.pass_hint())

    # --- showing ------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """The 13 rows, the numbers and the curve of the reading on the desk."""
        page, desk = self._w.bones, self._w.desk
        reading, summary = desk.reading, desk.summary
        if reading is None or summary is None:
            page.model.set_rows(())
            page.numbers.show_numbers(None)
            page.numbers.curve.show_curve(None)
        else:
            made = rows.bone_rows(reading, desk.order.bones)
            page.model.set_rows(rows.by_ray(made) if desk.order.mode is Order.RAY else made)
            page.share_height()
            page.table.share_height()
            page.numbers.show_numbers(numbers.numbers(reading, summary))
            page.numbers.curve.show_curve(curve(reading, summary))
        self._show_choices()

    def show_bone(self) -> None:
        page, desk = self._w.bones, self._w.desk
        reading, bone = desk.reading, desk.bone
        if reading is None:
            page.strip.show_bone(None, None, None)
            return
        row = page.model.row_of(bone)
        if page.table.currentIndex().row() != row:
            page.table.setCurrentIndex(page.model.index(row, 1))
        steps = rows.ladder(reading, bone, desk.bone_pass.browsed)
        browsed = steps[1].label if desk.bone_pass.browsed is not None and reading.bone(bone).final_grade is None else ""
        page.show_browsed(bone if browsed else "", browsed)
        side = drawn_side(reading)
        page.strip.show_bone(
            rows.bone_row(reading, bone), steps, page.model.crop(bone), self.crop_lines(), desk.editable, side_words(side),
        )  # fmt: skip
        bones = desk.order.bones
        following = bones[bones.index(bone) + 1 :][:1]
        after = [(other, step.grade) for other in following for step in rows.ladder(reading, other) if step.grade is not None]
        self.atlas.want(bone, [step.grade for step in steps], side, after)
        self._show_drawings()
        self._w._update_actions()

    def _show_drawings(self) -> None:
        desk = self._w.desk
        reading, bone = desk.reading, desk.bone
        if reading is None:
            return
        side = drawn_side(reading)
        below, this, above = (
            self._drawing(bone, step.grade, side) for step in rows.ladder(reading, bone, desk.bone_pass.browsed)
        )
        self._w.bones.strip.ladder.show_images((below, this, above))

    def _drawing(self, bone: str, grade: int | None, side: str) -> QImage | None:
        if grade is None:
            return None
        key = (bone, grade, side)
        if key not in self._drawn:
            grey = self.atlas.picture(bone, grade, side)
            if grey is None:
                return None
            self._drawn[key] = grey_image(grey)
        return self._drawn[key]

    def crop_lines(self) -> tuple[WidthLine, ...]:
        """The measured widths on the crop of the bone chosen."""
        reading, bone = self._w.desk.reading, self._w.desk.bone
        box = reading.bone(bone).box if reading is not None else None
        if reading is None or box is None or not self._w.widths:
            return ()
        return crop_lines(film_lines(reading, bone), box, angle_of(reading, bone))

    def _show_crops(self, made: dict[str, object]) -> None:
        images = {bone: grey_image(grey) for bone, grey in made.items()}
        self._w.bones.model.set_crops(images)
        self._w.bones.strip.crop.show_image(images.get(self._w.desk.bone))

    # --- reasons ------------------------------------------------------------------------------

    def type_reason(self) -> None:
        """Give the keys to the line for the reason."""
        self._w.tabs.setCurrentWidget(self._w.bones)
        self._w.bones.strip.reason.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def pick_reason(self) -> None:
        """The reasons to pick from, each with its figure as a key; the last line types another."""
        desk, field = self._w.desk, self._w.bones.strip.reason
        bone = desk.bone
        self._w.tabs.setCurrentWidget(self._w.bones)
        menu = QMenu(self._w)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for number, reason in enumerate(picks(), 1):
            action = menu.addAction(f"&{number}  {reason}")
            keep = desk.on_this(lambda reason=reason: desk.set_reason(bone, reason))
            action.triggered.connect(lambda _checked=False, keep=keep: keep())
        menu.addSeparator()
        menu.addAction(tr("&Type another\N{HORIZONTAL ELLIPSIS}")).triggered.connect(self.type_reason)
        self._menu = menu
        menu.popup(field.mapToGlobal(QPoint(0, field.height())))
