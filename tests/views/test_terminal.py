"""A terminal shows each word once and obeys nothing that a model writes."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_magic.core.text import escape_controls
from glm_magic.core.turn import Step, Turn
from glm_magic.views.columns import text_width
from glm_magic.views.options import ViewOptions
from glm_magic.views.play import play
from glm_magic.views.terminal import TerminalView, has_colour

from .turns import ANSWER, NOTICE, REASONING, ScriptedStream, cut, turn_of

ENGLISH = ViewOptions(language="en")


class Screen(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def printed(turn: Turn, options: ViewOptions = ENGLISH, is_terminal: bool = False) -> str:
    screen = Screen(is_terminal)
    view = TerminalView(options, screen)
    view.start(replace(turn, steps=()), lambda: None)
    for length in range(0, 400, 7):
        step = Step(reasoning=turn.reasoning[:length], content="")
        view.paint(replace(turn, steps=(step,), status="streaming"))
    view.finish(turn)
    return screen.getvalue()


@pytest.fixture(autouse=True)
def a_terminal_with_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_each_word_is_printed_once() -> None:
    text = printed(turn_of())
    assert text.count(ANSWER.strip()) == 1
    assert text.count(REASONING.strip()) == 1
    assert text.startswith("glm-4.6 · bigmodel\n[Reasoning]\n")
    assert text.endswith(
        "complete · thought 4.2 s · 42 in · 1,284 out (811 reasoning) · 187 tok/s · ¥0.0031\n"
    )


def test_reasoning_is_dim_and_the_answer_is_not() -> None:
    text = printed(turn_of("ANSWER", "REASON"), is_terminal=True)
    assert "\x1b[2mREASON\x1b[0m" in text
    assert "\x1b[0mANSWER" in text


def test_no_colour_without_a_terminal_or_where_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "\x1b" not in printed(turn_of())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(turn_of(), is_terminal=True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colour(Screen(is_terminal=True))


def test_a_model_cannot_command_the_terminal() -> None:
    evil = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\rE\x08\u202ef"
    text = printed(turn_of(evil, evil, model=evil, error=evil, status="failed"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "a␛[2Jb␛]0;title␇c" in text


@given(st.text())
def test_nothing_but_text_is_left(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", escape_controls(text))


@given(st.text(), st.text(), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_any_chunking_prints_the_same(reasoning: str, answer: str, sizes: list[int]) -> None:
    def run(prefixes: list[tuple[str, str]]) -> str:
        screen = Screen()
        view = TerminalView(ENGLISH, screen)
        view.start(turn_of("", ""), lambda: None)
        for thought, text in prefixes:
            step = Step(reasoning=thought, content=text)
            view.paint(turn_of(steps=(step,), status="streaming"))
        view.finish(turn_of(answer, reasoning))
        return screen.getvalue()

    pieces = [(piece, "") for piece in cut(reasoning, sizes)]
    pieces += [(reasoning, piece) for piece in cut(answer, sizes)]
    assert run(pieces) == run([])


@pytest.mark.parametrize("choice", ["hide", "closed"])
def test_hidden_reasoning_is_not_printed(choice: str) -> None:
    options = replace(ENGLISH, show_thinking=choice)
    text = printed(turn_of("ANSWER", "SECRET"), options)
    assert "SECRET" not in text
    assert "ANSWER" in text


FAILED = turn_of("", "so", status="failed", error="It broke.", notices=(NOTICE,))


def test_the_error_is_left_to_the_shell_unless_nobody_waits_for_it() -> None:
    assert "It broke." not in printed(FAILED)
    assert printed(FAILED, replace(ENGLISH, background=True)).count("It broke.") == 1


def test_a_failure_without_text_leaves_only_the_error() -> None:
    nothing = printed(turn_of("", "", status="failed", error="It broke."))
    assert nothing == "glm-4.6 · bigmodel\n"


def test_notices_and_missing_answers_are_said() -> None:
    text = printed(FAILED)
    assert NOTICE.message in text
    assert "There was no answer yet." in text
    assert "failed" in text


def test_a_stream_plays_on_a_terminal() -> None:
    screen = Screen()
    play(ScriptedStream(turn_of(), rate=20_000), TerminalView(ENGLISH, screen))
    assert ANSWER.strip() in screen.getvalue()


def test_rich_prints_each_finished_block_once() -> None:
    pytest.importorskip("rich")
    from glm_magic.views.rich_terminal import RichTerminalView

    screen = Screen()
    play(ScriptedStream(turn_of(), rate=4000), RichTerminalView(ENGLISH, screen))
    text = screen.getvalue()
    assert text.count("A simulation agrees:") == 1
    assert text.count("simulation to check it.") == 1
    assert "## Mean" not in text
    assert "**exponential**" not in text
    assert "187 tok/s" in text


def test_rich_takes_back_what_it_drew_and_obeys_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    from glm_magic.views.rich_terminal import RichTerminalView

    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(is_terminal=True)
    evil = turn_of("one\x1b]0;title\x07\n\n" + "two\n\n" * 40 + "end", "so")
    play(ScriptedStream(evil, rate=2000), RichTerminalView(ENGLISH, screen))
    assert "\x1b]0;" not in screen.getvalue()
    assert "\x1b[2K" in screen.getvalue() or "\x1b[1A" in screen.getvalue()
    assert len(screen.getvalue()) < 60 * len(evil.answer)


PROSE = "Actually, the sky is blue because short waves scatter more than long ones do. " * 3


def test_lines_of_a_terminal_end_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = re.sub(r"\x1b\[\d*m", "", printed(turn_of(PROSE, PROSE), is_terminal=True))
    assert max(map(text_width, text.splitlines())) <= 30
    assert " ".join(text.split()).count(PROSE.strip()) == 2, "no word is cut"
    assert PROSE.strip() in printed(turn_of(PROSE, PROSE)), "a file has the model's own lines"


def test_a_window_that_was_made_wider_counts_from_the_next_reply_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for columns in (30, 60):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = printed(turn_of(PROSE, ""), is_terminal=True).splitlines()
        assert columns - 12 < max(map(text_width, lines)) <= columns + len("\x1b[0m")
