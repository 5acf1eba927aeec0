"""Functions of the notebook as tools of a prompt."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

from glm_magic.core.errors import InvalidValueError, UnknownNameError
from glm_magic.magic.checks import asked_in_the_panel
from glm_magic.magic.line.options import MagicOptions
from tests.servers.script import Call, Script

WEATHER = '''
def weather(city: str, days: int = 1) -> dict:
    """Tell the weather."""
    print("looking at", city)
    return {"city": city, "sky": "rain"}
'''
ASKS = Script(answer="", calls=(Call("weather", '{"city": "Ulm"}'),))
SAYS = Script(answer="It rains.")


@pytest.fixture
def weather(glm_shell, model_server):
    """Give a shell that knows a function, at a model that calls it once."""
    model_server.tell(ASKS, SAYS)
    glm_shell.run(WEATHER)
    return glm_shell


def test_a_function_of_the_notebook_is_called(weather, sent):
    printed = weather.run("%%glm --tool weather\nIs it dry in Ulm?")
    first, second = sent()
    assert first["tools"][0]["function"]["name"] == "weather"
    assert second["messages"][-1]["content"] == '{"city":"Ulm","sky":"rain"}'
    assert "looking at Ulm" in printed
    assert "It rains." in printed
    assert "weather" in printed.replace("looking at", "")
    assert [step.cause for step in weather["_glm"].steps] == ["prompt", "tools"]


def test_several_functions_methods_and_modules_may_be_named(glm_shell, sent):
    glm_shell.run(
        "import math\nclass Shop:\n    def price(self, item: str): return 1\nshop = Shop()"
    )
    glm_shell.run("%%glm --tool shop.price --tool math.floor\nx")
    assert [t["function"]["name"] for t in sent()[0]["tools"]] == ["price", "floor"]


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("--tool wether", UnknownNameError, "did you mean weather?"),
        ("--tool weather()", InvalidValueError, "--tool takes a name"),
        ("--tool city", InvalidValueError, "a tool must be a function"),
        ("--tool weather --tool weather", InvalidValueError, "two tools are called"),
        ("--tool weather --max-rounds 0", InvalidValueError, "--max-rounds must be at least 1"),
        ("--tool weather.nothing", UnknownNameError, "no such name"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_before_anything_is_sent(
    weather, sent, line, error, words
):
    weather.run("city = 'Ulm'")
    lines = weather.fail(f"%%glm {line}\nhello")
    assert lines[0].startswith(error.__name__)
    assert words in " ".join(lines)
    assert len(lines) == 2
    assert sent() == []


def test_a_call_is_only_made_when_it_is_approved(weather, sent, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or "n")
    printed = weather.run("%%glm --tool weather --approve\nx")
    assert asked == ['Call weather(city="Ulm")? [y/N] ']
    assert "looking at" not in printed
    assert sent()[1]["messages"][-1]["content"] == "not called: the user did not allow it"


def test_without_a_panel_nobody_is_asked_in_the_background(weather, sent):
    lines = weather.fail("%%glm --tool weather --bg --approve\nx")
    assert lines == [
        "InvalidValueError: --bg and --approve need a panel to ask in: input() would stop another "
        "cell",
        "→ leave one of them out, or run the cell in a notebook",
    ]
    assert sent() == []


def test_a_captured_cell_has_no_panel_to_ask_in():
    header = {"session": "s", "msg_id": "of a page"}
    request = {"header": header, "metadata": {}, "content": {"allow_stdin": True}}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: request))
    workspace = SimpleNamespace(shell=shell)
    line = MagicOptions(bg=True, approve=True)
    assert asked_in_the_panel(workspace, line) is not None
    shell.display_pub = CapturingDisplayPublisher()
    with pytest.raises(InvalidValueError, match="need a panel"):
        asked_in_the_panel(workspace, line)


def test_where_nobody_can_answer_nothing_is_sent(weather, sent, monkeypatch):
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        lines = weather.fail("%%glm --tool weather --approve\nx")
    assert lines[0].startswith("InvalidValueError: --approve has nobody to ask")
    assert lines[1].startswith("→ leave out --approve")
    assert sent() == []


def test_an_endless_loop_ends_at_the_limit(weather, model_server, sent):
    model_server.tell(ASKS)
    printed = weather.run("%%glm --tool weather --max-rounds 2\nx")
    assert printed.count("looking at") == 2
    assert "stopped after 2 rounds" in printed
    assert len(sent()) == 4


def test_an_interrupt_inside_a_function_stops_cell_and_turn(glm_shell, model_server, sent):
    model_server.tell(Script(answer="One moment.", calls=(Call("stop", "{}", "c1"),)), SAYS)
    glm_shell.run("def stop():\n    raise KeyboardInterrupt")
    glm_shell.fail("%%glm --tool stop\nx")
    assert isinstance(glm_shell.error, KeyboardInterrupt)
    reply = glm_shell["_glm"]
    assert reply.status == "interrupted"
    assert reply.steps[0].runs[0].status == "interrupted"
    glm_shell.run("%%glm\nand now?")  # the history is whole: every call has its answer
    messages = sent()[-1]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "user"]
    assert messages[2]["content"] == "stopped before it returned; it may have had an effect"


def test_a_session_keeps_the_rounds_and_running_a_cell_again_replaces_them(weather, sent):
    weather.run("%%glm --tool weather\nx")
    weather.run("%%glm\nand then?")
    roles = [m["role"] for m in sent()[-1]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_a_dry_run_shows_the_schema_and_calls_nothing(weather, sent):
    printed = weather.run("%%glm --tool weather --dry-run\nx")
    assert '"Tell the weather."' in printed
    assert sent() == []


def test_wire_shows_both_requests(weather):
    weather.run("%%glm --tool weather\nx")
    printed = weather.run("%glm wire")
    assert printed.count("POST ") >= 2
    assert json.dumps('{"city":"Ulm","sky":"rain"}') in printed
