"""A reply that fails by its last word fails its cell, in every way to ask."""

from __future__ import annotations

import pytest

from tests.servers.script import Failure, Script

REASONS = {
    "sensitive": "ContentBlockedError",
    "content_filter": "ContentBlockedError",
    "network_error": "ServerError",
    "abort": "ServerError",
}
every_reason = pytest.mark.parametrize("reason", REASONS)


@every_reason
def test_the_cell_fails_in_few_lines_and_the_text_stays(glm_shell, model_server, reason):
    model_server.tell(Script(answer="Half of it", finish=reason))
    printed = "\n".join(glm_shell.fail("%%glm\nwhy?"))
    assert "Half of it" in printed
    assert printed.count(REASONS[reason]) == 1
    assert "→ " in printed
    assert type(glm_shell.error).__name__ == REASONS[reason]
    assert glm_shell["_glm"].answer == "Half of it"
    assert glm_shell["_glm"].status == "failed"
    assert len(model_server.requests) == 1


def test_the_next_cell_goes_on_without_what_was_withdrawn(glm_shell, model_server, sent):
    model_server.tell(Script(answer="Half of it", finish="sensitive"), Script(answer="Fine."))
    glm_shell.fail("%%glm\nwhy?")
    glm_shell.run("%%glm\nand now?")
    assert [message["content"] for message in sent()[-1]["messages"]] == ["and now?"]


def test_a_reply_that_filled_the_window_is_cut_and_stays_in_the_conversation(
    glm_shell, model_server, sent
):
    window = Script(answer="Half of it", finish="model_context_window_exceeded")
    model_server.tell(window, Script(answer="Fine."))
    printed = glm_shell.run("%%glm\nwhy?")
    assert "the model's context window is full" in printed
    glm_shell.run("%%glm\ngo on")
    texts = [message["content"] for message in sent()[-1]["messages"]]
    assert texts == ["why?", "Half of it", "go on"]


@every_reason
def test_a_background_reply_raises_when_it_is_fetched(glm_shell, model_server, reason):
    model_server.tell(Script(answer="Half of it", finish=reason))
    glm_shell.run("%%glm --bg -o job\nwhy?")
    glm_shell.fail("job.result(10)")
    assert type(glm_shell.error).__name__ == REASONS[reason]
    assert glm_shell["job"].answer == "Half of it"


def test_a_comparison_whose_lanes_all_fail_fails(glm_shell, model_server):
    model_server.tell(Script(answer="Half of it", finish="sensitive"))
    glm_shell.fail("%%glm --compare temperature=0,1\nwhy?")
    assert type(glm_shell.error).__name__ == "ContentBlockedError"


def test_a_limit_in_the_first_event_is_passed_in_the_cell(glm_shell, model_server, monkeypatch):
    monkeypatch.setattr("glm_magic.wire.retry.BACKOFF_S", (0.01, 0.02))
    busy = Script(answer="", failure=Failure(429, "1302", "too many"))
    model_server.tell(busy, Script(answer="Fine."))
    printed = glm_shell.run("%%glm\nwhy?")
    assert "Fine." in printed
    assert "trying again" in printed
    assert len(model_server.requests) == 2
