"""A prompt in a cell is sent as written, answered, shown and bound."""

import pytest

from glm_magic.core.errors import (
    AuthenticationError,
    InvalidValueError,
    MissingKeyError,
    UnknownNameError,
)
from tests.servers.script import Failure, Script


def prompts(bodies):
    return [body["messages"][-1]["content"] for body in bodies]


def test_a_cell_is_the_prompt(glm_shell, sent):
    printed = glm_shell.run("%%glm\nwhy is the sky blue?\n")
    assert prompts(sent()) == ["why is the sky blue?"]
    assert "Let me see." in printed
    assert "Because." in printed


def test_the_prompt_may_begin_on_the_magics_line(glm_shell, sent):
    glm_shell.run("%%glm -t 0.5 translate:\n\n  bonjour\n")
    assert prompts(sent()) == ["translate:\n\n  bonjour"]
    assert sent()[0]["temperature"] == 0.5


def test_a_cell_of_one_line_is_a_prompt(glm_shell, sent):
    glm_shell.run("%%glm what's $5 worth?")
    assert prompts(sent()) == ["what's $5 worth?"]


def test_nothing_is_sent_that_was_not_set(glm_shell, sent):
    glm_shell.run("%%glm\nhello")
    assert set(sent()[0]) <= {"model", "messages", "stream", "stream_options"}


def test_a_line_returns_the_reply_and_a_question_mark_stays(glm_shell, sent):
    glm_shell.run("r = %glm why is the sky blue?")
    assert prompts(sent()) == ["why is the sky blue?"]
    assert glm_shell["r"].answer == "Because."
    assert glm_shell["r"].reasoning == "Let me see."
    assert glm_shell["_glm"] is glm_shell["r"]


def test_a_line_shows_its_reply_once(glm_shell):
    printed = glm_shell.run("%glm why?")
    assert printed.count("Because.") == 1
    assert "Out[" not in printed


def test_a_cell_returns_nothing_but_binds_its_reply(glm_shell):
    glm_shell.run("%%glm -o answer\nwhy?")
    assert glm_shell["answer"].answer == "Because."
    assert glm_shell["_glm"] is glm_shell["answer"]
    assert "_" not in glm_shell.shell.user_ns or glm_shell["_"] == ""


def test_ipython_expands_nothing_on_our_lines(glm_shell, sent):
    glm_shell.run("x = 1")
    glm_shell.run("%glm $x and {y} and {x}")
    assert prompts(sent()) == ["$x and {y} and 1"]


def test_values_are_put_in_and_listed(glm_shell, sent):
    glm_shell.run("city, data = 'Ulm', {'n': [3, 4]}")
    printed = glm_shell.run("%%glm\nIs {city} big? {data['n'][1]} {nothing}")
    assert prompts(sent()) == ["Is Ulm big? 4 {nothing}"]
    assert "city, data['n'][1]" in printed


def test_raw_sends_the_cell_as_it_is(glm_shell, sent):
    glm_shell.run("x = 1")
    glm_shell.run("%%glm --raw\n\n  {x} {{x}}  \n\n")
    assert prompts(sent()) == ["\n  {x} {{x}}  \n"]


def test_cells_and_their_errors_can_be_put_in(glm_shell, sent):
    glm_shell.run("%glm -q begin")
    number = glm_shell.shell.execution_count
    glm_shell.run("value = 6 * 7\nvalue")
    glm_shell.fail("1 / 0")
    glm_shell.run(
        f"%glm -q {{In[{number}]}} | {{Out[{number}]}} | {{Err[{number + 1}]}} | {{Err[1]}}"
    )
    text = prompts(sent())[-1]
    assert text.startswith("value = 6 * 7\nvalue | 42 | Traceback (most recent call last):\n")
    assert f"Cell In[{number + 1}], line 1" in text
    assert text.endswith("ZeroDivisionError: division by zero | {Err[1]}")


def test_hidden_names_of_the_shell_are_not_put_in(glm_shell, sent):
    glm_shell.run("%glm {exit} {get_ipython} {quit}")
    assert prompts(sent()) == ["{exit} {get_ipython} {quit}"]
    glm_shell.shell.user_ns["exit"] = "way out"
    glm_shell.run("%glm {exit}")
    assert prompts(sent())[-1] == "way out"


def test_the_model_may_come_first_or_by_option(glm_shell, sent):
    glm_shell.run("%glm -q glm-4.6 hello")
    glm_shell.run("%glm -q -m zai/glm-4.5 hello")
    glm_shell.run("%glm -q zai/glm-4.7 hello")
    assert [body["model"] for body in sent()] == ["glm-4.6", "glm-4.5", "glm-4.7"]
    assert prompts(sent()) == ["hello"] * 3


def test_thinking_is_asked_for_or_not(glm_shell, sent):
    for option in ("", "--think", "--no-think", "--think auto"):
        glm_shell.run(f"%glm -q glm-4.6 {option} hello")
    assert [body.get("thinking", {}).get("type") for body in sent()] == [
        None, "enabled", "disabled", None]  # fmt: skip


def test_what_the_model_cannot_do_is_said_before_sending(glm_shell, sent):
    lines = glm_shell.fail("%%glm -t 9\nhello")
    assert isinstance(glm_shell.error, InvalidValueError)
    assert len(lines) <= 3
    assert sent() == []


def test_the_thinking_may_be_hidden(glm_shell):
    assert "Let me see." not in glm_shell.run("%%glm -R\nwhy?")
    assert "Let me see." in glm_shell.run("%%glm\nwhy?")


def test_quiet_shows_nothing_but_binds(glm_shell):
    assert glm_shell.run("%%glm -q\nwhy?") == ""
    assert glm_shell["_glm"].answer == "Because."


