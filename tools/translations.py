#!/usr/bin/env python3
"""The catalogues of the window's words: taken from the source, brought up to date, made ready for the program.

    python tools/translations.py extract    resources/translations/boneage_desk.pot anew
    python tools/translations.py update     extract, and bring each language's .po in step; what lost its source goes
    python tools/translations.py compile    each .po to its .mo
    python tools/translations.py missing    what a .po has no translation for, and gaps that differ

Words of the window are the arguments of ``tr`` and ``mark`` (boneage_desk.common.i18n). Sentences of other layers are the
messages and remedies of errors, the texts of flags and problems, and what the functions named in `SPEAKERS` return; their
context in the catalogue is 'said', and each place that is filled in has a gap. Needs Babel.
"""

from __future__ import annotations

import argparse
import ast
import re
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "boneage_desk"
FOLDER = ROOT / "resources" / "translations"
DOMAIN = "boneage_desk"
SAID = "said"

LAYERS = ("common", "standards", "reading", "imaging", "engines", "archive", "pacs", "reports", "ui", "wiring.py")
"""Whose errors and flags come into the window; the command line and training speak in a terminal."""
TELLERS = {"Flag": (1, "message"), "Problem": (1, "message", 2, "remedy"), "refusal": (2, "detail")}
"""Calls beside errors that hold a sentence: places and names of their arguments."""
SPEAKERS = {
    "reading/evidence.py": ("evidence_words", "contradiction", "_width_words", "_fusion", "_cap", "_gap", "*"),
    "reading/summary.py": ("*",),
    "reading/second_opinion.py": ("*",),
    "reading/signing.py": ("*",),
    "reading/knee.py": ("*",),
    "engines/hands.py": ("*",),
    "engines/pipeline.py": ("*",),
    "engines/second.py": ("*",),
    "engines/knee.py": ("*",),
    "engines/keeper.py": ("*",),
    "imaging/scan.py": ("*",),
    "imaging/reader.py": ("*",),
}
"""Modules whose other sentences are shown too (what was measured, why there is no bone age, steps of a job)."""
TEMPLATES = {"imaging/failures.py": "REFUSALS"}
"""Tables of sentences whose gaps are written as `str.format` has them."""
MORE = (
    ">= {years} y {months} m", "< {years} y {months} m", "{years} y {months} m", "failed: {why}", "importing",
    "as wide as", "wider than", "half", "3/4", "thumb", "little finger", "fused", "male", "female", "left", "right", "done",
    "draft", "reviewed", "signed", "amended", "radius", "ulna", "mc1", "mc3", "mc5", "pp1", "pp3", "pp5",
    "mp3", "mp5", "dp1", "dp3", "dp5", "Metacarpal 1", "Metacarpal 3", "Metacarpal 5", "Proximal phalanx 1", "Proximal phalanx 3",
    "Proximal phalanx 5", "Middle phalanx 3", "Middle phalanx 5", "Distal phalanx 1", "Distal phalanx 3", "Distal phalanx 5",
    "radiologist", "endocrinologist", "technologist", "administrator",
    "name", "patient id", "sex", "birth date", "study date", "side",
)  # fmt: skip
"""Sentences that no rule above finds."""


def _doc_strings(tree: ast.AST) -> set[int]:
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}


def _gap_name(node: ast.expr, taken: dict[str, str]) -> str:
    """A name for what is filled in: the last plain name in it. The same expression has the same name."""
    code = ast.unparse(node)
    while True:
        if isinstance(node, ast.Call):
            node = node.args[0] if node.args and isinstance(node.func, ast.Name) else node.func
            if isinstance(node, ast.Attribute) and node.attr in ("join", "lower", "capitalize", "strip"):
                node = node.value
        elif isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Attribute):
            name = node.attr
            break
        elif isinstance(node, ast.Name):
            name = node.id
            break
        else:
            name = "value"
            break
    name = re.sub(r"\W", "", name).strip("_").lower() or "value"
    number, unique = 2, name
    while taken.get(unique, code) != code:
        unique, number = f"{name}{number}", number + 1
    taken[unique] = code
    return unique


def pattern(node: ast.expr, taken: dict[str, str] | None = None) -> str | None:
    """The sentence of an expression with gaps for what is filled in; None where it is no text."""
    taken = {} if taken is None else taken
    if isinstance(node, ast.Constant):
        return node.value.replace("{", "{{").replace("}", "}}") if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            (pattern(part) or "") if isinstance(part, ast.Constant) else f"{{{_gap_name(part.value, taken)}}}"  # type: ignore[attr-defined]
            for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [pattern(side, taken) or f"{{{_gap_name(side, taken)}}}" for side in (node.left, node.right)]
        return "".join(sides)
    return None


