"""Lines and verbs that were nearly right, and what is said of them; sessions that meet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import glm_magic as glm
from tests.servers.script import Failure, Script, Tokens


def users(body):
    return [m["content"] for m in body["messages"] if m["role"] == "user"]


# ── verbs and their arguments ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("20k tokens", "20,000 tokens"),
        ("5 USD", "$5"),
        ("0.5 CNY", "¥0.5"),
        ("¥5", "¥5"),
    ],
)
def test_a_budget_may_be_written_as_it_is_printed(glm_shell, sent, written, shown):
    assert shown in glm_shell.run(f"%glm budget {written}")
    assert shown in glm_shell.run(f"%glm budget day {written}")
    assert sent() == []


def test_the_hint_on_an_amount_names_forms_that_work(glm_shell, sent):
    lines = glm_shell.fail("%%glm --budget 0.5 CNY\nhi")
    for form in ("¥0.50", "$0.02", "0.5CNY", "20k"):
        assert form in lines[1]
        assert glm.session.amounts.parse_amount(form)
    assert sent() == []


def test_a_file_name_may_have_spaces(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run('%glm save "my notes.md"')
    assert Path("my notes.md").exists()
    glm_shell.run("%glm record 'a b.glmtape'")
    glm_shell.run("%glm -q two")
    glm_shell.run("%glm record off")
    assert Path("a b.glmtape").exists()
    assert "The tape is sound" in glm_shell.run('%glm tape check "a b.glmtape"')
    assert len(sent()) == 2


@pytest.mark.parametrize("verb", ["save", "drop", "hide", "use", "fork", "mcp", "record", "load"])
def test_a_verb_without_its_argument_is_no_prompt(glm_shell, sent, verb):
    lines = glm_shell.fail(f"%glm {verb}")
    assert f"%glm {verb} needs an argument" in lines[0]
    assert f"to ask a model, %glm -- {verb}" in lines[1]
    assert sent() == []
    glm_shell.run(f"%glm -- {verb}")
    assert users(sent()[0]) == [verb]


@pytest.mark.parametrize("name", ["the", "What", "use", "budget"])
def test_a_word_that_begins_prompts_is_no_alias(glm_shell, name):
    assert "would be read as a model" in glm_shell.fail(f"%glm alias {name} glm-4.6")[0]


@pytest.mark.parametrize("name", ["intt", "len"])
def test_a_hidden_name_of_the_shell_is_not_proposed(glm_shell, name):
    message = "\n".join(glm_shell.fail(f"%%glm --tool {name}\nhi"))
    assert not any(word in message for word in ("quit", "open", "exit"))
    assert ("a function that calls len" in message) is (name == "len")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.json", '{"foo": 1}', "(the object has no messages)\n"),
        ("a.md", "# notes", "Markdown is only for reading"),
        ("a.json", "[]", "(an empty list)"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told_in_words(glm_shell, file, text, message):
    Path(file).write_text(text, encoding="utf-8")
    lines = glm_shell.fail(f"%glm load {file}")
    assert len(lines) == 2
    assert message in "\n".join(lines) + "\n"


# ── budgets and what is an estimate ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "away"),
    [
        ("%glm budget 20 tokens", "%glm budget off"),
        ("%glm budget day 20 tokens", "%glm budget day off"),
        ("", "raise --budget"),
    ],
)
def test_a_refusal_names_what_takes_the_budget_away(glm_shell, sent, line, away):
    if line:
        glm_shell.run(line)
    message = glm_shell.fail(f"%%glm {'' if line else '--budget 20'}\n{'word ' * 200}")
    assert "≈0 tokens used so far" in message[0]
    assert away in message[1]
    assert sent() == []
    if line:
        glm_shell.run(away)
        glm_shell.run("%%glm -q\nhi")


def test_the_lanes_of_a_comparison_share_the_cells_budget(glm_shell, model_server):
    model_server.tell(Script(answer="word " * 400, tokens=None, piece_chars=5, pause_s=0.005))
    glm_shell.run("%%glm --budget 200 --compare temperature=0,0.3,0.6,0.9\nx")
    lanes = glm_shell["_glm"].lanes
    taken = sum(step.estimate.total for lane in lanes for step in lane.turn.steps if step.estimate)
    assert 150 < taken < 260, "200, and a chunk of each lane"
    assert {lane.status for lane in lanes} == {"interrupted"}


def test_lanes_whose_prompts_alone_pass_the_budget_are_not_sent(glm_shell, sent):
    words = "word " * 60
    glm_shell.run(f"%%glm -q --budget 200\n{words}")
    glm_shell.fail(f"%%glm --budget 200 --compare temperature=0,0.3,0.6\n{words}")
    assert len(sent()) == 1


def test_every_estimate_has_its_mark(glm_shell, model_server):
    failure = Failure(500, "InternalError", "it broke")
    model_server.tell(Script(reasoning="so so", answer="one two", tokens=None, failure=failure))
    glm_shell.fail("%%glm\nwhy?")
    printed = glm_shell.run("%glm show 1")
    assert printed.count("≈") >= 2
    from glm_magic.views.options import ViewOptions
    from glm_magic.views.saved.page import bundle

    session = glm_shell.shell.magics_manager.registry["GlmMagics"].workspace.session
    plain = bundle(session.turns[0], ViewOptions(language="en"))[0]["text/plain"]
    assert "≈" in plain.split(" in")[0][-4:]
    assert "· ≈" in plain


# ── sessions that meet ───────────────────────────────────────────────────────────────────────────


def test_a_session_of_one_name_is_one_from_python_and_from_the_magic(glm_shell, sent):
    physics = glm.Session("physics")
    physics.ask("one")
    glm_shell.run("%glm -q -S physics two")
    physics.ask("three")
    glm_shell.run("%glm -q -S physics four")
    assert users(sent()[-1]) == ["one", "two", "three", "four"]
    again = glm.Session("physics", model="glm-4.5")
    again.ask("five")
    assert users(sent()[-1]) == ["one", "two", "three", "four", "five"]
    glm_shell.run("%glm use physics")
    assert "5 turns" in glm_shell.run("%glm save a.jsonl")
    glm_shell.run("%glm budget 20k")
    assert physics.budget == again.budget is not None
    glm_shell.run("%glm new physics")
    assert physics.name == "physics-2"
    glm_shell.run("%glm -q six")
    assert users(sent()[-1]) == ["six"]


def test_resume_never_takes_a_session_of_this_kernel(glm_shell):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q -S physics two")
    before = glm_shell.run("%glm usage").splitlines()[-1]
    assert "no earlier session of this notebook is saved" in glm_shell.fail("%glm resume")[0]
    assert glm_shell.run("%glm usage").splitlines()[-1] == before


def test_forget_all_forgets_the_sums_of_this_kernel_too(glm_shell):
    glm_shell.run("%glm -q -S physics one")
    held = glm.Session("mine")
    held.ask("two")
    glm_shell.run("%glm forget all")
    assert "physics" not in glm_shell.run("%glm usage all")
    assert "mine" not in glm_shell.run("%glm usage all")
    assert held.turns == []


# ── comparisons ──────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_of_a_comparison_shows_every_request_or_refuses(glm_shell, sent):
    printed = glm_shell.run("%%glm -m glm-4.6 --compare think=on,off --dry-run\nwhy?")
    assert printed.count("POST ") == 2
    assert '"enabled"' in printed
    assert '"disabled"' in printed
    glm_shell.fail("%%glm -m glm-5.3 --compare think=on,off --dry-run\nwhy?")
    assert sent() == []


def test_what_an_interrupted_comparison_gave_is_the_last_reply(glm_shell, model_server):
    glm_shell.run("%glm first")
    model_server.tell(Script(answer="word " * 400, pause_s=0.02))
    code = (
        "import _thread, threading\n"
        "threading.Timer(0.7, _thread.interrupt_main).start()\n"
        "%glm --compare temperature=0,1 second\n"
    )
    glm_shell._run(code)
    assert len(glm_shell["_glm"].lanes) == 2
    assert {lane.status for lane in glm_shell["_glm"].lanes} == {"interrupted"}


# ── tapes ────────────────────────────────────────────────────────────────────────────────────────


def test_a_recording_never_writes_over_a_file_that_is_no_tape(glm_shell, sent):
    Path("results.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for line in ("%glm record results.csv", "%%glm --record results.csv\nwhy?"):
        problem = glm_shell.fail(line)
        assert "exists and is not a tape" in problem[0]
    assert Path("results.csv").read_text(encoding="utf-8") == "a,b\n1,2\n"
    assert sent() == []
    glm_shell.run("%glm -q nothing is recorded")


def test_what_becomes_of_an_older_tape_is_said(glm_shell):
    with glm.record("old.glmtape"):
        glm_shell.run("%glm -q one")
    Path("new.glmtape").write_bytes(Path("old.glmtape").read_bytes())
    assert "stays as new.glmtape~" in glm_shell.run("%glm record new.glmtape")
    glm_shell.run("%glm record off")


LESSON = (
    "%load_ext glm_magic",
    "%config GLM.system = 'Be brief.'",
    "%glm models glm-4.6",
    "%%glm --compare temperature=0,1\nWhy?",
    "%glm use nowhere-to-be-found",
    "%%glm --no-history --tool helper\nHelp?",
    "%%glm\nAbout {animal}",
    "%%glm\nAnd then?",
)


def test_a_rehearsal_understands_a_whole_lesson_and_leaves_nothing(glm_shell, sent, isolated_home):
    glm_shell.run("def helper() -> str:\n    'Help.'\n    return 'x'\nanimal = 'cats'")
    glm_shell.run("%glm record lesson.glmtape")
    for source in LESSON[1:]:
        glm_shell._run(source)
    glm_shell.run("%glm record off")
    cells = [{"cell_type": "code", "source": s, "metadata": {}, "outputs": []} for s in LESSON]
    Path("lesson.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    asked = len(sent())
    for name in ("helper", "animal"):
        del glm_shell.shell.user_ns[name]
    glm_shell.run("%config GLM.system = None")
    listed = glm_shell.run("%glm sessions")
    printed = glm_shell.run("%glm tape check lesson.glmtape lesson.ipynb")
    rows = [line for line in printed.splitlines() if line.strip()[:1].isdigit()]
    assert [row.split("  ")[-1].strip() for row in rows] == [
        "covered",
        "needs helper from the notebook: run it to see",
        "needs animal from the notebook: run it to see",
        "depends on a prompt above: run it to see",
    ]
    assert "Every prompt that can be judged without running the notebook" in printed
    assert glm_shell.run("%glm sessions") == listed, "nothing of a rehearsal is kept"
    assert len(sent()) == asked
    assert glm_shell.shell.magics_manager.registry["GlmMagics"].workspace.config.system is None


def test_a_price_is_needed_to_hold_money(glm_shell, model_server):
    model_server.tell(Script(tokens=Tokens(5, 5)))
    message = glm_shell.fail("%%glm --budget ¥1\nhi")
    assert "leave out --budget" in message[1]
