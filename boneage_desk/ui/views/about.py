"""What the program is and is not, its version, its models and its licence."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from boneage_desk import __version__
from boneage_desk.common.errors import BoneAgeError
from boneage_desk.common.i18n import language, said, tr
from boneage_desk.reading.ports import Services
from boneage_desk.reading.report_texts import text
from boneage_desk.standards import rus_chn
from boneage_desk.ui import theme


class AboutBox(QDialog):
    """Says once, clearly, that this is a reading aid and not a cleared medical device."""

    def __init__(self, parent: QWidget, services: Services) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About BoneAge Desk"))
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 22, 28, 18)
        column.setSpacing(14)
        title = QLabel(f"BoneAge Desk {__version__}")
        title.setFont(theme.ui_font(16, bold=True))
        column.addWidget(title)
        self.limits = QLabel(text(language(), "limits"))
        self.limits.setWordWrap(True)
        self.limits.setFont(theme.ui_font(11, bold=True))
        self.limits.setStyleSheet(f"color: {theme.ATTENTION}")
        column.addWidget(self.limits)
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(6)
        for line, (name, value) in enumerate(_facts(services)):
            head = QLabel(name)
            head.setStyleSheet(f"color: {theme.MUTED}")
            words = QLabel(value)
            words.setWordWrap(True)
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(head, line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(words, line, 1)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.setMinimumWidth(620)


def _facts(services: Services) -> list[tuple[str, str]]:
    try:
        models = "\n".join(
            f"{model.name}: {model.tag}, SHA-256 {model.sha256[:16]}" for model in services.engine().models()
        )
    except BoneAgeError as error:
        models = said(str(error))
    return [
        (tr("Method"), f"{rus_chn.NAME}, {rus_chn.EDITION}"),
        (tr("Models"), models),
        (tr("Data folder"), str(services.data_dir)),
        (tr("Runs on"), f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"),
        (tr("Licence"), tr("GNU Affero General Public License, version 3 or later. It comes without any warranty.")),
        (tr("Model terms"), tr("Research and non-commercial use, after the terms of the films that they were trained on.")),
    ]
