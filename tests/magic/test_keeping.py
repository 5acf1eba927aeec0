"""The verbs about files and the disk, as a user meets them over several kernels."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from glm_magic.session import notebook
from tests.servers.script import Script, Tokens


def restart(cells):
    """Do what a kernel restart does to sessions: everything in memory is gone."""
    cells.shell.run_line_magic("unload_ext", "glm_magic")
    cells.shell.run_line_magic("load_ext", "glm_magic")
    notebook.conversations.clear()


def users(sent):
    return [m["content"] for m in sent()[-1]["messages"] if m["role"] == "user"]


def test_a_new_kernel_begins_afresh_and_resume_continues(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    restart(glm_shell)
    glm_shell.run("%glm -q three")
    assert users(sent) == ["three"]
    restart(glm_shell)
    assert "continues from 1 turn" in glm_shell.run("%glm resume")
    glm_shell.run("%glm -q four")
    assert users(sent) == ["three", "four"]


def test_resume_is_of_this_notebook(glm_shell, sent, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/a.ipynb")
    glm_shell.run("%glm -q in a")
    restart(glm_shell)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/b.ipynb")
    lines = glm_shell.fail("%glm resume")
    assert len(lines) == 2
    glm_shell.run("%glm -q in b")
    restart(glm_shell)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/a.ipynb")
    glm_shell.run("%glm resume")
    glm_shell.run("%glm -q more")
    assert users(sent) == ["in a", "more"]


def test_resume_keeps_what_this_kernel_had_asked(glm_shell, sent):
    glm_shell.run("%glm -q one")
    restart(glm_shell)
    glm_shell.run("%glm -q two")
    glm_shell.run("%glm resume")
    assert "default-2" in glm_shell.run("%glm sessions")
    glm_shell.run("%glm use default-2")
    glm_shell.run("%glm -q three")
    assert users(sent) == ["two", "three"]


def test_resume_twice_stays_with_the_same_session(glm_shell, sent):
    for word in ("one", "two"):
        glm_shell.run(f"%glm -q {word}")
        restart(glm_shell)
    first = glm_shell.run("%glm resume")
    assert glm_shell.run("%glm resume") == first
    glm_shell.run("%glm new other")
    assert glm_shell.run("%glm resume  # again") == first
    glm_shell.run("%glm -q three")
    assert users(sent) == ["two", "three"]


def test_a_named_session_continues_by_name(glm_shell, sent):
    glm_shell.run("%glm -q -S physics one")
    glm_shell.run("%glm use physics")
    glm_shell.run("%glm use glm-4.5")
    glm_shell.run("%glm -q two")
    restart(glm_shell)
    listed = glm_shell.run("%glm sessions")
    assert "physics  on disk" in listed
    glm_shell.run("%glm -q -S physics three")
    assert users(sent) == ["one", "two", "three"]
    assert sent()[-1]["model"] == "glm-4.5"
    restart(glm_shell)
    assert "2" not in glm_shell.run("%glm use physics").split("turn")[0]
    glm_shell.run("%glm new physics")
    glm_shell.run("%glm -q four")
    assert users(sent) == ["four"]
    restart(glm_shell)
    glm_shell.run("%glm -q -S physics five")
    assert users(sent) == ["four", "five"]
    glm_shell.run("%glm -q -S physics-2 six")
    assert users(sent) == ["one", "two", "three", "six"]


def test_new_never_continues_what_an_earlier_kernel_made(glm_shell, sent):
    glm_shell.run("%glm new")
    glm_shell.run("%glm -q one")
    restart(glm_shell)
    glm_shell.run("%glm new")
    glm_shell.run("%glm -q two")
    assert users(sent) == ["two"]


def test_save_and_load(glm_shell, sent, tmp_path):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    assert "2 turns written" in glm_shell.run("%glm save lesson.jsonl")
    glm_shell.run("%glm save lesson.md")
    restart(glm_shell)
    assert "The session default has 2 turns" in glm_shell.run("%glm load lesson.jsonl")
    glm_shell.run("%glm -q three")
    assert users(sent) == ["one", "two", "three"]
    assert len(glm_shell.fail("%glm save lesson.txt")) == 2
    assert len(glm_shell.fail("%glm load none.json")) == 2
    assert "Because." in (tmp_path / "lesson.md").read_text()


def test_save_and_load_of_a_sentence_is_a_prompt(glm_shell, sent):
    glm_shell.run("%glm -q save humanity")
    glm_shell.run("%glm -q load balancing")
    assert users(sent) == ["save humanity", "load balancing"]


def test_forget_deletes_one_session_or_everything(glm_shell, sent, isolated_home):
    glm_shell.run("%glm -q -S a unmistakable")
    glm_shell.run("%glm -q -S b other")
    assert "is deleted" in glm_shell.run("%glm forget a")
    assert "a " not in glm_shell.run("%glm sessions").splitlines()[2]
    glm_shell.run("%glm -q -S a again")
    assert users(sent) == ["again"]
    file = isolated_home / "glm" / "sessions.db"
    assert file.exists()
    assert "Every session is deleted" in glm_shell.run("%glm forget all")
    kept = b"".join(path.read_bytes() for path in file.parent.glob("sessions.db*"))
    assert not any(word in kept for word in (b"unmistakable", b"other", b"again", b"bigmodel"))
    glm_shell.run("%glm -q -S b afresh")
    assert users(sent) == ["afresh"]
    glm_shell.run("%glm -q forget nothing")  # a prompt, as no session is named so


def test_the_off_switch(glm_shell, isolated_home):
    glm_shell.run("%config GLM.store = False")
    glm_shell.run("%glm -q one")
    assert not (isolated_home / "glm" / "sessions.db").exists()
    assert "in memory only" in glm_shell.run("%glm")
    assert "not saved on disk" in glm_shell.run("%glm sessions")
    assert len(glm_shell.fail("%glm resume")) == 2


def test_no_history_leaves_no_text_but_its_cost(glm_shell, model_server, isolated_home):
    model_server.tell(Script(answer="unmistakable", tokens=Tokens(10, 20)))
    glm_shell.run("%glm -q --no-history secret question")
    content = b"".join(p.read_bytes() for p in (isolated_home / "glm").glob("sessions.db*"))
    assert b"unmistakable" not in content
    assert b"secret question" not in content
    assert b"(no history)" in content


@pytest.mark.parametrize("verb", ["save", "load"])
def test_files_complete(glm_shell, tmp_path, verb):
    from glm_magic.magic.line.complete import complete

    (tmp_path / "chat.jsonl").write_text("")
    (tmp_path / "data.csv").write_text("")
    workspace = glm_shell.shell.find_line_magic("glm").__self__.workspace
    assert complete(workspace, f"{verb} ", is_cell=False)[1] == ["chat.jsonl"]
    glm_shell.run("%glm -q -S physics one")
    assert "physics" in complete(workspace, "use ph", is_cell=False)[1]
    assert complete(workspace, "forget ", is_cell=False)[1] == ["physics", "default", "all"]


def test_resume_from_a_damaged_file_says_that_it_is_damaged(glm_shell, isolated_home):
    (isolated_home / "glm").mkdir()
    (isolated_home / "glm" / "sessions.db").write_text("this is no database\n" * 99)
    lines = glm_shell.fail("%glm resume")
    assert "is damaged" in lines[0]
    assert "is damaged" in glm_shell.run("%glm")
    glm_shell.run("%glm forget all")
    glm_shell.run("%glm -q one")
    assert "sessions.db" in glm_shell.run("%glm")


def test_the_status_names_no_home_folder(glm_shell, isolated_home):
    shown = glm_shell.run("%glm")
    assert "~/glm/sessions.db" in shown
    assert str(isolated_home) not in shown


# ---- names, and what is said ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["%glm -S all hi", "%%glm -S all\nhi", "%glm new all", "%glm fork all"]
)
def test_no_session_is_named_all(glm_shell, sent, line):
    glm_shell.run("%glm -q -S a one")
    count = len(sent())
    problem = glm_shell.fail(line)
    assert len(problem) == 2
    assert re.search("no session can be named all|a name other than all", problem[0])
    assert len(sent()) == count
    assert "Every session is deleted" in glm_shell.run("%glm forget all")
    assert "a " not in glm_shell.run("%glm sessions").splitlines()[2]


def test_forget_all_also_means_everything_where_an_older_version_named_a_session_so(
    glm_shell, sent, isolated_home
):
    glm_shell.run("%glm -q -S a unmistakable")
    glm_shell.run("%glm -q -S b unmistakable")
    with sqlite3.connect(isolated_home / "glm" / "sessions.db") as connection:
        connection.execute("UPDATE session SET name = 'all' WHERE name = 'a'")
    connection.close()
    restart(glm_shell)
    glm_shell.run("%glm -q -S all goes on")
    assert users(sent) == ["unmistakable", "goes on"]
    glm_shell.run("%glm forget all")
    content = b"".join(p.read_bytes() for p in (isolated_home / "glm").glob("sessions.db*"))
    assert b"unmistakable" not in content


def test_load_fork_and_resume_say_under_which_name_a_session_is_kept(glm_shell, sent):
    glm_shell.run("%glm -q -S a one")
    glm_shell.run("%glm use a")
    glm_shell.run("%glm save a.jsonl")
    glm_shell.run("%glm -q two")
    shown = glm_shell.run("%glm load a.jsonl")
    assert "The session a has 1 turn" in shown
    assert "The earlier turns of a are kept as a-2." in shown
    assert "kept as a-3" in glm_shell.run("%glm fork a")
    glm_shell.run("%glm -q -S a-2 three")
    assert users(sent) == ["one", "two", "three"]


def test_a_loaded_session_that_would_be_named_all_gets_another_name(glm_shell, sent):
    glm_shell.run("%glm -q -S a one")
    glm_shell.run("%glm use a")
    glm_shell.run("%glm save a.jsonl")
    text = Path("a.jsonl").read_text()
    Path("a.jsonl").write_text(text.replace('"name": "a"', '"name": "all"'))
    assert "The session all-2 has 1 turn" in glm_shell.run("%glm load a.jsonl")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace('"prompt"', '"pompt"'), "line 2: variants[0].turn.prompt"),
        (lambda text: text.replace('"version": 1', '"version": "x"'), "line 1: version"),
        (lambda text: text + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_file_changes_no_session_and_the_store_goes_on(glm_shell, sent, change, says):
    glm_shell.run("%glm -q -S a one")
    glm_shell.run("%glm use a")
    glm_shell.run("%glm save a.jsonl")
    path = Path("a.jsonl")
    path.write_text(change(path.read_text()))
    before = glm_shell.run("%glm sessions")
    problem = glm_shell.fail("%glm load a.jsonl")
    assert len(problem) == 2
    assert says in problem[0]
    assert glm_shell.run("%glm sessions") == before
    glm_shell.run("%glm -q two")
    assert users(sent) == ["one", "two"]
    restart(glm_shell)
    glm_shell.run("%glm -q -S a three")
    assert users(sent) == ["one", "two", "three"]


def test_forget_does_not_claim_what_a_locked_file_prevents(glm_shell, isolated_home):
    glm_shell.run("%glm -q -S a unmistakable")
    file = isolated_home / "glm" / "sessions.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    problem = glm_shell.fail("%glm forget a")
    assert "is not deleted on disk yet" in problem[0]
    assert "another program" in problem[0]
    other.execute("ROLLBACK")
    other.close()
    glm_shell.run("%glm -q -S b next")
    content = b"".join(p.read_bytes() for p in file.parent.glob("sessions.db*"))
    assert b"unmistakable" not in content
