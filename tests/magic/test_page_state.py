"""What a page is told: how full the context is, and the tapes of the folder in words."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glm_magic.local.models import TINY, packaged_model
from glm_magic.magic import page_state
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from glm_magic.wire.tape.tape import Tape
from tests.servers.script import Failure, Script, Tokens

LESSON = Path(__file__).parents[2] / "notebooks" / "tapes" / "03_price.glmtape"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give an empty folder, which is the current one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_tape_is_told_with_what_is_on_it(folder):
    shutil.copy(LESSON, "lesson.glmtape")
    Path("notes.txt").touch()
    ((name, about, summary),) = page_state.tapes_of()
    assert (name, about) == ("lesson.glmtape", "")
    assert "repl" in summary
    assert " at local, recorded on 20" in summary


def test_a_tape_that_changed_is_told_anew(folder):
    shutil.copy(LESSON, "lesson.glmtape")
    before = page_state.tapes_of()
    text = Path("lesson.glmtape").read_text(encoding="utf-8")
    Path("lesson.glmtape").write_text(text[: len(text) // 2], encoding="utf-8")
    after = page_state.tapes_of()
    assert before != after
    assert "cut off" in after[0][2]


def test_what_cannot_be_read_is_told_by_its_name(folder):
    Path("broken.glmtape").symlink_to("nowhere")
    Path("folder.glmtape").mkdir()
    large = Path("large.glmtape")
    large.write_bytes(b"x" * (page_state.MOST_TAPE_BYTES + 1))
    kept = {name: summary for name, _, summary in page_state.tapes_of()}
    assert kept.keys() == {"broken.glmtape", "folder.glmtape", "large.glmtape"}
    assert kept["broken.glmtape"] == kept["large.glmtape"] == ""
    assert "folder.glmtape" in kept["folder.glmtape"]


def test_a_folder_that_is_gone_has_no_tapes(folder):
    folder.rmdir()
    assert page_state.tapes_of() == []


def test_the_context_is_that_of_the_last_turn_that_is_sent(glm_shell, model_server):
    workspace = glm_shell.shell.find_line_magic("glm").__self__.workspace
    used = lambda: page_state.figures_of(workspace)["used"]  # noqa: E731
    model_server.tell(Script(answer="one", tokens=Tokens(1200, 340, reasoning=40)))
    glm_shell.run("%%glm\none")
    assert used() == 1500
    model_server.tell(Script(refusal=Failure(401, "1000", "no")))
    glm_shell.fail("%%glm\ntwo")
    assert used() == 1500, "one that failed is not sent"
    model_server.tell(Script(answer="three", tokens=Tokens(1600, 50)))
    glm_shell.run("%%glm\nthree")
    assert used() == 1650
    glm_shell.run("%glm hide 3")
    assert used() == 1500


def test_a_local_model_has_a_context_and_no_cost(cells):
    body = b'data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}\n\n'
    asked = RequestKey("local", TINY, ({"role": "user", "content": "Hello?"},), {})
    when = datetime(2026, 11, 21, tzinfo=UTC)
    Tape(Path("t.glmtape")).keep(
        Recording(asked, when, 200, 0.1, (Chunk(0.2, body),), "whole", 0.3)
    )
    cells.run("%%glm -q --replay t.glmtape --speed max\nHello?")
    workspace = cells.shell.magics_manager.registry["GlmMagics"].workspace
    figures = page_state.figures_of(workspace)
    assert (figures["provider"], figures["model"]) == ("local", TINY)
    assert figures["limit"] == packaged_model(TINY).context
    assert figures["cost"] == ""
