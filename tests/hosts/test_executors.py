"""Notebooks that a program runs: nbclient, papermill, nbconvert."""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.hosts.seen import AT_THE_END, ONE_OUTPUT, saw
from tests.servers.script import Failure, Script

pytestmark = pytest.mark.hosts


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in ("%load_ext glm_magic", *sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def messages(server):
    return [[m["content"] for m in request.json["messages"]] for request in server.requests]


def check(executed):
    nbformat.validate(executed)
    answers = [cell for cell in executed.cells if "why" in cell.source]
    for cell in answers:
        assert len(cell.outputs) == 1
        output = cell.outputs[0]
        assert {"text/html", "text/markdown", "text/plain"} == set(output["data"])
        assert output["metadata"]["glm_magic"]["model"]
    assert "widgets" not in executed.metadata
    assert "test-key" not in nbformat.writes(executed)


def test_nbclient_saves_one_output_and_runs_the_same_twice(asks_the_server):
    sources = ("%%glm\nwhy one?", "%glm why two?", "r = %glm why three?", "print(r)")
    for _ in range(2):
        executed = NotebookClient(notebook(*sources), timeout=60).execute()
        check(executed)
    pages = [cell.outputs[0]["data"]["text/html"] for cell in executed.cells[1:4]]
    assert ["<style>" in page for page in pages] == [True, False, False]
    assert executed.cells[-1].outputs[0].text == "Because of **scattering**.\n"
    seen = messages(asks_the_server)
    assert seen[:3] == seen[3:]
    assert [len(running) for running in seen[:3]] == [1, 3, 5]
    saw("nbclient", version("nbclient"), streams=AT_THE_END, stays=ONE_OUTPUT)


def test_a_background_turn_is_waited_for(asks_the_server):
    asks_the_server.tell(Script(answer="Because of **scattering**.", pause_s=0.1))
    book = NotebookClient(notebook("%%glm --bg -o r\nwhy?", "r.done"), timeout=60).execute()
    check(book)
    assert "scattering" in book.cells[1].outputs[0]["data"]["text/plain"]
    assert book.cells[2].outputs[0]["data"]["text/plain"] == "True"


def test_a_background_turn_that_fails_stops_the_run(asks_the_server):
    asks_the_server.tell(Script(refusal=Failure(401, "1002", "bad token")))
    book = notebook("%%glm --bg\nwhy?", "print('after')")
    with pytest.raises(CellExecutionError):
        NotebookClient(book, timeout=60).execute()
    error = next(item for item in book.cells[1].outputs if item.output_type == "error")
    assert error.ename == "AuthenticationError"
    assert len(error.traceback) <= 3
    assert book.cells[2].outputs == []


@pytest.mark.parametrize(
    ("options", "words"),
    [("--approve", "--approve has nobody to ask"), ("--bg --approve", "need a panel to ask in")],
)
def test_an_executor_cannot_be_asked_for_approval(asks_the_server, options, words):
    book = notebook("def f() -> int:\n    return 1", f"%%glm --tool f {options}\nwhy?")
    with pytest.raises(CellExecutionError, match=words):
        NotebookClient(book, timeout=60).execute()
    assert asks_the_server.requests == []


def test_a_failing_cell_stops_the_run(asks_the_server):
    book = notebook("%%glm --tool nothing\nwhy?", "print('after')")
    with pytest.raises(CellExecutionError) as caught:
        NotebookClient(book, timeout=60).execute()
    assert "no such name in the notebook" in str(caught.value)
    error = book.cells[1].outputs[0]
    assert error.ename == "UnknownNameError"
    assert len(error.traceback) == 2
    assert book.cells[2].outputs == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_papermill_runs_and_saves(asks_the_server, tmp_path):
    papermill = pytest.importorskip("papermill")
    nbformat.write(notebook("%%glm\nwhy?"), tmp_path / "in.ipynb")
    papermill.execute_notebook("in.ipynb", "out.ipynb", progress_bar=False, kernel_name="python3")
    check(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert messages(asks_the_server) == [["why?"]]
    saw("papermill", version("papermill"), streams=AT_THE_END, stays=ONE_OUTPUT)


async def run_process(*command, stdin=None, types_after_s=0.0):
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    await asyncio.sleep(types_after_s)
    async with asyncio.timeout(100):
        out, _ = await process.communicate(stdin)
    return process.returncode, out.decode()


def test_nbconvert_executes_to_html(asks_the_server, tmp_path):
    nbformat.write(notebook("%%glm\nwhy?"), tmp_path / "in.ipynb")
    command = (
        sys.executable,
        "-m",
        "jupyter",
        "nbconvert",
        "--execute",
        "--to",
        "html",
        "in.ipynb",
    )
    code, out = asyncio.run(run_process(*command))
    assert code == 0, out
    page = (tmp_path / "in.html").read_text(encoding="utf-8")
    assert "<strong>scattering</strong>" in page
    assert "Loading widget" not in page
    saw("nbconvert --execute", version("nbconvert"), streams=AT_THE_END, stays=ONE_OUTPUT)


def test_the_console_prints_the_reply(asks_the_server):
    console = Path(sys.executable).with_name("jupyter-console")
    if not console.exists():
        pytest.skip("jupyter-console is not installed beside this Python")
    command = (str(console), "--simple-prompt", "--no-confirm-exit")
    typed = b"%load_ext glm_magic\n%glm why?\nprint('status', _glm.status)\nexit\n"
    # The console waits for ever where a kernel is idle again before it listens.
    _, out = asyncio.run(run_process(*command, stdin=typed, types_after_s=4))
    assert "Because of **scattering**." in out
    assert "status complete" in out
    assert out.count("Because of **scattering**.") == 1
