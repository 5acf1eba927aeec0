"""Tapes from a notebook: the options, the verbs, and whether a notebook is covered."""

from __future__ import annotations

import json
import time
from pathlib import Path

from glm_magic.session.repository import saved_sessions
from glm_magic.session.store import current_store
from tests.servers.script import Script

SLOW = Script(answer="Because.", reasoning="Let me see.", first_pause_s=2)


def test_a_line_records_and_a_line_replays(glm_shell, sent, monkeypatch):
    printed = glm_shell.run("%%glm --record lesson.glmtape\nWhy?")
    assert "Because." in printed
    monkeypatch.delenv("ZAI_API_KEY")
    monkeypatch.delenv("GLM_BASE_URL")
    monkeypatch.setenv("GLM_PROVIDER", "openrouter")  # whatever this computer is set to
    glm_shell.shell.run_line_magic("glm", "reset")
    printed = glm_shell.run("%%glm --replay lesson.glmtape\nWhy?")
    assert "Because." in printed
    assert "replayed, recorded on 20" in printed
    assert glm_shell["_glm"].provider == "zai"
    assert len(sent()) == 1


def test_speed_sets_the_rhythm(glm_shell, model_server):
    model_server.tell(SLOW)
    glm_shell.run("%%glm --no-history --record lesson.glmtape\nWhy?")

    def took_s(line):
        began = time.monotonic()
        glm_shell.run(f"%%glm --no-history --replay lesson.glmtape {line}\nWhy?")
        return time.monotonic() - began

    assert took_s("--speed max") < 1.5
    assert took_s("") > 2
    assert glm_shell["_glm"].timing.first_byte_s > 1.9  # the times are the recording's
    problem = glm_shell.fail("%%glm --replay lesson.glmtape --speed 0\nWhy?")
    assert "cannot play at speed 0" in problem[0]
    assert "--record and --replay exclude" in glm_shell.fail("%%glm --record a --replay b\nWhy?")[0]


def test_the_verbs_put_a_tape_in_and_take_it_out(glm_shell, sent, model_server):
    printed = glm_shell.run("%glm record lesson.glmtape")
    assert "recorded to lesson.glmtape" in printed
    glm_shell.run("%%glm\nWhy?")
    model_server.tell(Script(answer="And so on."))
    glm_shell.run("%%glm\nAnd then?")
    assert "lesson.glmtape: recording (2 replies)" in glm_shell.run("%glm")
    glm_shell.run("%glm record off")
    glm_shell.run("%glm new")
    printed = glm_shell.run("%glm replay lesson.glmtape max")
    assert "Replies come from lesson.glmtape: 2 replies of" in printed
    assert " at zai, recorded on 20" in printed
    glm_shell.run("%%glm\nWhy?")
    assert "And so on." in glm_shell.run("%%glm\nAnd then?")  # with the turn before it
    assert len(sent()) == 2
    lines = glm_shell.fail("%%glm\nAnd why not?")
    assert lines[0].startswith("NotOnTapeError: the tape lesson.glmtape does not hold")
    assert lines[1].startswith("→ the nearest recorded prompt is “")
    glm_shell.run("%glm replay off")
    glm_shell.run("%%glm\nAnd why not?")
    assert len(sent()) == 3


def test_a_tape_says_what_it_holds(glm_shell):
    glm_shell.run("%glm record lesson.glmtape")
    glm_shell.run("%%glm -t 0.5\nWhy?")
    glm_shell.run("%%glm\nAnd then?")
    printed = glm_shell.run("%glm tape check lesson.glmtape")
    assert "The tape is sound: 2 replies of" in printed
    rows = [line.split() for line in printed.splitlines()]
    assert any(row[:2] == ["1", "Why?"] and "temperature=0.5" in row for row in rows)
    text = Path("lesson.glmtape").read_text(encoding="utf-8")
    Path("lesson.glmtape").write_text(text.replace(">Why?", ">Who?"), encoding="utf-8")
    problem = glm_shell.fail("%glm tape check lesson.glmtape")
    assert "was changed after it was recorded: reply 1, line 5," in problem[0]


def notebook(*sources: str) -> None:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources
    ]
    Path("lesson.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")


def test_a_notebook_is_checked_against_a_tape(glm_shell, sent, model_server):
    lesson = ("%load_ext glm_magic", "%%glm -t 0.5\nWhy?", "%%glm\nAnd then?", "r = %glm and now?")
    glm_shell.run("%glm record lesson.glmtape")
    for source in lesson[1:]:
        glm_shell.run(source)
    glm_shell.run("%glm record off")
    notebook(*lesson)
    turns, asked = (
        len(glm_shell.shell.magics_manager.registry["GlmMagics"].workspace.session),
        len(sent()),
    )
    printed = glm_shell.run("%glm tape check lesson.glmtape lesson.ipynb")
    assert printed.count("covered") == 3
    assert "Every prompt is on the tape." in printed
    notebook(lesson[1], "%%glm\nSomething else?", lesson[2], "answer = glm.ask('x')")
    printed = glm_shell.run("%glm tape check lesson.glmtape lesson.ipynb")
    assert "1 of 4 prompts are not on the tape." in printed
    assert "messages were sent before it" in printed or "nearest recorded prompt" in printed
    assert "asked from Python: run it to see" in printed
    assert len(sent()) == asked  # a rehearsal asks nobody, and leaves the conversation alone
    assert len(glm_shell.shell.magics_manager.registry["GlmMagics"].workspace.session) == turns
    assert "cannot be read" in glm_shell.fail("%glm tape check lesson.glmtape none.ipynb")[0]


def test_a_check_changes_no_session_that_the_notebook_has(glm_shell):
    glm_shell.run("%glm record lesson.glmtape")
    glm_shell.run("%%glm -S physics\nWhy?")
    glm_shell.run("%glm record off")
    before = glm_shell.run("%glm sessions")
    notebook(
        "%%glm -S physics\nWhy?", "%glm use physics", "%glm undo", "%glm fork other",
        "%%glm --new -S physics\nWhy?", "%glm reset",
    )  # fmt: skip
    glm_shell.run("%glm tape check lesson.glmtape lesson.ipynb")
    assert glm_shell.run("%glm sessions") == before
    workspace = glm_shell.shell.magics_manager.registry["GlmMagics"].workspace
    physics = workspace.sessions.get("physics")
    assert [turn.prompt for turn in physics.turns] == ["Why?"]
    assert [s.name for s in saved_sessions(current_store(), "1")] == ["physics"]


def test_a_prompt_that_begins_like_a_verb_stays_a_prompt(glm_shell, sent):
    glm_shell.run("%glm record the sound of rain in words")
    glm_shell.run("%glm tape measures are made of what?")
    assert [body["messages"][-1]["content"] for body in sent()] == [
        "record the sound of rain in words", "tape measures are made of what?"]  # fmt: skip


def test_looking_at_a_request_needs_no_tape_that_holds_it(glm_shell, sent):
    glm_shell.run("%%glm --record lesson.glmtape\nWhy?")
    glm_shell.run("%glm replay lesson.glmtape max")
    assert "Why?" in glm_shell.run("%glm context")
    assert "something else" in glm_shell.run("%glm --dry-run something else")
    assert "api.z.ai" in glm_shell.run("%glm --dry-run -p zai -m glm-4.7 hello") or len(sent()) == 1
    assert len(sent()) == 1
