"""A saved reply in every form that a notebook is converted to: its words are there, once."""

import html
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.hosts.seen import installed, saw
from tests.servers.script import Script

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

REPLY = Script(
    reasoning="First the sum, then the rest.",
    answer=(
        "The answer is **scattering**.\n\n| colour | length |\n|---|---|\n| blue | 450 |\n\n"
        "```python\nprint('short waves')\n```\n"
    ),
)
ONCE = ("The answer is", "scattering", "blue", "450", "short waves", "First the sum, then the rest")
WEBPDF = """
import sys
import nbformat
from nbconvert.exporters import WebPDFExporter
from playwright.async_api import BrowserType
launch = BrowserType.launch
async def with_installed(self, **options):
    return await launch(self, **{**options, "executable_path": sys.argv[3]})
BrowserType.launch = with_installed
exporter = WebPDFExporter(disable_sandbox=True)
pages, _ = exporter.from_notebook_node(nbformat.read(sys.argv[1], as_version=4))
open(sys.argv[2], "wb").write(pages)
"""
READ_PDF = """
import sys
from pypdf import PdfReader
print(" ".join(page.extract_text() for page in PdfReader(sys.argv[1]).pages))
"""


@pytest.fixture
def saved(asks_the_server, tmp_path):
    """Return a notebook in which one prompt was asked."""
    asks_the_server.tell(REPLY)
    cells = ["%load_ext glm_magic", "%%glm --think\nwhy?"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    path = tmp_path / "saved.ipynb"
    nbformat.write(NotebookClient(book, timeout=60).execute(), path)
    return path


def run(*command, **environment):
    done = subprocess.run(
        map(str, command),
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def words(page):
    """Return the text of an HTML page, as a reader sees it without styles and scripts."""
    page = re.sub(r"(?s)<(style|script|head)\b.*?</\1>", " ", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def is_folded(page):
    """Whether the reasoning is there and closed."""
    return bool(re.search(r'<details class="glm-r[^"]*"(?![^>]* open)', page))


def check(text, once=ONCE):
    text = " ".join(text.split())
    for part in once:
        assert text.count(part) == 1, (part, text[-2000:])
    assert "arriving" not in text
    assert "Widget" not in text


@pytest.fixture
def with_pandoc():
    """Give the environment in which pandoc is found."""
    python = installed("env") / "bin" / "python"
    pandoc = run(python, "-c", "import pypandoc; print(pypandoc.get_pandoc_path())").strip()
    return {"PATH": os.pathsep.join([str(Path(pandoc).parent), os.environ["PATH"]])}


def converted(saved, form, **environment):
    command = (sys.executable, "-m", "nbconvert", "--to", form, "--stdout", saved)
    return run(*command, **environment)


def test_html(saved):
    page = converted(saved, "html")
    check(words(page))
    assert is_folded(page)
    saw("nbconvert --to html", version("nbconvert"), stays="page, reasoning folded")


def test_markdown(saved):
    check(words(converted(saved, "markdown")))
    saw("nbconvert --to markdown", version("nbconvert"), stays="HTML in Markdown")


def test_restructured_text(saved, with_pandoc):
    check(words(converted(saved, "rst", **with_pandoc)))
    saw("nbconvert --to rst", version("nbconvert"), stays="HTML in reStructuredText")


def test_latex(saved, with_pandoc):
    text = converted(saved, "latex", **with_pandoc)
    check(text[text.index(r"\begin{document}") :], [p for p in ONCE if p != "short waves"])
    assert r"\textbf{scattering}" in text
    assert text.count(r"short waves") == 1
    saw("nbconvert --to latex", version("nbconvert"), stays="text, tables, code, reasoning")


def test_pdf(saved, with_pandoc):
    if shutil.which("xelatex") is None:
        pytest.skip("there is no xelatex on the path")
    if subprocess.run(["kpsewhich", "eurosym.sty"], capture_output=True, check=False).returncode:
        pytest.skip("this TeX lacks eurosym, which nbconvert needs: texlive-fonts-recommended")
    run(sys.executable, "-m", "nbconvert", "--to", "pdf", saved, **with_pandoc)
    check(text_of(saved.with_suffix(".pdf")))
    saw("nbconvert --to pdf", version("nbconvert"), stays="text, tables, code, reasoning")


def test_webpdf(saved):
    pytest.importorskip("playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the path")
    made = saved.with_suffix(".pdf")
    run(sys.executable, "-c", WEBPDF, saved, made, chromium)
    check(text_of(made))  # paper unfolds what is folded
    saw("nbconvert --to webpdf", version("nbconvert"), stays="page with reasoning")


def text_of(pdf):
    return run(installed("env") / "bin" / "python", "-c", READ_PDF, pdf)


def test_myst_nb(saved, tmp_path):
    python = installed("env") / "bin" / "python"
    book = tmp_path / "book"
    book.mkdir()
    shutil.copy(saved, book / "index.ipynb")
    conf = "extensions = ['myst_nb']\nnb_execution_mode = 'off'\n"
    (book / "conf.py").write_text(conf, encoding="utf-8")
    run(python, "-m", "sphinx", "-q", book, tmp_path / "built")
    page = (tmp_path / "built" / "index.html").read_text(encoding="utf-8")
    check(words(page))
    assert is_folded(page)
    package = run(python, "-c", "import importlib.metadata as m; print(m.version('myst-nb'))")
    saw("myst-nb", package.strip(), stays="page, reasoning folded")
