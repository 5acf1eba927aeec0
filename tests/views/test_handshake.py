"""When a kernel may conclude that no page understands its panels, and what it does then."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from glm_magic.views import select
from glm_magic.views.live import fallback, handshake
from glm_magic.views.live.fallback import FallbackView
from glm_magic.views.live.handshake import IDLE_S, PATIENCE_S, Handshake
from glm_magic.views.live.panel import PanelView
from glm_magic.views.options import ViewOptions

from .turns import turn_of

ENGLISH = ViewOptions(language="en")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(handshake, "time", clock)
    return clock


def test_silence_of_an_idle_kernel_is_a_verdict(clock: Clock) -> None:
    state = Handshake()
    state.shown()
    state.cell_ended()
    clock.now_s += IDLE_S + 1
    state.cell_started()
    assert state.is_missing


def test_silence_of_a_busy_kernel_is_none(clock: Clock) -> None:
    """Run All on a kernel that reads the page's messages only between cells."""
    state = Handshake()
    for _ in range(20):
        state.cell_started()
        state.shown()
        clock.now_s += 10
        state.cell_ended()
        clock.now_s += 0.05
    state.cell_started()
    assert not state.is_missing


def test_one_word_of_a_page_is_enough(clock: Clock) -> None:
    state = Handshake()
    state.shown()
    state.cell_ended()
    clock.now_s += 60
    state.cell_started()
    state.acknowledged()
    assert not state.is_missing
    assert not state.timed_out(PATIENCE_S + 1)


def test_a_kernel_that_showed_nothing_knows_nothing(clock: Clock) -> None:
    state = Handshake()
    state.cell_ended()
    clock.now_s += 60
    state.cell_started()
    assert not state.is_missing


@pytest.mark.parametrize("subshells", [None, [], ["a"]])
def test_giving_up_needs_messages_that_could_have_come(
    subshells: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = SimpleNamespace(list_subshell=lambda: subshells) if subshells is not None else None
    kernel = SimpleNamespace(shell_channel_thread=SimpleNamespace(manager=manager))
    shell = SimpleNamespace(kernel=kernel)
    monkeypatch.setattr("glm_magic.views.live.handshake.get_ipython", lambda: shell)
    assert not Handshake().timed_out(PATIENCE_S - 1)
    assert Handshake().timed_out(PATIENCE_S + 1) is bool(subshells)


def test_a_missing_page_gets_plain_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    state = Handshake()
    monkeypatch.setattr(handshake, "handshake", state)
    assert type(select._panel(ENGLISH)) is PanelView
    state._missing = True
    assert type(select._panel(ENGLISH)) is FallbackView


def test_plain_widgets_show_the_page_and_leave_one_output(
    published: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped: list[bool] = []
    view = FallbackView(replace(ENGLISH, background=True))
    view.start(turn_of("", "", status="streaming"), lambda: stopped.append(True))
    assert "application/vnd.jupyter.widget-view+json" in published[0]["data"]
    assert "is arriving" in published[0]["data"]["text/html"]
    view.paint(turn_of(status="streaming"))
    assert "Mean waiting time" in view._page.value
    painted = view._page.value
    view.paint(turn_of("other", status="streaming"))
    assert view._page.value == painted, "too early for the next paint"
    monkeypatch.setattr(fallback, "PAINT_EVERY_S", 0.0)
    view.paint(turn_of("other", status="streaming"))
    assert "other" in view._page.value
    view._box.children[1].click()
    assert stopped == [True]
    view.finish(turn_of())
    assert set(published[-1]["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert published[-1]["transient"] == published[0]["transient"]
    assert published[-1]["update"] is True


def test_a_panel_that_nobody_understands_is_replaced_while_it_runs(
    published: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = Handshake()
    monkeypatch.setattr("glm_magic.views.live.panel.handshake", state)
    view = PanelView(ENGLISH)
    view.start(turn_of("", "", status="streaming"), lambda: None)
    view.paint(turn_of("one", status="streaming"))
    assert len(published) == 1
    state._missing = True
    view.paint(turn_of("two", status="streaming"))
    assert published[1]["update"] is True
    assert published[1]["transient"] == published[0]["transient"]
    view.finish(turn_of())
    assert len(published) == 3