def _texts(node: ast.expr) -> Iterator[str]:
    """The sentences that an expression can be: both sides of a choice."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)
    elif (found := pattern(node)) is not None:
        yield found


def error_classes(trees: dict[Path, ast.Module]) -> set[str]:
    """BoneAgeError and all that comes of it."""
    names, grown = {"BoneAgeError"}, True
    while grown:
        grown = False
        for tree in trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and node.name not in names:
                    if any(ast.unparse(base).split(".")[-1] in names for base in node.bases):
                        names.add(node.name)
                        grown = True
    return names


def command_names(trees: dict[Path, ast.Module]) -> list[str]:
    """'Set grade' for the command SetGrade: what was undone."""
    names = []
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).split(".")[-1] == "Command" for base in node.bases):
                names.append(re.sub(r"(?<!^)(?=[A-Z])", " ", node.name).capitalize())
    return sorted(set(names))


def _speaks(text: str) -> bool:
    """Whether this is words: a letter outside its gaps, and more than one word or a whole phrase."""
    plain = re.sub(r"\{\w*\}", "", text)
    return len(re.findall(r"[A-Za-z]{2,}", plain)) >= 1 and not re.fullmatch(r"[\w./:-]*", plain.strip())


def said_in(path: Path, tree: ast.Module, errors: set[str], whole: bool) -> Iterator[tuple[str, int]]:
    """Sentences of a module with their lines; ``whole``: also those that are neither of an error nor of a flag."""
    docs = _doc_strings(tree)
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for value in node.values for part in ast.walk(value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")[-1]
            if called in errors:
                wanted: tuple[object, ...] = (0, "message", 1, "remedy")
            else:
                wanted = TELLERS.get(called, ())
            for place in wanted:
                values = [word.value for word in node.keywords if word.arg == place]
                if isinstance(place, int) and place < len(node.args):
                    values = [node.args[place]]
                for value in values:
                    yield from ((text, node.lineno) for text in _texts(value) if _speaks(text))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in TEMPLATES.values():
            for part in ast.walk(node.value):  # type: ignore[arg-type]
                if isinstance(part, ast.Tuple):
                    for value in part.elts:
                        yield from ((text.replace("{{", "{").replace("}}", "}"), node.lineno) for text in _texts(value))
        if whole and isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in docs | inner:
            text = pattern(node)
            if text is not None and " " in text.strip() and _speaks(text):
                yield text, node.lineno


def window_words(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Arguments of ``tr`` and ``mark``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark") and node.args:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str) and node.args[0].value:
                yield node.args[0].value, node.lineno


def sources() -> dict[Path, ast.Module]:
    """Every module of the package with its tree."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def extracted() -> Catalog:
    """The template: each sentence once, with the modules that hold it."""
    trees = sources()
    errors = error_classes(trees)
    catalog = Catalog(project="BoneAge Desk", fuzzy=False, charset="utf-8")
    for path, tree in trees.items():
        place = path.relative_to(PACKAGE).as_posix()
        for text, _line in window_words(tree):
            catalog.add(text, locations=[(f"boneage_desk/{place}", 0)])
        if place.split("/")[0] in LAYERS:
            for text, _line in said_in(path, tree, errors, place in SPEAKERS):
                catalog.add(text, context=SAID, locations=[(f"boneage_desk/{place}", 0)])
    for text in (*MORE, *command_names(trees)):
        catalog.add(text, context=SAID)
    for message in catalog:
        message.flags.discard("python-format")
        message.flags.discard("python-brace-format")
        message.locations = sorted(set(message.locations))
    return catalog


def _written(catalog: Catalog) -> bytes:
    out = BytesIO()
    write_po(out, catalog, width=120, omit_header=False, sort_output=True, include_lineno=False)
    text = out.getvalue().decode()
    for header in ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Last-Translator", "Language-Team", "Report-Msgid-Bugs-To"):
        text = re.sub(rf'^"{header}:[^"]*"\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"\A(#.*\n)+", "# Words of BoneAge Desk. tools/translations.py keeps this file.\n", text)
    return text.encode()


def languages() -> list[Path]:
    """The .po of each language."""
    return sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(path: Path) -> Catalog:
    """A .po file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=DOMAIN)


def update(path: Path, template: Catalog) -> None:
    """The .po with the template's sentences; translations whose English is still there stay."""
    old = read(path)
    fresh = Catalog(locale=path.parent.parent.name, domain=DOMAIN, project="BoneAge Desk", fuzzy=False, charset="utf-8")
    for message in template:
        if message.id:
            known = old.get(message.id, message.context)
            fresh.add(message.id, known.string if known else "", context=message.context, locations=message.locations)
    for message in fresh:
        message.flags.clear()
    path.write_bytes(_written(fresh))


def compiled(path: Path) -> bytes:
    """The .mo of a .po, the same at any time; sentences without a translation are not in it."""
    out, catalog = BytesIO(), read(path)
    catalog.creation_date = datetime(2000, 1, 1, tzinfo=UTC)  # the .po has none, and Babel writes the clock's
    write_mo(out, catalog)
    return out.getvalue()


def gaps(text: str) -> set[str]:
    """Names of the gaps of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def problems(path: Path) -> list[str]:
    """Sentences of the window and of errors that a language lacks, and translations whose gaps are others."""
    catalog, found = read(path), []
    for message in extracted():
        if not message.id:
            continue
        known = catalog.get(message.id, message.context)
        if known is None or not known.string:
            found.append(f"no translation ({message.context or 'window'}): {message.id}")
        elif not gaps(str(known.string)) <= gaps(str(message.id)):
            found.append(f"gaps differ: {message.id} -> {known.string}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="translations.py", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("extract", "update", "compile", "missing"))
    command = parser.parse_args().command
    if command in ("extract", "update"):
        template = extracted()
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / f"{DOMAIN}.pot").write_bytes(_written(template))
        if command == "update":
            for path in languages():
                update(path, template)
    elif command == "compile":
        for path in languages():
            path.with_suffix(".mo").write_bytes(compiled(path))
    else:
        lacking = [problem for path in languages() for problem in problems(path)]
        print("\n".join(lacking))
        return 1 if lacking else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
