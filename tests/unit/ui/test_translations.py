"""Every word of the window goes through the catalogues, and the Chinese one is complete and compiled."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from boneage_desk.common import i18n

REPOSITORY = Path(__file__).resolve().parents[3]
UI = REPOSITORY / "boneage_desk" / "ui"
SETTERS = {
    "setText": (0,), "setToolTip": (0,), "setWindowTitle": (0,), "setPlaceholderText": (0,), "setAccessibleName": (0,),
    "setAccessibleDescription": (0,), "setStatusTip": (0,), "setTitle": (0,), "setFormat": (0,), "showMessage": (0,),
    "QLabel": (0,), "QPushButton": (0,), "QCheckBox": (0,), "QRadioButton": (0,), "QGroupBox": (0,), "QAction": (0,),
    "addAction": (0,), "addMenu": (0,), "addTab": (1,), "addRow": (0,), "addItem": (0,), "Choice": (0,), "tell": (0,),
    "report": (1,), "run_later": (1, 4), "submit": (1,), "show_waiting": (0,), "question": (1, 2), "warning": (1, 2),
    "information": (1, 2), "getOpenFileName": (1, 3), "getOpenFileNames": (1, 3), "getSaveFileName": (1, 3),
    "getExistingDirectory": (1,),
}  # fmt: skip
"""What shows words, and which of its arguments they are."""
NAMES = re.compile(
    r"BoneAge Desk.*|RUS-CHN|English|PDF.*|JSON.*|FHIR.*|PIN|SHA-256.*|Python .*|Grad-CAM.*|px|mm|OHIF|Weasis|RadiAnt|H !|TEXT|"
    r"WHO 2007|CDC 2000|A4|Letter|SDS|SD|W|L|m|y|sha256.*|CUDA"
)
"""Names and units that are the same in each language."""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = REPOSITORY / "tools" / "translations.py"
    spec = importlib.util.spec_from_file_location("translations", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["translations"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def chinese() -> Iterator[None]:
    i18n.use("zh")
    yield
    i18n.use("en")


def bare(node: ast.expr) -> Iterator[str]:
    """Words of an expression that pass no ``tr``, ``mark`` or ``said``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield " ".join(part.value for part in node.values if isinstance(part, ast.Constant))
    elif isinstance(node, ast.IfExp):
        yield from bare(node.body)
        yield from bare(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from bare(node.left)
        yield from bare(node.right)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from bare(value)


def unwrapped(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for place in SETTERS.get(called, ()):
            if place < len(node.args):
                for words in bare(node.args[place]):
                    plain = words.strip(" .,:;()\u2026\u00b7")
                    if re.search(r"[A-Za-z]{2,}", plain) and not NAMES.fullmatch(plain) and not re.fullmatch(r"[a-z-]+", plain):
                        found.append((node.lineno, words))
    return found


def test_no_visible_string_is_bare() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {words}"
        for path in sorted(UI.rglob("*.py"))
        for line, words in unwrapped(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, "wrap in tr(...) of boneage_desk.common.i18n:\n" + "\n".join(found)


def test_a_bare_string_is_found() -> None:
    planted = 'label.setText("Some words")\nlabel.setToolTip(f"{n} films found" if n else tr("None"))\nQLabel(tr("Good"))'
    assert [words for _, words in unwrapped(ast.parse(planted))] == ["Some words", " films found"]


def test_words_are_looked_up_when_shown_not_at_import() -> None:
    """At import the language is not chosen yet."""
    found = []
    for path in sorted(UI.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for part in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "said"):
                if id(node) not in inside:
                    found.append(f"{path.name}:{node.lineno}")
    assert not found, f"use mark(...) here: {found}"


def test_chinese_is_complete(tool: ModuleType) -> None:
    lacking = [problem for path in tool.languages() for problem in tool.problems(path)]
    assert not lacking, "run tools/translations.py update, then translate:\n" + "\n".join(lacking)


def test_the_catalogue_is_in_step(tool: ModuleType) -> None:
    """The .pot is the source's, and the .mo is the .po's."""
    template = tool.extracted()
    assert (tool.FOLDER / f"{tool.DOMAIN}.pot").read_bytes() == tool._written(template), "tools/translations.py update"
    for path in tool.languages():
        assert path.with_suffix(".mo").read_bytes() == tool.compiled(path), "tools/translations.py compile"


def test_chinese_is_chinese(tool: ModuleType) -> None:
    """Sentences hold Han letters; only names and codes may be as in English."""
    same = [
        str(message.id)
        for message in tool.read(tool.languages()[0])
        if message.id and message.string and not re.search("[\u4e00-\u9fff]", str(message.string))
        and len(re.findall(r"[A-Za-z]{3,}", re.sub(r"\{[^}]*\}", "", str(message.id)))) > 2
    ]  # fmt: skip
    assert not same


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("There is no file 'hand.dcm'.", "没有文件“hand.dcm”。"),
        ("'a.png' is damaged: its pixels are not bytes.", "“a.png”已损坏：其像素不是字节。"),
        ("'bad.dcm' is not an image that can be read.", "“bad.dcm”不是可读取的图像。"),
        ("9 y 4 m", "9岁4月"),
        (">= 17 y 0 m", "≥ 17岁0月"),
        ("Sex not known (recorded as 'O'): no bone age without it.", "性别未知（记录为“O”）：没有性别则无骨龄。"),
        ("Not known: name, patient id, birth date, side.", "未知：姓名、患者编号、出生日期、侧别。"),
        ("The film is still being opened. Try again in a moment.", "影像仍在打开中。请稍后再试。"),
        ("Something nobody ever said", "Something nobody ever said"),
    ],
)
def test_sentences_of_other_layers(chinese: None, said: str, shown: str) -> None:
    assert i18n.said(said) == shown


def test_english_is_left_alone() -> None:
    assert i18n.said("There is no file 'hand.dcm'.") == "There is no file 'hand.dcm'."
    assert i18n.tr("{count} films", count=3) == "3 films"


def test_errors_keep_their_english_beside(chinese: None) -> None:
    from boneage_desk.common.errors import FilmError
    from boneage_desk.ui.presenters.messages import of_error

    shown = of_error(FilmError("There is no file 'x'.", "Check the path and that the disk or share is connected."))
    assert shown.text == "没有文件“x”。" and shown.remedy == "请检查路径，以及磁盘或共享是否已连接。"
    assert shown.original == "There is no file 'x'. Check the path and that the disk or share is connected."
