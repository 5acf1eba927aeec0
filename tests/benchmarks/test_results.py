"""The page of results: who stands beside a figure, and a picture for light and dark pages."""

from __future__ import annotations

import io
import shutil
from importlib.util import find_spec
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tests.benchmarks.figures import Figure, table
from tests.benchmarks.plot import LABEL, ROW, plot
from tests.browser.conftest import open_chromium

FIGURES = [
    Figure("Decoding", "ours, CPU a chunk", 10.0, "µs", "openai client", 80.0, reach=1 / 6),
    Figure("Many", "a turn after 1,000 turns", 9.8, "ms", "httpx & the same body", 2.0, reach=2),
    Figure("Start", "%load_ext", 34.1, "ms", reach=60),
    Figure("Memory", "after 1,000 replies", 1234.5, "MB"),
]


def test_a_row_names_its_peer_and_what_the_peer_takes() -> None:
    head, _, *rows = table(FIGURES).splitlines()
    assert head == "| what | measured | peer or floor | its figure | ratio | reach | |"
    assert rows == [
        "| ours, CPU a chunk | 10 µs | openai client | 80 µs | 0.12 | ≤ 1/6 | met |",
        "| a turn after 1,000 turns | 9.8 ms | httpx & the same body | 2 ms | 4.90 | ≤ 2 |"
        " **missed** |",
        "| %load_ext | 34.1 ms |  |  |  | ≤ 60 | met |",
        "| after 1,000 replies | 1,234 MB |  |  |  |  |  |",
    ]


def test_the_picture_has_a_bar_for_each_ratio_with_a_reach_and_names_the_peer() -> None:
    root = ET.fromstring(plot(FIGURES))
    bars = [element for element in root.iter() if element.tag.endswith("rect")]
    assert [bar.get("class") for bar in bars] == ["met", "missed"]
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "beside openai client, ≤ 1/6" in texts
    assert "beside httpx & the same body, ≤ 2" in texts
    assert "4.90 missed" in texts


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "ground"), [("light", 255), ("dark", 17)])
def test_the_picture_is_read_on_a_light_and_on_a_dark_page(scheme: str, ground: int) -> None:
    if find_spec("playwright") is None or not shutil.which("chromium"):
        pytest.skip("playwright is not installed, or there is no chromium on the path")
    with open_chromium() as browser:
        page = browser.new_page(color_scheme=scheme)
        page.set_content(f"<body style='background: rgb({ground}, {ground}, {ground})'><img>")
        page.evaluate(
            """async (svg) => {
              const picture = document.querySelector('img');
              picture.src = 'data:image/svg+xml,' + encodeURIComponent(svg);
              await picture.decode();
            }""",
            plot(FIGURES),
        )
        shown = Image.open(io.BytesIO(page.locator("img").screenshot())).convert("L")
    darkest, lightest = shown.getextrema()
    assert max(abs(darkest - ground), abs(lightest - ground)) > 180, "the words"
    inside_a_bar = shown.getpixel((LABEL + 5, ROW // 2))
    assert abs(inside_a_bar - ground) > 80, "the bars"
