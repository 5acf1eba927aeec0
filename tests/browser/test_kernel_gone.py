"""A panel whose kernel is gone says so; an ended one leaves nothing but its page in the file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.model_server import ModelServer
from tests.servers.script import Script

from .lab import Lab
from .scripts import SETUP
from .test_kept import CURRENT, SAVE_STATE, WIDGET, glm_outputs, widget_state
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RESTART = f"async () => {{ await {CURRENT}.sessionContext.session.kernel.restart() }}"
SHUT_DOWN = f"async () => {{ await {CURRENT}.sessionContext.shutdown() }}"


def start(lab: Lab, cell: str) -> None:
    lab.open([SETUP, cell, "import os; os.kill(os.getpid(), 9)"])
    lab.run(0)
    lab.run(1)
    lab.wait_phase(1, "thinking")
    lab.until(lambda: "The user asks" in lab.text(1))


def assert_ended(lab: Lab) -> None:
    """Check that the panel keeps its text, says what happened, and offers only to go on."""
    lab.wait_phase(1, "gone")
    panel = lab.panel(1)
    assert "The user" in panel.inner_text()
    assert "The kernel is gone" in panel.inner_text()
    assert "kernel gone" in panel.locator(".glm-h").inner_text()
    assert "thinking" not in panel.locator(".glm-h").inner_text()
    for name in (".glm-stop", ".glm-now", ".glm-dots"):
        assert not panel.locator(name).is_visible()
    moving = "(node) => node.getAnimations({ subtree: true }).length"
    assert panel.evaluate(moving) == 0


def models(lab: Lab) -> dict[str, Any]:
    """Return the widget models that a file would hold."""
    return dict(widget_state(lab)["application/vnd.jupyter.widget-state+json"]["state"])


def snapshots(lab: Lab) -> str:
    """Return what these models show."""
    return str([model["state"].get("snapshot") for model in models(lab).values()])


@pytest.mark.parametrize("how", ["restarted", "died", "shut down"])
def test_a_panel_whose_kernel_is_gone_says_so_and_offers_to_go_on(lab: Lab, how: str) -> None:
    start(lab, "show_meanwhile(rate=40)")
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.until(lambda: "The user asks" in str(glm_outputs(lab)), 15)
    if how == "died":
        lab.run(2, wait=False)
        lab.page.locator(".jp-Dialog button").first.click()  # JupyterLab says so as well
    else:
        lab.page.evaluate(RESTART if how == "restarted" else SHUT_DOWN)
    assert_ended(lab)
    lab.panel(1).locator(".glm-resume").click()
    copied = "() => navigator.clipboard.readText()"
    lab.until(lambda: lab.page.evaluate(copied) == "%glm resume")
    (output,) = glm_outputs(lab)
    text = "".join(output["data"]["text/plain"])
    assert "The user asks" in text
    assert "Unfinished" in text
    assert "%glm resume" in text


def test_a_kernel_that_dies_after_stop_was_pressed_ends_the_panel(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=40)")
    lab.page.evaluate(
        f"() => {{ document.querySelector('.glm-stop').click();"
        f" {CURRENT}.sessionContext.session.kernel.restart() }}"
    )
    assert_ended(lab)
    lab.wait_idle()


def test_a_panel_restored_from_a_file_says_that_its_kernel_is_gone(lab: Lab) -> None:
    start(lab, "show_meanwhile(rate=40)")
    lab.save()
    lab.reload()  # a page that is new is sent everything, in the model's snapshot
    lab.until(lambda: "The user" in snapshots(lab))
    state = widget_state(lab)
    (model,) = (name for name, model in models(lab).items() if model["model_name"] == "AnyModel")
    lab.page.evaluate(SHUT_DOWN)
    lab.page.evaluate(
        "async ([id, state]) => {"
        f"  await window.jupyterapp.commands.execute('{SAVE_STATE}');"
        f"  const {{ model }} = {CURRENT}.context;"
        "  const output_type = 'display_data';"
        f"  const data = {{ '{WIDGET}': {{ version_major: 2, version_minor: 0, model_id: id }} }};"
        "  model.cells.get(1).outputs.set(0, { output_type, data, metadata: {} });"
        "  model.setMetadata('widgets', state)"
        "}",
        [model, state],
    )
    lab.save()
    lab.page.reload()
    assert_ended(lab)


def test_ended_replies_leave_no_widget_state_and_their_arrows_work(
    lab: Lab, model_server: ModelServer
) -> None:
    lab.open([setup_cell(model_server), *[f"%%glm -p zai\nprompt {n}" for n in range(3)]])
    lab.run(0)
    for answer in ("first", "second"):
        model_server.tell(Script(answer=answer, reasoning="so"))
        for cell in (1, 2, 3):
            lab.run(cell)
            lab.wait_idle()
            lab.wait_static(cell)
    lab.until(lambda: "AnyModel" not in str(widget_state(lab)))
    assert models(lab) == {}
    lab.panel(1).locator(".glm-go").first.click()
    lab.panel(1).locator(".glm-h").get_by_text("run 1/2").wait_for(timeout=30_000)
    assert "first" in lab.panel(1).locator(".glm-a").inner_text()
    lab.save()
    lab.reload()
    lab.panel(1).wait_for()
    lab.until(lambda: models(lab) == {})  # the kernel is asked first whether they have ended
