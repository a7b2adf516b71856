#!/usr/bin/env python3
"""The rules of docs/architecture.md that import-linter and ruff cannot express. Standard library only.

    python tools/arch_rules.py [FOLDER_THAT_HOLDS_boneage_desk]

Prints one line for each breach, with its remedy, and ends with 1 if there was one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "boneage_desk"
LONGEST_MODULE = 500

# What a package may import besides the standard library and the project itself.
ALLOWED = {"common": {"appdirs"}, "standards": set(), "reading": set()}
ALLOWED_FOR_TYPES = {"common": {"numpy"}, "standards": {"numpy"}, "reading": {"numpy"}}

# reading/ is pure: the same input gives the same result, on any machine, at any time.
IMPURE_MODULES = {
    "asyncio", "glob", "http", "multiprocessing", "os", "random", "secrets", "shutil", "socket", "sqlite3",
    "ssl", "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip
IMPURE_CALLS = {"now", "today", "utcnow", "uuid1", "uuid4", "read_text", "read_bytes", "write_text", "write_bytes"}
IMPURE_NAMES = {"open", "input", "print"}


@dataclass(frozen=True, slots=True)
class Breach:
    rule: str
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _imports(tree: ast.AST, only_types: bool = False) -> Iterator[tuple[str, int, bool]]:
    """(top-level name, line, only for type checking) of every absolute import, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno, only_types
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno, only_types
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for child in node.body:
                yield from _imports(ast.Module([child], []), True)
            for child in node.orelse:
                yield from _imports(ast.Module([child], []), only_types)
        else:
            yield from _imports(node, only_types)


def _standard_library_only(layer: str, path: Path, tree: ast.AST) -> Iterator[Breach]:
    for name, line, only_types in _imports(tree):
        if name in sys.stdlib_module_names or name == PACKAGE or name in ALLOWED[layer]:
            continue
        if only_types and name in ALLOWED_FOR_TYPES[layer]:
            continue
        yield Breach(
            "standard-library-only", path, line,
            f"{layer}/ may not import {name}. Do that work in a higher layer and hand the value in.",
        )  # fmt: skip


def _pure(path: Path, tree: ast.AST) -> Iterator[Breach]:
    for name, line, only_types in _imports(tree):
        if name in IMPURE_MODULES and not only_types:
            yield Breach(
                "pure", path, line,
                f"reading/ may not import {name}: it knows no disk, chance or clock. Take the value as an argument.",
            )  # fmt: skip
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in IMPURE_CALLS:
            name = called.attr
        elif isinstance(called, ast.Name) and called.id in IMPURE_NAMES | IMPURE_CALLS:
            name = called.id
        else:
            continue
        yield Breach(
            "pure", path, node.lineno,
            f"reading/ may not call {name}(): it knows no disk, chance or clock. Take the value as an argument.",
        )  # fmt: skip


def _safe_weights(path: Path, tree: ast.AST) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "load"
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "torch"
            and not any(
                k.arg == "weights_only" and isinstance(k.value, ast.Constant) and k.value.value is True
                for k in node.keywords
            )
        ):
            yield Breach(
                "weights", path, node.lineno,
                "torch.load() can run code from the file. Use safetensors.torch.load_file, or weights_only=True.",
            )  # fmt: skip


def breaches(top: Path) -> list[Breach]:
    """All breaches in the package below ``top``."""
    package = top / PACKAGE
    if not package.is_dir():
        raise FileNotFoundError(f"{package} is not a folder")
    found: list[Breach] = []
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        shown = path.relative_to(top)
        length = source.count("\n")
        if length > LONGEST_MODULE:
            found.append(
                Breach(
                    "length", shown, LONGEST_MODULE,
                    f"{length} lines; past {LONGEST_MODULE} a module has two subjects. Split it.",
                )  # fmt: skip
            )
        tree = ast.parse(source, filename=str(path))
        found.extend(_safe_weights(shown, tree))
        layer = shown.parts[1]
        if layer in ALLOWED:
            found.extend(_standard_library_only(layer, shown, tree))
            if layer == "reading":
                found.extend(_pure(shown, tree))
    return found


def main(arguments: list[str]) -> int:
    top = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = breaches(top)
    for breach in found:
        print(breach)
    print(f"architecture rules: {len(found)} breach{'' if len(found) == 1 else 'es'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
