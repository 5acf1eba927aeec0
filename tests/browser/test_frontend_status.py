"""The status line and the names of prompts: from the file at first, from the kernel as it runs."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from glm_magic.catalogue.load import catalogue
from glm_magic.engine.checks import input_limit
from tests.servers.model_server import ModelServer
from tests.servers.script import Script, Tokens

from .lab import Lab
from .test_frontend_prompt import marked, set_part, wait_prompt
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

REPLY = Script(reasoning="Hm.", answer="Four.", tokens=Tokens(1200, 340, reasoning=40))


def status(lab: Lab) -> dict[str, str]:
    """Return the parts of the status line by name."""
    script = """() => Object.fromEntries([...document.querySelectorAll('.glm-status > span')]
        .map(node => [node.className.split('-').at(-1), node.dataset.share ?? node.textContent]))"""
    return dict(lab.page.evaluate(script))


def wait_status(lab: Lab, **parts: str) -> None:
    """Wait until some parts read so."""
    lab.until(lambda: parts.items() <= status(lab).items())


def watch_messages(lab: Lab) -> None:
    """Count the kernel's messages to the front end from now on."""
    lab.page.evaluate("""() => {
        window.heard = [];
        const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        kernel.iopubMessage.connect((_, message) => {
            if (message.header.msg_type === 'comm_msg' && message.content.comm_id === 'glm_magic')
                window.heard.push([Date.parse(message.header.date), message.content.data.state]);
        });
    }""")


def heard(lab: Lab) -> list[tuple[float, dict[str, Any]]]:
    return [tuple(pair) for pair in lab.page.evaluate("window.heard")]


