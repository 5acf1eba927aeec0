"""The outside of version 0.1.0.dev0 stays: its names, its options, its files."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

import glm_magic as glm
from tests.frozen import view
from tests.magic.conftest import *  # noqa: F403 - the shell and its cells

RENAMED = {
    "Session": {"asked", "asked_since", "forget", "lose_cells", "lose_older", "open", "open_lanes",
                "plan", "slot_of", "stale", "take", "touch", "write_all", "entries",
                "entries_without"},
    "Stream": {"watchers", "raw", "sent", "aevents"},
    "Turn": {"asks_caller"},
}  # fmt: skip
"""What the rooms of the package said to each other, in no documentation."""


def frozen(name: str) -> Any:
    return json.loads((view.DATA / name).read_text(encoding="utf-8"))


@pytest.fixture
def old_home(isolated_home, monkeypatch):
    """Give a user's folder as the first version left it."""
    home = isolated_home / "glm"
    home.mkdir(parents=True, exist_ok=True)
    for name in ("sessions.db", "aliases.json"):
        shutil.copy(view.DATA / name, home / name)
    monkeypatch.setenv("ZAI_API_KEY", "test-key")
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    return home


def test_every_public_name_is_there():
    assert set(frozen("api.json")["names"]) <= set(glm.__all__)


@pytest.mark.parametrize("name", frozen("api.json")["members"])
def test_a_public_name_is_used_as_before(name):
    before, now = frozen("api.json")["members"][name], view.api()["members"][name]
    if isinstance(before, list):
        assert now[: len(before)] == before
        return
    for member, form in before.items():
        if member in RENAMED.get(name, ()) or (member == "(init)" and name != "Session"):
            continue
        assert member in now, f"{name}.{member}"
        if isinstance(form, list):
            assert now[member][: len(form)] == form, f"{name}.{member}"


def test_errors_are_caught_by_the_same_classes():
    now = view.errors()
    for name, bases in frozen("api.json")["errors"].items():
        assert [base for base in now[name] if base in bases] == bases


def test_a_store_has_the_same_tables(old_home):
    assert view.schema(old_home / "sessions.db") == frozen("schema.json")
    (old_home / "sessions.db").unlink()
    session = glm.Session("new")
    session.set_budget(None)
    with pytest.raises(glm.GlmError):
        session.ask("?", base_url="http://127.0.0.1:9/api", api_key="k", model="glm-4.6")
    assert view.schema(old_home / "sessions.db") == frozen("schema.json")


def test_every_stored_session_is_read_as_it_was_kept(old_home):
    before = frozen("sessions.json")
    assert view.sessions(list(before)) == before


def test_a_stored_session_goes_on(old_home, asking, sent):
    asking.run("%glm use physics")
    asking.run("%%glm -m glm-4.6\nand then?")
    texts = [message["content"] for message in sent()[-1]["messages"]]
    assert texts == [
        "why is the sky blue?", "Because short waves scatter more.",
        "天空为什么是蓝色的？", "Another answer.", "and then?",
    ]  # fmt: skip


def test_the_sums_of_stored_calls_are_the_same(old_home, cells):
    for verb, figures in frozen("tables.json").items():
        assert view.figures(cells.run(f"%glm {verb}")) == figures, verb


def test_stored_budgets_hold(old_home, cells):
    budgets = cells.run("%glm budget")
    assert "¥5" in budgets
    assert "997,000" in budgets


def test_an_alias_means_what_it_did(old_home, cells):
    assert "zai/glm-4.5-air" in cells.run("%glm alias fast")


@pytest.mark.parametrize("name", ["physics.jsonl", "physics.json"])
def test_a_saved_session_is_loaded(name, cells):
    cells.run(f"%glm load {view.DATA / name}")
    shown = cells.run("%glm show")
    assert "why is the sky blue?" in shown
    assert "Another answer." in shown


def test_the_help_lists_the_same_options_and_verbs(cells):
    assert view.left_column(cells.run("%glm help")) == frozen("help.json")


def test_a_tape_gives_the_same_turns_and_saved_outputs(cells):
    before = frozen("replayed.json")
    now = json.loads(json.dumps(view.replayed(cells.run, cells.shell.user_ns), default=str))
    for old, new in zip(before, now, strict=True):
        for turn in (old["turn"], new["turn"]):
            turn["notices"] = [code for code, _ in turn["notices"]]
        assert new["turn"] == old["turn"]
        assert new["page"] == old["page"]
        assert _shape(new["metadata"]) == _shape(old["metadata"])


def _shape(value: Any) -> Any:
    """Return JSON without its numbers, some of which are times."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return type(value).__name__ if isinstance(value, (int, float)) else value
