"""Verbs show and change what they say, and everything else on a line is a prompt."""

import json

import pytest

from glm_magic.core.errors import GlmError, InvalidValueError, MissingKeyError, UnknownNameError
from glm_magic.magic.verbs import registry
from glm_magic.magic.verbs.arguments import KINDS
from glm_magic.magic.verbs.registry import ORDER, verbs
from tests.servers.script import Script, Tokens


def prompts(bodies):
    return [body["messages"][-1]["content"] for body in bodies]


def test_every_verb_that_is_declared_has_its_place_in_the_help():
    assert list(verbs()) == list(ORDER)
    assert set(registry._declared) == set(ORDER)


def test_every_argument_in_capitals_is_of_a_kind():
    for verb in verbs().values():
        for word in " ".join(verb.arguments).replace("…", "").split():
            name = word.strip("[]")
            assert (name in verb.kinds) == name.isupper(), f"{verb.name} {word}"
        written = {word.strip("[]") for form in verb.arguments for word in form.split()}
        assert verb.kinds.keys() - KINDS.keys() <= written, verb.name


@pytest.mark.parametrize("word", ["modles", "Models", "usge", "contxt", "verson", "models?"])
def test_one_word_that_is_nearly_a_verb_is_asked_about(glm_shell, sent, word):
    lines = glm_shell.fail(f"%glm {word}")
    assert isinstance(glm_shell.error, UnknownNameError)
    assert "did you mean %glm " in lines[1]
    assert len(lines) == 2
    assert sent() == []
    glm_shell.run(f"%glm -q -- {word}")
    assert prompts(sent()) == [word]


def test_the_bare_magic_is_the_status(glm_shell, monkeypatch):
    glm_shell.run("%glm -q hello")
    printed = glm_shell.run("%glm")
    for words in ("provider  zai", "turns     1", "11 in, 29 out", "found in ZAI_API_KEY"):
        assert words in printed
    assert "test-key" not in printed
    monkeypatch.delenv("ZAI_API_KEY")
    assert "missing: ZAI_API_KEY" in glm_shell.run("%glm")


def test_the_status_with_nothing_configured_says_what_to_do(cells, monkeypatch):
    monkeypatch.setattr("glm_magic.local.available", lambda: False)
    printed = cells.run("%glm")
    assert "no provider is configured" in printed
    assert "set a key" in printed
    cells.fail("%glm hello there")
    assert isinstance(cells.error, MissingKeyError)


def test_models_are_listed_with_limits_and_keys(glm_shell):
    printed = glm_shell.run("%glm models zai")
    line = next(line for line in printed.splitlines() if line.startswith("glm-4.6 "))
    assert "found in ZAI_API_KEY" in line
    assert "$" in line
    assert "dashscope" not in line
    assert len(glm_shell.run("%glm models").splitlines()) > len(printed.splitlines())
    assert "missing: DASHSCOPE_API_KEY" in glm_shell.run("%glm models glm-4.5")
    assert "test-key" not in glm_shell.run("%glm models")


def test_use_chooses_a_model_from_here_on(glm_shell, sent):
    glm_shell.run("%glm use glm-4.5")
    glm_shell.run("%glm -q hello")
    glm_shell.run("%glm -q glm-4.7 hello")
    glm_shell.run("%glm -q hello")
    assert [body["model"] for body in sent()] == ["glm-4.5", "glm-4.7", "glm-4.5"]


def test_use_chooses_a_provider_or_a_model_at_one(cells, monkeypatch):
    monkeypatch.setenv("ZAI_API_KEY", "a")
    assert "at wcode" in cells.run("%glm use wcode")
    assert "provider  wcode" in cells.run("%glm")
    assert "glm-4.7 at bigmodel" in cells.run("%glm use bigmodel/glm-4.7")
    assert "glm-4.7 at bigmodel" in cells.run("%glm use glm-4.7")  # it stays where it is
    assert "session default" in cells.run("%glm config")


def test_use_refuses_what_there_is_not(glm_shell):
    lines = glm_shell.fail("%glm use glm-4.66")
    assert isinstance(glm_shell.error, UnknownNameError)
    assert "did you mean glm-4.6?" in lines[1]
    with pytest.raises(GlmError):
        glm_shell.shell.run_line_magic("glm", "use nonsense")


