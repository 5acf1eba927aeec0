"""The house keeps its plan: who may import whom, and what loads when."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_upper_rooms_import_lower_ones_and_never_the_reverse():
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("import-linter is not installed (dependency group lint)")
    done = subprocess.run([linter], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_loads_no_heavy_module():
    loaded = run_python("import sys, glm_magic; print(*sys.modules)").split()
    heavy = {"httpx", "IPython", "ipywidgets", "anywidget", "markdown_it", "pygments", "asyncio"}
    assert not heavy & set(loaded)


def test_asking_loads_no_notebook_and_no_widget():
    loaded = run_python("import sys, glm_magic.api; print(*sys.modules)").split()
    assert not {"IPython", "ipywidgets", "anywidget", "markdown_it", "pygments"} & set(loaded)


def test_every_public_name_exists():
    out = run_python(
        "import glm_magic as g\n"
        "missing = [n for n in g.__all__ if not hasattr(g, n)]\n"
        "print(missing, sorted(set(g.__all__) - set(dir(g))))"
    )
    assert out.strip() == "[] []"


def test_an_unknown_public_name_is_an_attribute_error():
    import glm_magic

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        glm_magic.nonsense  # noqa: B018


def test_type_checkers_see_the_public_names_that_there_are():
    import glm_magic

    tree = ast.parse(Path(glm_magic.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == glm_magic._EXPORTS
