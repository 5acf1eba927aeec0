"""What ARCHITECTURE.md says is so: its rooms, its words, its walk."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import glm_magic

PACKAGE = Path(glm_magic.__file__).parent
PAGE = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = sorted(p.stem for p in PACKAGE.iterdir() if p.suffix in ("", ".py") and p.name[0] != "_")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def place(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something defined in one."""
    for cut in range(name.count(".") + 1):
        module, *names = name.rsplit(".", cut)
        path = PACKAGE.joinpath(*module.split("."))
        file = (
            path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        )
        if file.is_file():
            return not names or names[0] in _defined(file)
    return False


def _defined(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    } | {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def test_every_room_is_on_the_page():
    listed = re.findall(r"[a-z_]+", "\n".join(
        line.split("  ")[0] for line in section("Rooms").split("```")[1].splitlines()
    ))  # fmt: skip
    assert sorted(listed) == ROOMS


@pytest.mark.parametrize("name", re.findall(r"\| `([\w.]+)` \|$", section("Words"), re.MULTILINE))
def test_every_word_stands_where_the_page_says(name):
    assert place(name)


def test_the_page_has_some_25_words():
    assert 20 <= len(re.findall(r"\| `([\w.]+)` \|$", section("Words"), re.MULTILINE)) <= 30


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(rf"\b(?:{'|'.join(ROOMS)})(?:\.\w+)+", section("One prompt"))))
)
def test_every_stop_of_the_walk_exists(name):
    assert place(name)


@pytest.mark.parametrize("name", re.findall(r"`([\w/]+(?:\.py|\.toml|/))`", PAGE))
def test_every_file_on_the_page_exists(name):
    assert (PACKAGE / name).exists() or (PACKAGE.parent / name).exists()


def test_the_page_is_short_and_says_nothing_twice():
    assert len(PAGE.split()) <= 1200
    paragraphs = [p for p in PAGE.split("\n\n") if len(p) > 60]
    assert len(paragraphs) == len(set(paragraphs))


def imports(path: Path) -> Iterator[Path]:
    """Yield each module of the package that one imports, in functions and for types too."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    package = parts if path.name == "__init__.py" else parts[:-1]
    package = package[:-1] if path.name == "__init__.py" else package
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            up = package[: len(package) - node.level + 1]
            base = PACKAGE.parent.joinpath(*up, *(node.module or "").split("."))
            for alias in node.names:
                yield _file(base / alias.name) or _file(base) or path


def _file(base: Path) -> Path | None:
    """Return the file of a module or package, if it is one."""
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def test_no_modules_import_each_other_in_a_circle():
    graph = {path: {to for to in imports(path) if to != path} for path in PACKAGE.rglob("*.py")}
    while free := [path for path, to in graph.items() if not to & graph.keys()]:
        for path in free:
            del graph[path]
    assert not sorted(str(path.relative_to(PACKAGE)) for path in graph)
