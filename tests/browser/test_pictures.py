"""Pictures of a prompt in JupyterLab: small ones in the panel, the whole one at a click."""

from __future__ import annotations

import nbformat
import numpy as np
import pytest

from tests.servers.model_server import ModelServer
from tests.servers.pictures import pictures_in
from tests.servers.script import Script

from .lab import Lab
from .test_magic import setup_cell

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DRAW = """\
import numpy as np, matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(6, 4))
x = np.linspace(0, 12, 400)
ax.plot(x, np.sin(x) * np.exp(-x / 8), lw=2)
ax.set_title("A damped oscillation")
photo = np.tile(np.linspace(0, 1, 600), (400, 1))"""


def test_a_figure_in_braces_is_seen_and_shown(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="A sine that fades; the second is a ramp.", reasoning="Hm."))
    lab.open(
        [
            setup_cell(model_server),
            DRAW,
            "%%glm -p zai -m glm-4.6v\nWhat do {fig} and {photo} show?",
            "%%glm -p zai -m glm-4.6v\nAnd what did the cell show? {Out[2]}",
            "%glm context",
        ]
    )
    for index in range(5):
        lab.run(index)
        lab.wait_idle()
    figure, photo = pictures_in(model_server.requests[0].json)
    assert figure.shape == (400, 600, 3)
    assert photo.shape == (400, 600, 3)
    assert np.array_equal(photo[0, ::599], [[0] * 3, [255] * 3])
    shown = pictures_in(model_server.requests[1].json)
    assert len(shown) == 3, "what the cell showed, and the pictures of the turn before"

    panel = lab.page.locator(".jp-Cell").nth(2).locator(".glm").first
    thumbnails = panel.locator(".glm-pic img")
    assert thumbnails.count() == 2
    assert thumbnails.first.get_attribute("src").startswith("data:image/")
    assert thumbnails.first.evaluate("node => node.complete && node.naturalWidth") > 100
    assert "600 × 400" in panel.locator("figcaption").first.inner_text()
    assert thumbnails.first.get_attribute("alt").startswith("fig, 600 × 400")

    thumbnails.first.click()
    whole = lab.page.locator("dialog.glm-look img")
    whole.wait_for()
    assert whole.evaluate("node => node.decode().then(() => node.naturalWidth)") == 600
    lab.page.keyboard.press("Escape")
    lab.page.locator("dialog.glm-look").wait_for(state="detached")

    lab.save()
    cells = nbformat.read(lab.notebooks / lab.name, 4).cells
    data = cells[2].outputs[0].data
    assert "data:image/" in data["text/html"]
    assert "shown to the model: fig (600 × 400" in data["text/plain"]
    assert len(data["text/html"]) < 80_000


def test_while_it_streams_the_panel_shows_the_pictures(lab: Lab, model_server: ModelServer) -> None:
    model_server.tell(Script(answer="word " * 40, reasoning="Let me look.", stall_after=6))
    lab.open([setup_cell(model_server), DRAW, "%%glm -p zai -m glm-4.6v\nWhat is {fig}?"])
    for index in range(2):
        lab.run(index)
        lab.wait_idle()
    lab.run(2, wait=False)
    image = lab.page.locator(".glm-live .glm-pic img")
    image.wait_for()
    image.click()
    whole = lab.page.locator("dialog.glm-look img")
    whole.wait_for()
    whole.click()
    lab.page.locator("dialog.glm-look").wait_for(state="detached")
    model_server.released.set()
    lab.wait_idle()
    assert lab.page.locator("dialog.glm-look").count() == 0, "one click opens it once"


def test_a_file_that_is_not_trusted_shows_them_and_fetches_nothing(
    lab: Lab, model_server: ModelServer
) -> None:
    model_server.tell(Script(answer="A sine that fades.", reasoning="Hm."))
    lab.open(
        [
            setup_cell(model_server),
            DRAW,
            "%%glm -p zai -m glm-4.6v --attach https://example.org/cat.png\nWhat is {fig}?",
        ]
    )
    addresses: list[str] = []
    lab.page.on("request", lambda request: addresses.append(request.url))
    for index in range(3):
        lab.run(index)
        lab.wait_idle()
    lab.save()
    lab.reopen_untrusted()
    image = lab.page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea img")
    image.first.wait_for()
    assert image.count() == 1
    assert image.get_attribute("src").startswith("data:image/")
    assert image.get_attribute("alt").startswith("fig, 600 × 400")
    assert "cat.png" in lab.text(2)
    assert not [url for url in addresses if "example.org" in url]
