"""The commands: what each does, where it is offered, its keys, and in which language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

from .lab import Lab
from .server import LabServer
from .test_frontend_map import active
from .test_frontend_prompt import set_part, source
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REPLY = Script(reasoning="Hm.", answer="Four.", tokens=Tokens(1200, 340, reasoning=40))
SLOW = Script(answer="word " * 4000, pause_s=0.02)
ENV = "os.environ['GLM_PROVIDER'] = 'zai'\nos.environ['GLM_MODEL'] = 'glm-4.6'\n"
NAMES = ("ask", "explain", "fix", "again", "stop", "fold", "copy")


def setup(server: ModelServer) -> str:
    return setup_cell(server).replace("%load_ext", f"{ENV}%load_ext")


def do(lab: Lab, name: str, at: int | None = None) -> None:
    """Run a command on a cell as soon as it applies, without waiting for its end."""
    if at is not None:
        select = "at => { jupyterapp.shell.currentWidget.content.activeCellIndex = at; }"
        lab.page.evaluate(select, at)
    lab.page.wait_for_function(
        "name => jupyterapp.commands.isEnabled(`glm-magic:${name}`)", arg=name
    )
    lab.page.evaluate("name => { jupyterapp.commands.execute(`glm-magic:${name}`); }", name)


def sources(lab: Lab) -> list[str]:
    script = "jupyterapp.shell.currentWidget.content.widgets.map(w => w.model.sharedModel.source)"
    return list(lab.page.evaluate(script))


def enabled(lab: Lab, at: int) -> set[str]:
    """Return which commands apply to a cell."""
    script = """([at, names]) => {
        jupyterapp.shell.currentWidget.content.activeCellIndex = at;
        return names.filter(name => jupyterapp.commands.isEnabled(`glm-magic:${name}`));
    }"""
    return set(lab.page.evaluate(script, [at, NAMES]))


def last_prompt(server: ModelServer) -> str:
    return str(server.requests[-1].json["messages"][-1]["content"])


def test_ask_names_the_cell_and_leaves_the_question_to_the_person(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), "answer = 6 * 7"])
    lab.run(0)
    lab.run(1)
    do(lab, "ask", 1)
    lab.until(lambda: active(lab) == 2)
    assert source(lab, 2) == "%%glm\n\n\n{In[2]}"
    lab.page.wait_for_function("""() => {
        const { activeCell } = jupyterapp.shell.currentWidget.content;
        const { editor } = activeCell;
        return editor?.hasFocus() && editor.getCursorPosition().line === 1;
    }""")
    lab.page.keyboard.type("What is this?")
    lab.page.keyboard.press("Control+Enter")
    lab.wait_static(2)
    assert last_prompt(model_server).startswith("What is this?")
    assert "answer = 6 * 7" in last_prompt(model_server)


def test_ask_quotes_a_cell_that_did_not_run_as_it_stands(
    lab: Lab, model_server: ModelServer
) -> None:
    lab.open([setup(model_server), "text = '''\n```\n'''"])
    do(lab, "ask", 1)
    lab.until(lambda: len(sources(lab)) == 3)
    assert source(lab, 2) == "%%glm\n\n\n````python\ntext = '''\n```\n'''\n````"


def test_explain_and_fix_send_the_cell_and_its_error(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY, Script(answer="Divide by 2.\n\n```python\n1 / 2\n```"))
    lab.open([setup(model_server), "1 / 0"])
    lab.run(0)
    lab.run(1)
    lab.wait_idle()
    do(lab, "explain", 1)
    lab.wait_static(2)
    assert source(lab, 2).endswith("{In[2]}\n\n{Err[2]}")
    assert "1 / 0" in last_prompt(model_server)
    assert "ZeroDivisionError" in last_prompt(model_server)
    do(lab, "fix", 1)
    lab.until(lambda: "1 / 2" in sources(lab))
    assert "corrected cell" in last_prompt(model_server)


def test_an_error_of_an_earlier_kernel_is_sent_as_the_page_has_it(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server).replace("%load_ext glm_magic", ""), "1 / 0"])
    lab.run(0)
    lab.run(1)
    do(lab, "explain", 1)
    lab.until(lambda: len(sources(lab)) == 4)
    assert source(lab, 2) == "%load_ext glm_magic", "the notebook says what it needs"
    lab.wait_static(3)
    assert "ZeroDivisionError: division by zero" in last_prompt(model_server)
    assert "\x1b" not in last_prompt(model_server)


def test_again_and_stop(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), "%%glm\nhi"])
    lab.run(0)
    lab.run(1)
    model_server.tell(SLOW)
    do(lab, "again", 1)
    lab.wait_phase(1, "answering")
    do(lab, "stop", 0)
    lab.wait_phase(1, "interrupted")
    lab.wait_static(1)
    assert len(model_server.requests) == 2


def test_stop_without_a_reply_interrupts_the_kernel(lab: Lab) -> None:
    lab.open(["import time\nprint('on')\ntime.sleep(600)"])
    lab.run(0, wait=False)
    lab.until(lambda: "on" in lab.text(0))
    do(lab, "stop", 0)
    lab.wait_done(0)
    assert "KeyboardInterrupt" in lab.text(0)


def test_fold_closes_and_opens_all_reasoning(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), "%%glm --think\nhi", "%%glm --think\nho"])
    for index in range(3):
        lab.run(index)
        if index:
            lab.wait_static(index)
    details = lab.page.locator("details.glm-r")
    opened = lab.page.locator("details.glm-r[open]")
    before = opened.count()
    do(lab, "fold", 1)
    lab.until(lambda: opened.count() == (0 if before else details.count()))
    do(lab, "fold", 1)
    lab.until(lambda: opened.count() == (details.count() if before else 0))
    assert details.count() == 2


def test_the_conversation_is_copied_as_markdown(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), "%%glm\nhi *you*", "print(1)"])
    for index in range(3):
        lab.run(index)
    lab.page.evaluate("""() => document.addEventListener('copy', event => {
        window.copied = event.clipboardData.getData('text/plain');
    })""")
    do(lab, "copy", 1)
    lab.page.wait_for_function("() => window.copied")
    text = lab.page.evaluate("window.copied")
    assert "> hi *you*" in text
    assert "Four." in text
    assert "glm-4.6 · zai" in text
    assert "print(1)" not in text


def test_commands_apply_where_they_make_sense(lab: Lab, model_server: ModelServer) -> None:
    lab.open([setup(model_server), "1 / 0", "%%glm\nhi", "#md text"])
    lab.run(1)
    always = {"stop", "fold", "copy"}
    assert enabled(lab, 0) == always | {"ask"}
    assert enabled(lab, 1) == always | {"ask", "explain", "fix"}
    assert enabled(lab, 2) == always | {"again"}
    assert enabled(lab, 3) == always
    set_part(lab, "commands", False)
    lab.until(lambda: enabled(lab, 1) == set())
    set_part(lab, "commands", True)
    lab.until(lambda: "fix" in enabled(lab, 1))


def test_the_cells_toolbar_and_menu_offer_them(lab: Lab) -> None:
    lab.open(["1 / 0", "x = 1"])
    lab.run(0)
    toolbar = lab.cell(0).locator(".jp-cell-toolbar")
    toolbar.get_by_title("Explain this error").or_(
        toolbar.locator("[data-command='glm-magic:explain']")
    ).first.wait_for(state="visible")
    lab.cell(0).locator(".jp-InputArea-prompt").click(button="right")
    lab.page.locator(".lm-Menu-itemLabel", has_text="GLM").hover()
    menu = lab.page.locator(".lm-Menu").last
    menu.get_by_text("Fix this error").wait_for()
    labels = menu.locator(".lm-Menu-itemLabel").all_inner_texts()
    assert "Ask about this cell" in labels
    assert "Open the map of the session" in labels
    lab.page.keyboard.press("Escape")
    lab.page.keyboard.press("Escape")


def test_keys_press_them(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup(model_server), "%%glm\nhi"])
    lab.run(0)
    lab.run(1)
    lab.page.evaluate("() => jupyterapp.shell.currentWidget.content.activate()")
    model_server.tell(SLOW)
    lab.page.keyboard.press("Alt+Shift+R")
    lab.wait_phase(1, "answering")
    lab.page.keyboard.press("Alt+Shift+S")
    lab.wait_phase(1, "interrupted")


@pytest.fixture
def chinese(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Lab]:
    """Return a page of a JupyterLab that is set to Chinese."""
    server = LabServer(tmp_path_factory.mktemp("chinese"))
    folder = server.notebooks.parent / "settings" / "@jupyterlab" / "translation-extension"
    folder.mkdir(parents=True)
    settings = json.dumps({"locale": "zh_CN"})
    (folder / "plugin.jupyterlab-settings").write_text(settings, encoding="utf-8")
    server.start()
    page = Lab(chromium, server)
    yield page
    page.close()
    server.stop()


def test_labels_are_in_the_language_of_jupyterlab(chinese: Lab) -> None:
    chinese.open(["1"])
    label = "name => jupyterapp.commands.label(`glm-magic:${name}`)"
    labels = [chinese.page.evaluate(label, name) for name in (*NAMES, "map")]
    assert labels[0] == "询问此单元格"
    assert all(not text.isascii() for text in labels)
