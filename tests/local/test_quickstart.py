"""The notebook that ``make demo`` opens, run whole with the small model."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_first_prompt.ipynb"


def prompts(book):
    return [cell for cell in book.cells if cell.source.startswith("%%glm")]


def check(book):
    for cell in prompts(book):
        (output,) = cell.outputs
        assert {"text/html", "text/markdown", "text/plain"} == set(output["data"])
        record = output["metadata"]["glm_magic"]
        assert (record["provider"], record["status"]) == ("local", "complete")
    assert "widgets" not in book.metadata
    assert not [o for cell in book.cells for o in cell.get("outputs", ()) if "ename" in o]


def test_the_saved_outputs_are_whole():
    book = nbformat.read(QUICKSTART, as_version=4)
    nbformat.validate(book)
    check(book)
    assert not any(folder in json.dumps(book) for folder in ("/home/", "/root/", "/tmp/"))


@pytest.mark.local
@pytest.mark.slow
def test_it_runs_without_a_key(installed, monkeypatch):
    monkeypatch.setenv("GLM_PROVIDER", "local")
    book = nbformat.read(QUICKSTART, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(book, timeout=110).execute()
    check(book)
    reasoned, *plain = [cell.outputs[0]["data"]["text/html"] for cell in prompts(book)]
    assert "Reasoning" in reasoned
    assert not any("Reasoning" in page for page in plain)
