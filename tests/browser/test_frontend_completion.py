"""Completion in prompts: what the words of the magic's line mean, and names behind a brace."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest
from playwright.sync_api import TimeoutError as NotThere

from tests.servers.model_server import ModelServer

from .lab import Lab
from .server import PROJECT
from .test_frontend_prompt import focus, set_part, type_in_console
from .test_frontend_status import heard, watch_messages
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

VALUES = """import numpy, pandas
table = pandas.DataFrame({"a": [1, 2, 3], "b": 2})
grid = numpy.zeros((4, 5))
child = [1, 2]
tabular = 1
class Slow:
    @property
    def shape(self): raise SystemExit
strange = Slow()"""


POPUP = ".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item"


def offered(lab: Lab) -> dict[str, str]:
    """Return the words of the popup with what stands beside each."""
    script = """popup => Object.fromEntries([...document.querySelectorAll(popup)].map(item => [
        item.querySelector('.jp-Completer-match').textContent,
        item.querySelector('.jp-Completer-typeExtended')?.textContent ?? '',
    ]))"""
    return dict(lab.page.evaluate(script, POPUP))


def complete(lab: Lab, index: int, typed: str) -> dict[str, str]:
    """Type at the end of a cell, press Tab, and return what is offered.

    JupyterLab gives up after a second, and the first answer for Python may take longer.
    """
    lab.page.keyboard.press("Escape")
    focus(lab, index)
    lab.page.keyboard.type(typed)
    for _ in range(10):
        lab.page.keyboard.press("Tab")
        with suppress(NotThere):
            lab.page.locator(POPUP).first.wait_for(state="visible", timeout=3000)
            return offered(lab)
    raise AssertionError("nothing was offered")


def with_values(lab: Lab, model_server: ModelServer, *cells: str) -> None:
    """Open a notebook whose kernel has told its words and names."""
    lab.open([setup_cell(model_server), VALUES, *cells])
    watch_messages(lab)
    lab.run(0)
    lab.run(1)
    lab.until(lambda: any("words" in state for _, state in heard(lab)))
    lab.until(lambda: any("strange" in (state.get("names") or ()) for _, state in heard(lab)))


def test_options_carry_their_help(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "%%glm ")
    words = complete(lab, 2, "--th")
    assert list(words) == ["--think", "--think-tokens"]
    assert words["--think"].startswith("ask for thinking: on")


def test_models_carry_their_limits_and_price(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "%%glm ")
    words = complete(lab, 2, "-m glm-4.")
    assert words["glm-4.6"].startswith("205k · ")
    assert "$" in words["glm-4.6"] or "¥" in words["glm-4.6"]


def test_verbs_carry_their_help(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "%glm ")
    words = complete(lab, 2, "us")
    assert words == {
        "use": "choose model, provider or session from here on",
        "usage": words["usage"],
    }
    assert words["usage"].startswith("tokens and cost so far")


def test_a_brace_completes_names_with_type_and_shape(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "%%glm\nabout ")
    words = complete(lab, 2, "{")
    assert words["table"] == "dataframe 3 × 2"
    assert words["grid"] == "ndarray 4 × 5"
    assert words["child"] == "list 2"
    assert words["strange"] == "slow", "its property is not asked"
    lab.page.keyboard.type("table")
    lab.until(lambda: list(offered(lab)) == ["table"])
    lab.page.keyboard.press("Enter")
    text = "jupyterapp.shell.currentWidget.content.widgets[2].model.sharedModel.source"
    lab.until(lambda: lab.page.evaluate(text).startswith("%%glm\nabout {table"))


def test_python_is_completed_as_before(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "ta")
    words = complete(lab, 2, "b")
    assert words.keys() == {"table", "tabular"}
    assert words["table"] != "dataframe 3 × 2"


def test_the_switch_leaves_the_words_to_the_kernel(lab: Lab, model_server: ModelServer) -> None:
    with_values(lab, model_server, "%%glm ")
    set_part(lab, "completion", False)
    words = complete(lab, 2, "--show")
    assert words["--show-thinking"] == "param"


def test_tapes_carry_what_is_on_them(lab: Lab, model_server: ModelServer) -> None:
    tape = lab.notebooks / "lesson.glmtape"
    shutil.copy(PROJECT / "notebooks" / "tapes" / "03_price.glmtape", tape)
    with_values(lab, model_server, "%%glm ")
    words = complete(lab, 2, "--replay les")
    assert words["lesson.glmtape"].startswith("2 replies of ")
    tape.write_text("glmtape 1\n", encoding="utf-8")
    lab.run(1)
    lab.until(lambda: any("cut off" in str(state.get("tapes")) for _, state in heard(lab)))


def complete_in_console(lab: Lab, typed: str) -> dict[str, str]:
    """Type at the console's prompt, press Tab, and return what is offered with its help."""
    for _ in range(10):
        type_in_console(lab, typed)
        lab.page.keyboard.press("Tab")
        with suppress(NotThere):
            lab.page.locator(POPUP).first.wait_for(state="visible", timeout=3000)
            return offered(lab)
    raise AssertionError("nothing was offered")


def test_a_console_of_a_notebook_completes_as_its_cells(
    lab: Lab, model_server: ModelServer
) -> None:
    with_values(lab, model_server)
    lab.page.evaluate("() => jupyterapp.commands.execute('notebook:create-console')")
    assert complete_in_console(lab, "%glm us")["usage"].startswith("tokens and cost so far")
    assert complete_in_console(lab, "%%glm\nabout {gr") == {"grid": "ndarray 4 × 5"}
    type_in_console(lab, "%%glm\n{grid} {nobody}")
    unknown = lab.page.locator(".jp-CodeConsole-promptCell .glm-magic-unknown")
    lab.until(lambda: "".join(unknown.all_inner_texts()) == "{nobody}")


def test_a_console_with_a_kernel_of_its_own_completes_too(
    lab: Lab, model_server: ModelServer
) -> None:
    lab.open_console()
    type_in_console(lab, setup_cell(model_server))
    lab.page.keyboard.press("Shift+Enter")
    executed = lab.page.locator(".jp-CodeConsole-content .jp-CodeCell .jp-InputPrompt")
    lab.until(lambda: "[1]:" in executed.all_inner_texts())
    help_text = "how the reasoning is shown; nothing about the request changes"
    lab.until(lambda: complete_in_console(lab, "%%glm --show") == {"--show-thinking": help_text})