def test_the_first_code_block_goes_into_a_new_cell(glm_shell, model_server):
    model_server.tell(Script(answer="So:\n```python\nx = 1\n\ny = 2\n```\nor\n```\nz\n```"))
    glm_shell.run("%%glm -f code\nwrite")
    assert glm_shell.next_input == "x = 1\n\ny = 2"
    glm_shell.next_input = None
    model_server.tell(Script(answer="No code."))
    glm_shell.run("%%glm -f code\nwrite")
    assert glm_shell.next_input is None


@pytest.mark.parametrize(
    ("code", "marked", "count"),
    [
        ("if x: \u202e# admin \u2066 ok", "if x: \ufffd# admin \ufffd ok", 2),
        ("a\u200b = 1", "a\ufffd = 1", 1),
        ("x = 'a\x1b[8mb'", "x = 'a␛[8mb'", 1),
        ("rm -rf /\rls", "rm -rf /␍ls", 1),
        ("a = '\ufeff\u2028\u00ad\u3164\U000e0041'", "a = '" + "\ufffd" * 5 + "'", 5),
        ("a\u200db = 1", "a\ufffdb = 1", 1),
        ("s = '👩\u200d💻'\n\tx = 'é 中'", "s = '👩\u200d💻'\n\tx = 'é 中'", 0),
    ],
)
def test_code_for_a_new_cell_holds_nothing_unseen(glm_shell, model_server, code, marked, count):
    model_server.tell(Script(answer=f"```python\n{code}\n```"))
    printed = glm_shell.run("%%glm -f code\nwrite")
    assert glm_shell.next_input == marked
    assert ("cannot be seen" in printed) == (count > 0)
    if count:
        assert f"The code held {count} character" in printed


def test_a_dry_run_shows_the_request_and_sends_nothing(glm_shell, sent):
    printed = glm_shell.run("%%glm glm-4.6 --dry-run -t 0.5 -s 'be brief'\nhello")
    assert '"temperature": 0.5' in printed
    assert '"be brief"' in printed
    assert "$ZAI_API_KEY" in printed
    assert "test-key" not in printed
    assert sent() == []
    assert "_glm" not in glm_shell.shell.user_ns


def test_a_dry_run_needs_no_key(glm_shell, monkeypatch):
    monkeypatch.delenv("ZAI_API_KEY")
    assert '"messages"' in glm_shell.run("%%glm glm-4.6 --dry-run\nhello")


def test_turns_of_a_session_are_sent_and_shown(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    roles = [message["role"] for message in sent()[1]["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_without_history_nothing_is_read_or_written(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q --no-history two")
    glm_shell.run("%glm -q three")
    assert [len(body["messages"]) for body in sent()] == [1, 1, 3]
    assert glm_shell["_glm"].answer == "Because."


def test_sessions_are_kept_apart_and_begun_afresh(glm_shell, sent):
    glm_shell.run("%glm -q -S a one")
    glm_shell.run("%glm -q -S b one")
    glm_shell.run("%glm -q -S a two")
    glm_shell.run("%glm -q -S a --new three")
    assert [len(body["messages"]) for body in sent()] == [1, 1, 3, 1]


@pytest.mark.parametrize(
    "cell", ["%%glm", "%%glm\n  \n", "%%glm -t 0.5", "%%glm --raw\n\n", "%glm -q"]
)
def test_an_empty_prompt_is_two_lines(glm_shell, sent, cell):
    lines = glm_shell.fail(cell)
    assert lines[0] == "InvalidValueError: the prompt is empty"
    assert len(lines) == 2
    assert sent() == []


def test_a_comment_above_the_magic_is_told_in_two_lines(glm_shell, sent):
    lines = glm_shell.fail("# ask\n%%glm\nwhy is the sky blue, and what's up?")
    assert "%%glm is not the first line of its cell" in lines[0]
    assert len(lines) == 2
    assert sent() == []


def test_a_model_alone_says_how_to_choose_it(glm_shell):
    assert "%glm use glm-4.6" in glm_shell.fail("%glm glm-4.6")[1]


def test_errors_are_short_and_stop_the_cell(glm_shell):
    glm_shell.run("after = False")
    lines = glm_shell.fail("%glm --nope hi\nafter = True")
    assert lines[0] == "UnknownNameError: there is no option --nope"
    assert len(lines) == 2
    assert isinstance(glm_shell.error, UnknownNameError)
    assert glm_shell["after"] is False


def test_a_whole_traceback_comes_by_setting(glm_shell):
    glm_shell.run("%config GLM.full_traceback = True")
    assert len(glm_shell.fail("%glm --nope")) > 5
    glm_shell.run("%config GLM.full_traceback = False")
    assert len(glm_shell.fail("%glm --nope")) == 2


def test_the_services_error_is_raised_after_what_came_is_shown(glm_shell, model_server):
    model_server.tell(Script(refusal=Failure(401, "1002", "bad token")))
    glm_shell.fail("%%glm\nwhy?")
    assert isinstance(glm_shell.error, AuthenticationError)
    assert "_glm" not in glm_shell.shell.user_ns


def test_a_reply_that_breaks_stays_and_fails_the_cell(glm_shell, model_server):
    model_server.tell(Script(answer="Half of it", failure=Failure(500, "500", "broken")))
    printed = "\n".join(glm_shell.fail("%%glm -o r\nwhy?"))
    assert "Half of it" in printed
    assert glm_shell["_glm"].answer == "Half of it"
    assert "r" not in glm_shell.shell.user_ns


def test_without_a_key_the_variable_is_named(cells, monkeypatch):
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    lines = cells.fail("%%glm\nhello")
    assert isinstance(cells.error, MissingKeyError)
    assert "ZAI_API_KEY" in lines[1]
