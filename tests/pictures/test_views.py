"""A picture in every form of a turn: small, named, harmless, and never fetched."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import pytest
from PIL import Image

from glm_magic.core.attachments import MOST_THUMBNAIL_BYTES, Attachment
from glm_magic.core.messages import ToolCall, ToolRun
from glm_magic.core.turn import Step, Turn
from glm_magic.pictures.values import attachment_of
from glm_magic.views.labels import labels_for
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.compare_page import compare_html, compare_text
from glm_magic.views.saved.page import bundle
from glm_magic.views.saved.pictures import MOST_SHOWN
from glm_magic.views.terminal import TerminalView
from tests.pictures.conftest import noise

HOSTILE = '"><img src=x onerror=alert(1)> $x$ **b** \x1b[31m'


def named(name="fig", **changes):
    return replace(attachment_of(noise(40, 50)), name=name, **changes)


def turn_of(*attachments, **changes):
    step = Step(content="It falls.")
    turn = Turn("what is it?", "zai", "glm-4.6v", (step,), "complete", attachments=attachments)
    return replace(turn, **changes)


def forms(turn, language="en"):
    data, _ = bundle(turn, ViewOptions(language=language))
    return data["text/html"], data["text/markdown"], data["text/plain"]


def test_a_page_has_a_small_picture_with_its_name_size_and_tokens():
    html, markdown, plain = forms(turn_of(named()))
    (source,) = re.findall(r'<img src="data:image/(?:png|jpeg);base64,([^"]+)"', html)
    with Image.open(io.BytesIO(base64.b64decode(source))) as image:
        assert image.size == (50, 40)
    assert 'alt="fig, 50 × 40 · ≈16 tokens"' in html
    assert "<b>fig</b><br>50 × 40 · ≈16 tokens" in html
    assert "shown to the model: fig (50 × 40 · ≈16 tokens)" in plain
    assert "shown to the model: fig" in markdown
    assert "data:" not in markdown + plain


def test_it_reads_in_chinese():
    html, _, plain = forms(turn_of(named("photo", remark=attachment_of(b"%PDF-").remark)), "zh")
    assert "提供给模型：photo" in plain
    assert 'title="显示完整图片"' in html


def test_a_turn_without_pictures_has_none_of_it():
    html, _, _ = forms(turn_of())
    assert '<div class="glm-pics' not in html


def test_what_was_done_to_a_picture_is_said():
    import numpy as np

    html, _, plain = forms(turn_of(attachment_of(np.zeros((100, 4096), np.uint8))))
    assert "made smaller, from 4,096 × 100 pixels" in html
    assert "made smaller, from 4,096 × 100 pixels" in plain


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment("picture", "", "cat.png", url="https://example.org/cat.png"),
        Attachment("file", "application/pdf", "paper.pdf", "ab", size=9, pages=12, data=b"%PDF-"),
        named(thumbnail=b""),
        named(thumbnail=b"<svg onload=alert(1)>"),
        named(thumbnail=b"\x89PNG" + b"x" * MOST_THUMBNAIL_BYTES),
    ],
    ids=["address", "document", "no thumbnail", "no picture", "too large"],
)
def test_what_has_no_small_picture_is_named(attachment):
    html, _, plain = forms(turn_of(attachment))
    assert "<img" not in html
    assert "example.org" not in html
    assert attachment.name in html
    assert attachment.name in plain


def test_a_name_is_never_obeyed():
    attachment = named(HOSTILE, remark=HOSTILE, hash=HOSTILE)
    html, markdown, plain = forms(turn_of(attachment))
    assert "<img src=x" not in html + markdown
    assert "\x1b" not in html + markdown + plain
    assert html.count("<img ") == 1
    assert "onerror=alert" not in re.sub(r'"[^"]*"', "", re.sub(r"&lt;[^<]*", "", html))


def test_of_many_pictures_the_first_are_shown():
    html, _, _ = forms(turn_of(*(named(f"p{number}") for number in range(30))))
    assert html.count("<img ") == MOST_SHOWN
    assert "and 18 more" in html


def test_a_saved_picture_takes_little_room():
    pictures = [named(f"p{number}") for number in range(30)]
    large = [replace(one, thumbnail=b"\x89PNG" + b"x" * 14_000) for one in pictures]
    html, _, _ = forms(turn_of(*large))
    assert len(html) < MOST_SHOWN * 20_000 + 20_000


def test_what_a_function_returned_is_shown_below_its_result():
    call = ToolCall("1", "plot", "{}")
    run = ToolRun("1", "done", "(picture plot, 50 × 40)", attachments=(named("plot"),))
    step = Step(tool_calls=(call,), runs=(run,))
    html, _, plain = forms(turn_of(steps=(step, Step(content="It falls."))))
    assert html.count("<img ") == 1
    assert html.index("(picture plot") < html.index("<img ")
    assert "plot" in plain


def test_a_terminal_names_it_before_the_answer():
    out = io.StringIO()
    view = TerminalView(ViewOptions(), out)
    turn = turn_of(named())
    view.start(turn, lambda: None)
    view.finish(turn)
    text = out.getvalue()
    assert text.index("shown to the model: fig (50 × 40") < text.index("It falls.")
    assert text.count("shown to the model") == 1


def test_a_comparison_shows_it_once():
    turns = [turn_of(named()), turn_of(named())]
    labels = labels_for("en")
    html = compare_html(["a", "b"], turns, ViewOptions(), labels)
    assert html.count("<img ") == 1
    assert "shown to the model: fig" in compare_text(["a", "b"], turns, ViewOptions(), labels)
