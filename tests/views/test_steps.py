"""What happened between reasoning and answer is shown in every form, in its order."""

from __future__ import annotations

import io

from glm_magic.core.messages import ToolCall, ToolRun
from glm_magic.core.turn import Step, Turn
from glm_magic.views.labels import labels_for
from glm_magic.views.live.panel import PanelView
from glm_magic.views.options import ViewOptions
from glm_magic.views.rich_terminal import RichTerminalView
from glm_magic.views.saved.page import bundle
from glm_magic.views.saved.steps import MAX_SHOWN, steps_html
from glm_magic.views.terminal import TerminalView

from .test_markdown import Elements
from .turns import turn_of

ENGLISH = ViewOptions(language="en")
FAILING = ToolCall("c2", "forecast", '{"city": "Uelzen"}')
TWO_CALLS = turn_of(
    steps=(
        Step(
            reasoning="First the weather.",
            content="Let me look.",
            tool_calls=(ToolCall("c1", "weather", '{"city": "Uelzen", "days": [1, 2]}'), FAILING),
            runs=(
                ToolRun("c1", "done", '{"sky": "clear", "at": "<b>noon</b>"}', elapsed_s=0.31),
                ToolRun("c2", "failed", "TimeoutError: no answer", elapsed_s=2.0),
            ),
        ),
        Step(reasoning="Then the answer.", content="It is **clear**.", cause="tools"),
    )
)
HURRIED = turn_of(
    steps=(
        Step(reasoning="Hmm, let me", status="interrupted"),
        Step(content="Four.", cause="answer now"),
    )
)


def forms(turn: Turn) -> dict[str, str]:
    return bundle(turn, ENGLISH)[0]


def in_order(text: str, *parts: str) -> bool:
    places = [text.index(part) for part in parts]
    return places == sorted(places)


def test_calls_stand_between_text_and_answer_with_result_time_and_error() -> None:
    page = forms(TWO_CALLS)["text/html"]
    text = Elements(page).text
    assert in_order(text, "Let me look.", "weather", "0.3 s", "clear", "forecast", "2.0 s")
    assert in_order(text, "TimeoutError: no answer", "It is ")
    assert "<b>noon" not in page, "a result is text"
    assert 'glm-tool-failed" open>' in page, "a failure is open"
    assert 'glm-tool-done"><summary ' in page


def test_markdown_and_plain_text_tell_the_same() -> None:
    data = forms(TWO_CALLS)
    assert in_order(data["text/markdown"], "Let me look", "weather ✓ done 0.3 s", "TimeoutError")
    assert in_order(data["text/plain"], "[weather ", "[forecast ", "failed 2.0 s]", "It is **clear")


def test_thinking_that_was_cut_short_is_said() -> None:
    for form in forms(HURRIED).values():
        assert "cut short" in form
    assert "Four." in forms(HURRIED)["text/plain"]


def test_a_call_without_a_result_yet_and_arguments_that_are_no_json() -> None:
    step = Step(tool_calls=(ToolCall("c1", "f", '{"half'),))
    page = steps_html(turn_of(steps=(step,), status="streaming"), labels_for("en"))
    assert "{&quot;half" in page or '{"half' in page
    assert "result" not in page


def test_a_long_result_is_cut_and_says_so() -> None:
    call = ToolCall("c1", "f", "{}")
    step = Step(tool_calls=(call,), runs=(ToolRun("c1", "done", "x" * 10_000_000),))
    page = steps_html(turn_of(steps=(step,)), labels_for("en"))
    assert len(page) < MAX_SHOWN + 2000
    assert "9,996,000" in page


def test_a_terminal_prints_every_reply_of_a_turn_in_order() -> None:
    for view in (TerminalView, RichTerminalView):
        screen = io.StringIO()
        shown = view(ENGLISH, screen)
        shown.start(turn_of(steps=()), lambda: None)
        shown.paint(turn_of(steps=TWO_CALLS.steps[:1], status="streaming"))
        shown.finish(TWO_CALLS)
        text = screen.getvalue()
        assert in_order(text, "First the weather.", "Let me look.", "weather {", "forecast {")
        assert in_order(text, "forecast {", "Then the answer.", "It is ", "clear", "complete")
        assert text.count("Let me look.") == 1


def test_a_terminal_misses_nothing_between_two_paints() -> None:
    screen = io.StringIO()
    view = TerminalView(ENGLISH, screen)
    view.start(turn_of(steps=()), lambda: None)
    view.finish(TWO_CALLS)
    assert in_order(screen.getvalue(), "First the weather.", "Let me look.", "Then the answer.")


def test_a_held_answer_is_not_printed() -> None:
    for view in (TerminalView, RichTerminalView):
        screen = io.StringIO()
        shown = view(ViewOptions(language="en", hold="answer"), screen)
        shown.start(turn_of(steps=()), lambda: None)
        shown.finish(turn_of("Four.", "Two and two."))
        assert "Four." not in screen.getvalue()
        assert "Two and two." in screen.getvalue()
        assert "print(_glm) shows it" in screen.getvalue()


def test_the_panel_sends_the_calls_only_when_they_change() -> None:
    view = PanelView(ENGLISH)
    sent: list[dict[str, object]] = []
    view._send = sent.append  # type: ignore[method-assign]
    for _ in range(3):
        view.paint(TWO_CALLS)
    assert ["steps" in message for message in sent] == [True, False, False]