def test_sessions_begin_fork_and_are_chosen(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm fork other")
    glm_shell.run("%glm -q two")
    glm_shell.run("%glm use default")
    glm_shell.run("%glm -q three")
    glm_shell.run("%glm new")
    glm_shell.run("%glm -q four")
    assert [len(body["messages"]) for body in sent()] == [1, 3, 3, 1]
    printed = glm_shell.run("%glm sessions")
    assert [line.split()[0] for line in printed.splitlines()[2:-1]] == [
        "default", "other", "session-2"]  # fmt: skip


def test_a_session_begun_again_keeps_its_earlier_turns(glm_shell, sent):
    glm_shell.run("%glm new lesson")
    glm_shell.run("%glm -q one")
    assert "kept as lesson-2" in glm_shell.run("%glm new lesson")
    glm_shell.run("%glm -q two")
    glm_shell.run("%glm use lesson-2")
    glm_shell.run("%glm -q three")
    assert [len(body["messages"]) for body in sent()] == [1, 1, 3]


def test_undo_and_reset_take_turns_back(glm_shell, sent):
    for word in ("one", "two", "three"):
        glm_shell.run(f"%glm -q {word}")
    assert "2 turns taken back; 1 turn left" in glm_shell.run("%glm undo 2")
    glm_shell.run("%glm -q four")
    glm_shell.run("%glm reset")
    glm_shell.run("%glm -q five")
    assert [len(body["messages"]) for body in sent()] == [1, 3, 5, 3, 1]
    assert "input" in glm_shell.run("%glm usage")
    assert "      5     55" in glm_shell.run("%glm usage")  # what was spent stays spent


def test_show_lists_turns_or_shows_one(glm_shell):
    glm_shell.run("%glm -q first question")
    glm_shell.run("%glm -q second question")
    listed = glm_shell.run("%glm show")
    assert "first question" in listed
    assert "complete" in listed
    assert "Because." in glm_shell.run("%glm show 1")
    assert "has 2" in glm_shell.fail("%glm show 3")[0]
    assert isinstance(glm_shell.error, InvalidValueError)


def test_context_is_what_the_next_turn_sends(glm_shell, sent):
    glm_shell.run("%config GLM.system = 'be brief'")
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    printed = glm_shell.run("%glm context")
    lines = printed.splitlines()
    end = next(n for n, line in enumerate(lines) if line.startswith("≈"))
    roles = [line.split()[0] for line in lines[3:end]]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert "≈" in printed
    glm_shell.run("%glm -q three")
    assert [m["role"] for m in sent()[-1]["messages"]] == [*roles, "user"]
    promised = json.loads(printed[printed.index("As it is sent") + len("As it is sent") :])
    assert promised == sent()[-1]["messages"][:-1], "to the last character"


def test_usage_is_kept_apart_by_session_and_model(glm_shell, model_server):
    model_server.tell(Script(tokens=Tokens(100, 50, reasoning=20, cached=10)))
    glm_shell.run("%glm -q glm-4.6 one")
    glm_shell.run("%glm -q glm-4.6 two")
    glm_shell.run("%glm -q -S other glm-4.5 three")
    printed = glm_shell.run("%glm usage").splitlines()
    assert printed[2].split()[:8] == ["default", "zai", "glm-4.6", "2", "200", "20", "100", "40"]
    assert printed[3].split()[:8] == ["other", "zai", "glm-4.5", "1", "100", "10", "50", "20"]


def test_wire_shows_request_and_reply_without_the_key(glm_shell):
    glm_shell.run("%glm -q it's {one}")
    printed = glm_shell.run("%glm wire")
    for words in ('"content": "it\'s {one}"', "data: ", "curl --no-buffer", "httpx.stream"):
        assert words in printed
    assert "$ZAI_API_KEY" in printed
    assert "test-key" not in printed
    assert isinstance(glm_shell.run("%glm wire 1"), str)
    assert "there is no turn 2" in glm_shell.fail("%glm wire 2")[0]


def test_wire_before_any_turn_is_two_lines(cells):
    assert len(cells.fail("%glm wire")) == 2


def test_help_lists_every_option_and_verb(glm_shell):
    printed = glm_shell.run("%glm help")
    for words in ("--temperature X", "--show-thinking", "wire [N]"):
        assert words in printed
    assert glm_shell.run("%%glm -h") == printed
    assert glm_shell.run("%glm --help") == printed
    assert "re-run" not in printed
    assert glm_shell.run("%glm help undo").startswith("%glm undo [N]")
    assert "--stop TEXT" in glm_shell.run("%glm help --stop")


def test_version_names_the_packages(cells):
    printed = cells.run("%glm version")
    assert "glm_magic" in printed
    assert "ipython" in printed


def test_context_shows_the_reasoning_where_it_goes_back(glm_shell, monkeypatch, model_server, sent):
    monkeypatch.setenv("GLM_BASE_URL", f"{model_server.url}/api/coding/paas/v4")
    glm_shell.run("%glm -q glm-4.7 one")
    glm_shell.run("%glm use glm-4.7")
    printed = glm_shell.run("%glm context")
    glm_shell.run("%glm -q two")
    reasoning = sent()[-1]["messages"][1].get("reasoning_content")
    assert ("Let me see." in printed) == bool(reasoning)
    assert reasoning == "Let me see."


def test_retry_asks_the_last_prompt_again_in_its_own_place(glm_shell, sent, model_server):
    model_server.tell(*(Script(answer=word) for word in ("A", "B", "B2", "C")))
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q -t 0.5 two")
    assert "B2" in glm_shell.run("%glm retry")
    assert glm_shell["_glm"].answer == "B2"
    glm_shell.run("%glm -q three")
    bodies = sent()
    assert bodies[2] == bodies[1]
    assert [m["content"] for m in bodies[3]["messages"]] == ["one", "A", "two", "B2", "three"]


def test_retry_before_any_turn_is_two_lines(glm_shell, sent):
    assert len(glm_shell.fail("%glm retry")) == 2
    assert sent() == []


def test_choose_tells_which_variant_later_turns_see(glm_shell, sent, model_server):
    model_server.tell(*(Script(answer=word) for word in ("A", "B", "B2", "C")))
    for line in ("%glm -q one", "%glm -q two", "%glm -q three"):
        glm_shell.run(line)
    glm_shell.shell.find_line_magic("glm").__self__.workspace.session.slots[1].add(
        glm_shell.shell.find_line_magic("glm").__self__.workspace.session.slots[2].current
    )
    assert "2/2" in glm_shell.run("%glm show")
    output = glm_shell.run("%glm choose 2 1")
    assert "variant 1 of 2 of turn 2" in output
    glm_shell.run("%glm -q four")
    assert [m["content"] for m in sent()[-1]["messages"]][2:4] == ["two", "B"]
    assert "there is no variant 3" in glm_shell.fail("%glm choose 2 3")[0]
    assert "B2" in glm_shell.run("%glm show 2 2")


def test_hide_pin_and_drop_change_what_is_sent_and_mark_later_turns(glm_shell, sent):
    for word in ("one", "two", "three"):
        glm_shell.run(f"%glm -q {word}")
    output = glm_shell.run("%glm hide 1")
    assert "Turn 1 stays visible but is not sent" in output
    assert "2 turns were answered before the change" in output
    listed = glm_shell.run("%glm show").splitlines()
    assert "hidden" in listed[3]
    assert all("answered before the change" in line for line in listed[4:6])
    glm_shell.run("%glm -q four")
    assert prompts(sent()) == ["one", "two", "three", "four"]
    asked = [m["content"] for m in sent()[-1]["messages"] if m["role"] == "user"]
    assert asked == ["two", "three", "four"]
    assert "is sent again." in glm_shell.run("%glm hide 1").splitlines()[0]
    assert "answered before" not in "".join(glm_shell.run("%glm show").splitlines()[3:6])
    assert "always sent" in glm_shell.run("%glm pin 2")
    assert "pinned" in glm_shell.run("%glm show").splitlines()[4]
    assert "no longer" in glm_shell.run("%glm pin 2")
    glm_shell.run("%glm drop 2")
    glm_shell.run("%glm -q five")
    asked = [m["content"] for m in sent()[-1]["messages"] if m["role"] == "user"]
    assert asked == ["one", "three", "four", "five"]
    assert "there is no turn 9" in glm_shell.fail("%glm drop 9")[0]
