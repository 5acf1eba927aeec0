"""The saved output where nobody runs anything: converted, stripped, and opened by others."""

import re
import subprocess
import sys

import nbformat
import pytest

from glm_magic.views.options import ViewOptions
from glm_magic.views.saved import assets
from glm_magic.views.saved.page import bundle
from tests.views.test_markdown import Elements
from tests.views.turns import ANSWER, turn_of

pytestmark = pytest.mark.hosts

GITHUB_DROPS = re.compile(r"<(style|script)\b.*?</\1>|</?button[^>]*>", re.DOTALL)
ATTRIBUTES = re.compile(r"(<\w+)(?:\s[^<>]*)?>")


def outputs():
    """Return the outputs of three cells of one notebook."""
    assets.stylesheet_owner.position = None
    for number in range(3):
        options = ViewOptions(language="en", position=(f"cell-{number}", 1))
        data, metadata = bundle(turn_of(ANSWER.replace("Mean", f"Mean {number}")), options)
        yield nbformat.v4.new_output("display_data", data=data, metadata=metadata)


@pytest.fixture
def saved(tmp_path):
    """Return a notebook file with three replies."""
    cells = [nbformat.v4.new_code_cell("%%glm\nmean?", outputs=[out]) for out in outputs()]
    book = nbformat.v4.new_notebook(cells=cells)
    nbformat.validate(book)
    path = tmp_path / "saved.ipynb"
    nbformat.write(book, path)
    return path


def converted(path, form):
    command = [sys.executable, "-m", "nbconvert", "--to", form, "--stdout", str(path)]
    done = subprocess.run(command, capture_output=True, timeout=100, check=True)
    return done.stdout.decode()


def test_nbconvert_html_has_every_reply_and_one_style_sheet(saved):
    page = converted(saved, "html")
    assert page.count("container-type:inline-size") == 1
    assert page.count('<details class="glm-r"') == 3
    for number in range(3):
        assert f"Mean {number} waiting time</h2>" in page
    assert "The user asks for the mean" in page
    assert "widget-view" not in page


def test_nbconvert_markdown_reads_well(saved):
    text = converted(saved, "markdown")
    for number in range(3):
        assert text.count(f"Mean {number} waiting time") == 1
    assert "The user asks for the mean" in text


def test_a_file_holds_the_style_once_and_no_widget(saved):
    text = saved.read_text(encoding="utf-8")
    assert text.count("container-type:inline-size") == 1
    assert "jupyter.widget" not in text
    book = nbformat.read(saved, as_version=4)
    assert "widgets" not in book.metadata


def test_with_every_attribute_stripped_it_still_reads_in_order():
    for output in outputs():
        bare = ATTRIBUTES.sub(r"\1>", GITHUB_DROPS.sub("", output["data"]["text/html"]))
        assert "=" not in "".join(re.findall(r"<[a-z][^>]*>", bare))
        text = Elements(bare).text
        assert text.startswith("glm-4.6 · bigmodel · complete · thought 4.2 s · 42 in")
        order = ["waiting time", "A simulation agrees", "Reasoning", "The user asks for the mean"]
        places = [text.index(part) for part in order]
        assert places == sorted(places)
        assert "--bg" not in text, "no rule of the style sheet"
        assert "<details><summary>" in bare, "the reasoning can still be opened"
