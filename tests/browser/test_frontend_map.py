"""The map in the right sidebar: the turns as ``%glm show`` has them, and what its buttons do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script, Tokens

from .lab import Lab
from .test_frontend_prompt import LONG_TASK_MS, processor_of, set_part
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

REPLY = Script(reasoning="Hm.", answer="Four.", tokens=Tokens(1200, 340, reasoning=40))
FIRST, SECOND, THIRD = (f"%%glm -p zai -m glm-4.6\n{word}" for word in ("one", "two", "three"))


def rows(lab: Lab) -> list[dict[str, Any]]:
    """Return what each row of the map reads."""
    script = """() => [...document.querySelectorAll('.glm-map-row')].map(row => ({
        prompt: row.querySelector('.glm-map-prompt').textContent,
        facts: row.querySelector('.glm-map-facts').firstChild?.textContent ?? '',
        marks: [...row.querySelectorAll('.glm-map-mark')].map(mark => mark.dataset.mark),
        selected: row.getAttribute('aria-selected') === 'true',
    }))"""
    return list(lab.page.evaluate(script))


def marks(lab: Lab) -> list[list[str]]:
    return [row["marks"] for row in rows(lab)]


def prompts(lab: Lab) -> list[str]:
    return [row["prompt"] for row in rows(lab)]


def open_map(lab: Lab) -> None:
    lab.page.evaluate("() => jupyterapp.commands.execute('glm-magic:map')")
    lab.page.locator(".glm-map").wait_for(state="visible")


def press(lab: Lab, action: str) -> None:
    lab.page.locator(f".glm-map button[data-action={action}]").click()


def choose(lab: Lab, number: int) -> None:
    lab.page.locator(".glm-map-row").nth(number - 1).click()


def answer(lab: Lab) -> str:
    """Return what the map says of the last thing that was asked for."""
    return lab.page.locator(".glm-map-answer").inner_text()


def active(lab: Lab) -> int:
    return int(lab.page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex"))


def asked(lab: Lab, model_server: ModelServer, *cells: str) -> None:
    """Open a notebook, run its prompts and open the map."""
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), *cells])
    for index in range(len(cells) + 1):
        lab.run(index)
    open_map(lab)
    lab.until(lambda: len(rows(lab)) == sum(cell.startswith("%%glm") for cell in cells))


def test_the_map_has_the_turns_of_the_session(lab: Lab, model_server: ModelServer) -> None:
    asked(lab, model_server, FIRST, SECOND, THIRD, "%glm show")
    lab.run(2)
    lab.until(lambda: "run 2/2" in rows(lab)[1]["facts"])
    assert prompts(lab) == ["one", "two", "three"]
    lab.until(lambda: marks(lab) == [[], [], ["stale"]])
    assert [row["facts"] for row in rows(lab)] == [
        "glm-4.6 · 1,540 tokens",
        "glm-4.6 · 1,540 tokens · run 2/2",
        "glm-4.6 · 1,540 tokens",
    ]
    lab.run(4)
    table = lab.cell(4).locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[1] for row in table] == prompts(lab)
    assert ["answered before the change" in row for row in table] == [False, False, True]
    assert all("1,540" in row for row in table)
    head = lab.page.locator(".glm-map-head").inner_text()
    assert "default" in head
    assert "3 turns" in head
    assert "1,500 of 200,704 tokens" in head


def test_a_click_goes_to_the_cell_wherever_it_is(lab: Lab, model_server: ModelServer) -> None:
    asked(lab, model_server, FIRST, SECOND)
    choose(lab, 1)
    lab.until(lambda: active(lab) == 1)
    lab.page.evaluate("() => jupyterapp.commands.execute('notebook:move-cell-down')")
    lab.until(lambda: marks(lab) == [[], ["unordered"]])
    choose(lab, 2)
    lab.until(lambda: active(lab) == 1)
    choose(lab, 1)
    lab.until(lambda: active(lab) == 2)
    lab.page.evaluate("() => jupyterapp.commands.execute('notebook:delete-cell')")
    lab.until(lambda: marks(lab) == [["gone"], []])


def test_the_order_is_that_in_which_turns_are_sent(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), FIRST, SECOND, THIRD, "%glm show"])
    for index in (0, 2, 1, 3, 4):
        lab.run(index)
    open_map(lab)
    lab.until(lambda: len(rows(lab)) == 3)
    sent = model_server.requests[-1].json["messages"]
    assert [one["content"] for one in sent if one["role"] == "user"] == ["two", "one", "three"]
    assert prompts(lab) == ["two", "one", "three"]
    lab.until(lambda: marks(lab) == [[], ["unordered"], []])
    table = lab.cell(4).locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[1] for row in table] == prompts(lab)


def test_buttons_do_what_the_verbs_do(lab: Lab, model_server: ModelServer) -> None:
    asked(lab, model_server, FIRST, SECOND, THIRD, "%glm show")
    choose(lab, 1)
    press(lab, "hide")
    lab.until(lambda: marks(lab) == [["hidden"], ["stale"], ["stale"]])
    press(lab, "pin")
    lab.until(lambda: marks(lab) == [["pinned"], [], []])
    assert answer(lab) == "Turn 1 is pinned: it is always sent."
    press(lab, "pin")
    lab.until(lambda: marks(lab) == [[], [], []])
    lab.run(1)
    lab.until(lambda: marks(lab) == [[], ["stale"], ["stale"]])
    press(lab, "before")
    lab.until(lambda: "run 1/2" in rows(lab)[0]["facts"])
    assert marks(lab) == [[], [], []], "they were answered from this one"
    press(lab, "after")
    lab.until(lambda: "run 2/2" in rows(lab)[0]["facts"])
    choose(lab, 2)
    press(lab, "drop")
    lab.page.locator(".jp-Dialog .jp-mod-reject").click()
    lab.page.locator(".jp-Dialog").wait_for(state="detached")
    assert len(rows(lab)) == 3
    press(lab, "drop")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    lab.until(lambda: prompts(lab) == ["one", "three"])
    press(lab, "undo")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    lab.until(lambda: prompts(lab) == ["one"])
    lab.run(4)
    assert lab.cell(4).locator("tbody tr").count() == 1, "the kernel has what the map shows"


def test_sessions_are_begun_forked_and_resumed(lab: Lab, model_server: ModelServer) -> None:
    asked(lab, model_server, FIRST)
    title = lab.page.locator(".glm-map-title")
    press(lab, "fork")
    lab.page.locator(".jp-Dialog input").fill("aside")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    lab.until(lambda: title.inner_text() == "aside")
    assert prompts(lab) == ["one"]
    press(lab, "new")
    lab.until(lambda: title.inner_text() == "session-2")
    assert rows(lab) == []
    assert lab.page.locator(".glm-map-empty").is_visible()
    lab.save()
    lab.page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.restartKernel() }"
    )
    lab.until(lambda: prompts(lab) == ["one"])
    assert lab.page.locator("[data-action=resume]").is_disabled(), "no kernel has the extension"
    assert lab.page.locator("[data-action=hide]").is_disabled()
    lab.run(0)
    lab.until(lambda: lab.page.locator("[data-action=resume]").is_enabled())
    press(lab, "resume")
    lab.until(lambda: title.inner_text() == "aside")
    lab.until(lambda: lab.page.locator("[data-action=hide]").is_enabled())
    assert prompts(lab) == ["one"]


def test_a_refusal_is_told(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server)])
    lab.run(0)
    open_map(lab)
    lab.until(lambda: lab.page.locator("[data-action=resume]").is_enabled())
    press(lab, "resume")
    lab.until(lambda: "no earlier session of this notebook is saved" in answer(lab))
    assert lab.page.locator(".glm-map-answer[data-refused]").count() == 1


def test_a_turn_that_is_gone_meanwhile_is_not_taken_for_another(
    lab: Lab, model_server: ModelServer
) -> None:
    asked(lab, model_server, FIRST, SECOND)
    script = """message => {
        const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        kernel.sendShellMessage({
            header: { msg_id: String(Math.random()), msg_type: 'comm_msg', session: kernel.clientId,
                      username: '', date: '', version: '5.3' },
            parent_header: {}, metadata: {}, channel: 'shell',
            content: { comm_id: 'glm_magic', data: { version: 1, type: 'do', ...message } },
        });
    }"""
    for message, text in (
        ({"verb": "drop", "turn": "nobody"}, "this turn is no longer there"),
        ({"verb": "forget", "words": ["all"]}, "%glm forget all is not understood"),
        ({"verb": "choose", "words": ["x"]}, "%glm choose x is not understood"),
        ({"verb": 3, "words": 7}, "%glm 3 is not understood"),
    ):
        lab.page.evaluate(script, message)
        lab.until(lambda: answer(lab) == text)  # noqa: B023 - it is asked at once
    assert prompts(lab) == ["one", "two"]


def test_keys_move_in_the_list_and_press_its_buttons(lab: Lab, model_server: ModelServer) -> None:
    asked(lab, model_server, FIRST, SECOND, THIRD)
    selected = lambda: [row["selected"] for row in rows(lab)].index(True)  # noqa: E731
    lab.page.locator(".glm-map-list").focus()
    keyboard = lab.page.keyboard
    keyboard.press("Home")
    assert selected() == 0
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert selected() == 2
    keyboard.press("ArrowUp")
    lab.page.evaluate("() => document.querySelector('.glm-map-list').focus()")
    keyboard.press("h")
    lab.until(lambda: marks(lab)[1] == ["hidden"])
    keyboard.press("Enter")
    lab.until(lambda: active(lab) == 2)
    selected_id = lab.page.locator(".glm-map-list").get_attribute("aria-activedescendant")
    assert lab.page.locator(f"[id='{selected_id}']").inner_text().startswith("2")
    for named in ("button", "[role=listbox]", "[role=toolbar]"):
        assert lab.page.locator(f".glm-map {named}:not([aria-label])").count() == 0


def test_failed_and_running_turns_are_marked(lab: Lab, model_server: ModelServer) -> None:
    slow = Script(reasoning="Hm. " * 40, answer="word " * 20, pause_s=0.05)
    model_server.tell(Script(refusal=Failure(401, "1000", "no")))
    lab.open([setup_cell(model_server), FIRST, SECOND])
    lab.run(0)
    lab.run(1)
    open_map(lab)
    lab.until(lambda: marks(lab) == [["failed"]])
    model_server.tell(slow)
    lab.run(2, wait=False)
    lab.until(lambda: marks(lab)[1:] == [["streaming"]])
    lab.wait_done(2)
    lab.until(lambda: marks(lab)[1:] == [[]])


@pytest.fixture
def long_session(lab: Lab, model_server: ModelServer, tmp_path: Any) -> Lab:
    """Return a page whose kernel has a session of 1,000 turns."""
    messages = [
        {"role": role, "content": f"{role} {number}"}
        for number in range(1000)
        for role in ("user", "assistant")
    ]
    file = tmp_path / "long.json"
    file.write_text(json.dumps(messages), encoding="utf-8")
    lab.open([setup_cell(model_server), f"%glm load {file}", "x = 1"])
    lab.run(0)
    lab.run(1)
    open_map(lab)
    return lab


def test_a_thousand_turns_scroll_and_change_without_long_tasks(long_session: Lab) -> None:
    lab = long_session
    lab.until(lambda: len(rows(lab)) == 1000)
    busy_ms = processor_of(lab)
    lab.page.locator(".glm-map-list").focus()
    lab.page.keyboard.press("Home")
    before = busy_ms()
    for _ in range(20):
        lab.page.keyboard.press("PageDown")
    assert (busy_ms() - before) / 20 < LONG_TASK_MS
    before = busy_ms()
    lab.page.keyboard.press("h")
    lab.page.locator("[id^=glm-map-] [data-mark=hidden]").wait_for()
    assert busy_ms() - before < 4 * LONG_TASK_MS
    assert "hidden" in marks(lab)[200]


def test_a_notebook_of_anybody_has_rows_of_text(lab: Lab) -> None:
    path = lab.write("hostile-map.ipynb", ["%%glm\n<img src=x onerror=alert(1)>", "%%glm\nb"])
    notebook = json.loads(path.read_text(encoding="utf-8"))
    hostile = {"model": "<b>m</b>", "status": {"a": 1}, "usage": {"input": "9", "output": 4}}
    for cell, saved in zip(notebook["cells"], (hostile, [1]), strict=True):
        data = {"text/plain": "x"}
        cell["outputs"] = [
            {"output_type": "display_data", "data": data, "metadata": {"glm_magic": saved}}
        ]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab.open(path.name)
    open_map(lab)
    lab.until(lambda: prompts(lab) == ["<img src=x onerror=alert(1)>"])
    assert rows(lab)[0]["facts"] == "<b>m</b> · 4 tokens"
    assert lab.page.locator(".glm-map img, .glm-map b").count() == 0
    choose(lab, 1)
    assert lab.page.locator("[data-action=drop]").is_disabled()


def test_an_empty_notebook_says_how_to_begin(lab: Lab) -> None:
    lab.open(["1"])
    open_map(lab)
    assert "%%glm" in lab.page.locator(".glm-map-empty").inner_text()


def test_two_notebooks_have_maps_of_their_own(
    new_lab: Callable[[], Lab], model_server: ModelServer
) -> None:
    one, other = new_lab(), new_lab()
    asked(one, model_server, FIRST)
    asked(other, model_server, SECOND, THIRD)
    assert prompts(one) == ["one"]
    assert prompts(other) == ["two", "three"]


def test_the_status_line_opens_it_and_the_switch_takes_it_away(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), FIRST])
    lab.run(0)
    lab.run(1)
    lab.page.locator(".glm-status").click()
    lab.page.locator(".glm-map").wait_for(state="visible")
    set_part(lab, "map", False)
    lab.page.locator(".glm-map").wait_for(state="detached")
    set_part(lab, "map", True)
    open_map(lab)
    lab.until(lambda: prompts(lab) == ["one"])