def test_the_figures_are_those_of_the_kernel(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    cells = [setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi", "%glm usage"]
    lab.open(cells)
    assert status(lab) == {}
    lab.run(0)
    lab.run(1)
    wait_status(lab, turns="1 turn", tokens="1,200 in, 340 out", model="glm-4.6 · zai")
    lab.run(1)
    wait_status(lab, turns="1 turn", tokens="2,400 in, 680 out")
    lab.run(2)
    usage = lab.text(2)
    cost = status(lab)["cost"]
    assert "$" in cost
    assert f"Together: {cost}." in usage
    assert "2,400" in usage
    assert "680" in usage
    offer = catalogue().offers["zai", "glm-4.6"]
    limit = input_limit(offer, {})
    assert limit
    assert status(lab)["meter"] == str(round((1200 + 340 - 40) / limit * 100))


def test_the_figures_are_right_before_a_kernel_says_anything(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi", "%%glm -p zai\nho"])
    for cell in range(3):
        lab.run(cell)
    wait_status(lab, turns="2 turns", tokens="2,400 in, 680 out")
    before = status(lab)
    lab.save()
    lab.page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }"
    )
    lab.reload()
    wait_status(lab, turns="2 turns")
    assert status(lab) == before
    assert not [line for line in lab.console if "glm-magic" in line]


def test_messages_are_few_and_none_where_nothing_changed(
    lab: Lab, model_server: ModelServer
) -> None:
    slow = Script(reasoning="Hm. " * 40, answer="word " * 60, pause_s=0.05)
    model_server.tell(slow)
    cells = [setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi", "x = 1", "x = 2", "%glm jobs"]
    lab.open(cells)
    lab.run(0)
    lab.run(4)
    watch_messages(lab)
    lab.run(1)
    lab.run(2)
    wait_status(lab, turns="1 turn")
    lab.until(lambda: any("x" in state.get("names", ()) for _, state in heard(lab)))
    count = len(heard(lab))
    for _ in range(4):
        lab.run(3)
    assert len(heard(lab)) == count, "x has another value, and nothing else is new"
    times = [at for at, _ in heard(lab)]
    assert all(later - at >= 200 for at, later in pairwise(times))


def test_names_are_struck_through_where_the_kernel_has_none(
    lab: Lab, model_server: ModelServer
) -> None:
    prompt = "%%glm\nabout {there} and {nowhere} and {Err[1]}"
    lab.open([setup_cell(model_server), prompt, "there = 1", "del there; nowhere = 2"])
    wait_prompt(lab, 1)
    assert marked(lab, 1, "unknown") == [], "nobody knows yet"
    lab.run(0)
    lab.until(lambda: marked(lab, 1, "unknown") == ["{there}", "{nowhere}"])
    lab.run(2)
    lab.until(lambda: marked(lab, 1, "unknown") == ["{nowhere}"])
    lab.run(3)
    lab.until(lambda: marked(lab, 1, "unknown") == ["{there}"])
    lab.page.evaluate(
        "async () => { await jupyterapp.shell.currentWidget.sessionContext.restartKernel() }"
    )
    lab.until(lambda: marked(lab, 1, "unknown") == [])


HOSTILE: list[Any] = [
    {"model": "<img src=x onerror=alert(1)>", "provider": 7, "usage": {"input": "9", "output": -4}},
    {"lanes": [None, 3, {"model": "m", "usage": {"input": 5, "output": 2}}]},
    {"lanes": "x", "cost": {"amount": "NaN", "currency": "USD"}, "usage": []},
    [],
    "text",
    None,
]


def test_metadata_of_anybody_is_shown_as_text(lab: Lab) -> None:
    path = lab.write("hostile.ipynb", ["1"] * len(HOSTILE))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell, saved in zip(notebook["cells"], HOSTILE, strict=True):
        cell["outputs"] = [
            {
                "output_type": "display_data",
                "data": {"text/plain": "x"},
                "metadata": {"glm_magic": saved},
            }
        ]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab.open(path.name)
    wait_status(lab, turns="3 turns", tokens="5 in, 2 out")
    assert lab.page.locator(".glm-status img").count() == 0
    assert not [line for line in lab.console if "error" in line.lower()]


def test_a_kernel_of_another_version_is_not_believed(lab: Lab) -> None:
    other = """from comm import create_comm, get_comm_manager
class Other:
    comm_id = target_name = 'glm_magic'
    def handle_msg(self, message):
        self.comm = create_comm(target_name=self.comm_id, comm_id=self.comm_id, primary=False)
        for data in (None, [], {"type": "state"},
                     {'type': 'state', 'version': 2, 'state': {'turns': 9}},
                     {'type': 'state', 'version': 1, 'state': 5},
                     {'type': 'state', 'version': 1, 'state': {'turns': 3, 'model': 4, 'names': [1],
                      'words': {'options': [[1]]}, 'order': 'ab', 'rows': {'a': 3},
                      'input': 'x', 'output': 7, 'cost': '<b>1</b>'}}):
            self.comm.send(data)
    def handle_close(self, message): pass
get_comm_manager().register_comm(Other())"""
    lab.open([other, "'glm'"])
    lab.run(0)
    lab.run(1)
    wait_status(lab, turns="3 turns", tokens="0 in, 7 out", cost="<b>1</b>")
    assert "model" not in status(lab)


def test_two_notebooks_have_figures_of_their_own(new_lab: Any, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    cells = [setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi"]
    one, other = new_lab(), new_lab()
    for page, runs in ((one, 1), (other, 2)):
        page.open(cells)
        page.run(0)
        for _ in range(runs):
            page.run(1)
    wait_status(one, tokens="1,200 in, 340 out")
    wait_status(other, tokens="2,400 in, 680 out")


def test_the_switch_takes_the_line_away(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi"])
    lab.run(0)
    lab.run(1)
    wait_status(lab, turns="1 turn")
    set_part(lab, "status", False)
    lab.until(lambda: status(lab) == {})
    set_part(lab, "status", True)
    wait_status(lab, turns="1 turn")


def test_a_kernel_without_the_extension_is_left_alone(lab: Lab) -> None:
    lab.open(["glm = 1", "x = {}", "%%glm\nhi {x} {nobody}"])
    lab.page.evaluate("""() => {
        window.sent = [];
        const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        kernel.anyMessage.connect((_, { msg, direction }) => {
            const { target_name: target, comm_id: id } = msg.content;
            const isOther = (target ?? id) !== undefined && ![target, id].includes('glm_magic');
            if (direction === 'send' && !isOther) window.sent.push(msg.header.msg_type);
        });
    }""")
    lab.run(0)
    lab.run(1)
    lab.run(2)
    sent = lab.page.evaluate("window.sent")
    assert sent.count("execute_request") == 3
    assert sent.count("comm_info_request") == 2, "the cells that say glm may have loaded it"
    assert "comm_msg" not in sent
    assert status(lab) == {}
    assert marked(lab, 2, "unknown") == [], "nobody knows its names"


def test_unloading_and_restarting_bring_back_what_the_file_has(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(REPLY)
    lab.open([setup_cell(model_server), "%%glm -p zai -m glm-4.6\nhi", "%unload_ext glm_magic"])
    lab.run(0)
    lab.run(1)
    lab.run(1)
    wait_status(lab, tokens="2,400 in, 680 out")
    lab.run(2)
    wait_status(lab, turns="1 turn", tokens="1,200 in, 340 out")
    lab.run(0)
    lab.run(1)
    restart = "async () => { await jupyterapp.shell.currentWidget.sessionContext.restartKernel() }"
    lab.page.evaluate(restart)
    wait_status(lab, turns="1 turn", tokens="1,200 in, 340 out")
    lab.run(0)
    lab.run(1)
    wait_status(lab, turns="1 turn", tokens="1,200 in, 340 out")
    assert not [line for line in lab.console if "glm-magic" in line]


MANY = 300


def test_a_notebook_of_300_cells_scrolls_without_long_tasks(lab: Lab) -> None:
    path = lab.write("many.ipynb", ["%%glm\nWhy {x}?\n```python\nprint(1)\n```"] * MANY)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        saved = {"model": "m", "status": "complete", "usage": {"input": 1, "output": 2}}
        data = {"text/plain": "four"}
        cell["outputs"] = [
            {"output_type": "display_data", "data": data, "metadata": {"glm_magic": saved}}
        ]
    path.write_text(json.dumps(notebook), encoding="utf-8")

    def busy_ms() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return next(m["value"] for m in metrics if m["name"] == "ScriptDuration") * 1000

    cost = {}
    for part in (False, True):
        lab.open(path.name)
        for name in ("prompts", "status", "map", "commands", "completion"):
            set_part(lab, name, part)
        if part:
            wait_status(lab, turns=f"{MANY} turns")
        devtools = lab.page.context.new_cdp_session(lab.page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = busy_ms()
        for _ in range(20):
            lab.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollBy(0, 900)")
            lab.page.wait_for_function("new Promise(done => requestAnimationFrame(() => done(1)))")
        cost[part] = busy_ms() - before
        place = "document.querySelector('.jp-WindowedPanel-outer').scrollTop"
        assert lab.page.evaluate(place) > 5000
    assert (cost[True] - cost[False]) / 20 < 50, "what browsers call a long task"
