"""Inside a thought, from a cell: the options, and the verb that lets a turn think again."""

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

THOUGHT = "51 looks prime. It is odd. So it is prime."


@pytest.fixture
def server():
    with ModelServer("llamacpp") as server:
        yield server


@pytest.fixture
def shell(cells, server, monkeypatch):
    """Give a shell that asks a llama.cpp server."""
    monkeypatch.setenv("GLM_PROVIDER", "llamacpp")
    monkeypatch.setenv("GLM_BASE_URL", f"{server.url}/v1")
    server.tell(Script(reasoning=THOUGHT, answer="Yes."))
    return cells


def test_the_options_of_a_cell_begin_bound_and_prolong_a_thought(shell, server):
    shell["x"] if "x" in shell.shell.user_ns else shell.run("x = 17")
    printed = shell.run('%%glm --prefill "It is 3 times {x}."\nIs 51 prime?')
    assert server.last.json["messages"][-1]["reasoning_content"] == "It is 3 times 17."
    assert "It is 3 times 17.51 looks prime." in printed
    server.tell(
        Script(reasoning="Hm", answer="", finish="length", tokens=Tokens(9, 3)),
        Script(answer="No."),
    )
    printed = shell.run("%%glm --think-tokens 3\nIs 51 prime?")
    assert "The thought was ended there" in printed
    server.tell(Script(reasoning="Yes.", answer=""), Script(reasoning=" no.", answer="It is not."))
    printed = shell.run("%%glm --wait 1\nIs 51 prime?")
    assert "made to go on" in printed
    assert "Wait, no." in printed


def test_a_turn_thinks_again_from_a_sentence_on(shell, server):
    shell.run("%%glm\nIs 51 prime?")
    server.tell(Script(reasoning=" So it is not.", answer="It is not."))
    printed = shell.run("%glm rethink 1:2 It is 3 times 17.")
    sent = server.last.json["messages"][-1]["reasoning_content"]
    assert sent == "51 looks prime. It is 3 times 17."
    assert "thought" in printed
    assert shell["_glm"].reasoning == f"{sent} So it is not."
    assert "2/2" in shell.run("%glm show")
    shown = shell.run("%glm show 1")
    for words in ("kept", "changed to", "It is 3 times 17.", "before", "It is odd.", "Yes."):
        assert words in shown
    shell.run("%glm rethink 1:3")
    shell.run('%glm rethink 1 "Let me divide."')
    assert server.last.json["messages"][-1]["reasoning_content"] == "Let me divide."


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rethink", "needs an argument"),
        ("rethink it", "needs the number of a turn"),
        ("rethink 9:1 x", "there is no turn 9"),
        ("rethink 1:9 x", "there is no sentence 9; the reasoning has 3"),
        ("rethink 1:0", "needs the number of a turn"),
    ],
)
def test_a_place_that_is_not_there_is_refused_in_two_lines(shell, server, line, words):
    shell.run("%%glm\nIs 51 prime?")
    lines = shell.fail(f"%glm {line}")
    assert words in lines[0]
    assert len(lines) == 2
    assert len(server.requests) == 1


def test_a_question_that_begins_with_the_word_is_a_question(shell, server):
    shell.run("%glm -q rethink the plan for my summer holidays")
    assert server.last.json["messages"][-1]["content"].startswith("rethink the plan")
