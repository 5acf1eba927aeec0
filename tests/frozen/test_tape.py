"""A tape of 0.1.0.dev0 is played, and a notebook of it runs: the same replies.

The pages of both are in ``pages.json``: how they look may get better, and
``python -m tests.frozen --write`` writes what the present code makes of them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import glm_magic as glm
from tests.frozen import lesson
from tests.frozen.snapshots import DATA, FOLDER, about, normal, read, replayed_of, timeless, write

ROOT = DATA.parents[2]
REPLIES = read("tape.json", DATA)
WRITES = os.environ.get("FROZEN_MESSAGES") == "write"
"""True: the pages that are made now become what is frozen."""


def check_page(name: str, page: Any) -> None:
    """Compare a page with what is frozen, or freeze it."""
    pages = read("pages.json") if (FOLDER / "pages.json").exists() else {}
    if WRITES:
        write("pages.json", dict(sorted({**pages, name: page}.items())))
    else:
        assert page == pages[name]


@pytest.fixture
def tape(work: Path) -> Any:
    """Play the frozen tape, without a key and without waiting."""
    with glm.replay(work / "lesson.glmtape", speed=float("inf")) as running:
        yield running


def test_every_question_is_on_the_tape():
    assert set(REPLIES) == set(lesson.QUESTIONS)


@pytest.mark.parametrize("name", REPLIES)
def test_a_tape_gives_the_same_reply_and_the_same_page(tape, name):
    replayed = json.loads(json.dumps(replayed_of(lesson.ask(name))))
    page, expected = replayed.pop("page"), dict(REPLIES[name])
    assert page["metadata"] == expected.pop("page")["metadata"]
    assert replayed == expected
    check_page(name, page["data"])


def test_a_tape_says_that_it_is_sound(shell, work):
    rows = shell.rows("%glm tape check lesson.glmtape")
    assert [row[1] for row in rows if row and row[0] in ("1", "5", "9")] == [
        "Why is the sky blue?", "Is it dry in Ulm?", "What is new?"]  # fmt: skip
    assert "11 replies" in shell.run("%glm tape check lesson.glmtape")


def test_a_tape_is_recorded_in_the_form_that_it_had(work, at_zai):
    from tests.servers.script import Script, Tokens

    at_zai.tell(Script(answer="One two.", reasoning="Hm.", tokens=Tokens(9, 3)))
    with glm.record(work / "new.glmtape"):
        glm.ask("Count.", model="glm-4.6", system="Be brief.", temperature=0.5)
    now = (work / "new.glmtape").read_text(encoding="utf-8").splitlines()
    old = (DATA / "lesson.glmtape").read_text(encoding="utf-8").splitlines()
    assert now[:1] == old[:1] == ["glmtape 1"]

    def words(lines: list[str]) -> list[str]:
        return [line.split(" ")[0] for line in lines if line[:1].isalpha()]

    first = old[: old.index("reply 2")]
    assert words(now) == [*words(first), *words(old[-1:])]
    assert "test-key" not in "\n".join(now)


@pytest.fixture(scope="module")
def rerun(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the frozen notebook again, from its tape, without a key."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "notebook.glmtape").write_bytes((DATA / "notebook.glmtape").read_bytes())
    book = nbformat.read(DATA / "lesson.ipynb", as_version=4)
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GLM_") and "_API_KEY" not in n}
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(kept):
            patch.delenv(name)
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("GLM_HOME", str(folder / "home"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("PYTHONPATH", paths)
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        place = {"metadata": {"path": str(folder)}}
        NotebookClient(book, timeout=60, kernel_name="python3", resources=place).execute()
    return book


def outputs(book: Any) -> list[list[Any]]:
    return [list(cell.outputs) for cell in book.cells if cell.cell_type == "code"]


def form_of(output: Any) -> Any:
    """Return an output without what differs from run to run."""
    if output.output_type == "stream":
        return output.text
    data = {kind: normal(text) for kind, text in output.data.items()}
    facts = output.metadata.get("glm_magic")
    several = facts is not None and facts.get("steps", 1) > 1
    if several:
        data = {kind: timeless(text) for kind, text in data.items()}
    return {"data": data, "metadata": about(facts) if facts else dict(output.metadata)}


def is_page(form: Any) -> bool:
    return isinstance(form, dict) and '<div class="glm' in form["data"].get("text/html", "")


def test_a_notebook_runs_again_to_the_outputs_that_are_saved_in_it(rerun):
    saved = nbformat.read(DATA / "lesson.ipynb", as_version=4)
    pages = []
    for now, then in zip(outputs(rerun), outputs(saved), strict=True):
        forms, old = map(form_of, now), map(form_of, then)
        for form, form_then in zip(forms, old, strict=True):
            if is_page(form):
                assert form["metadata"] == form_then["metadata"]
                assert form["data"].keys() == form_then["data"].keys()
                pages.append(form["data"])
            else:
                assert form == form_then
    check_page("the notebook", pages)


def test_what_a_saved_output_says_for_programs(rerun):
    facts = [o.metadata["glm_magic"] for outs in outputs(rerun) for o in outs
             if "glm_magic" in o.get("metadata", {})]  # fmt: skip
    assert len(facts) == 4
    keys = [
        "schema", "model", "resolved_model", "provider", "status", "finish_reason", "usage",
        "estimate", "cost", "timing", "steps", "notices",
    ]  # fmt: skip
    assert all(sorted(fact) == sorted(keys) for fact in facts[:3])
    assert sorted(facts[3]) == ["lanes", "schema"]
    assert all(sorted(lane) == sorted([*keys, "label"]) for lane in facts[3]["lanes"])
    assert {fact["schema"] for fact in facts} == {1}
