"""What a live panel's page is sent: small deltas, and now and then a snapshot of everything.

Messages sent before the front-end module has loaded are lost, and so are those sent while a page
reloads. So each delta names the state that it changes; the page ignores one that does not fit and
asks for a snapshot. Sizes count code points: JavaScript counts an emoji as two.

Nothing here sends anything or reads a clock: `PanelProtocol` takes what the panel shows and the
time, and returns what to send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..markup.escape import strip_blank_lines
from ..markup.incremental import IncrementalMarkdown, MarkdownDelta
from ..markup.markdown import plain_html

Message = dict[str, Any]

STATE_EVERY_S = 0.2
"""The clock in the header moves five times a second."""

UNREADY_S = 3.0
"""How long snapshots are repeated while the page may still be loading the module."""

UNREADY_EVERY_S = 0.1

SNAPSHOT_GROWTH = 2
"""A new snapshot when the text has grown by this factor, for pages that cannot ask."""

SNAPSHOT_AT_LEAST = 4000
"""Characters of HTML before growth alone calls for a snapshot."""


class Renderer(Protocol):
    """Something that renders a text again and again while it grows."""

    def update(self, text: str) -> MarkdownDelta:
        """Take the whole text so far."""

    def remember(self) -> None:
        """Let the saved page use what is rendered."""


class PlainRenderer:
    """Render a growing text as it is, without Markdown."""

    def __init__(self) -> None:
        self._text = ""

    def update(self, text: str) -> MarkdownDelta:
        """Take the whole text so far."""
        restarted = not text.startswith(self._text)
        self._text = text
        tail = plain_html(strip_blank_lines(text)) if text.strip() else ""
        return MarkdownDelta("", tail, restarted)

    def remember(self) -> None:
        """Do nothing: the text is not rendered."""


class TextPart:
    """One growing text of a panel, and what the page has of it.

    Parameters
    ----------
    renderer : Renderer
        Makes the HTML.
    with_source : bool
        Whether the page gets the text too, to copy it.
    """

    def __init__(self, renderer: Renderer, with_source: bool = False) -> None:
        self._renderer = renderer
        self._with_source = with_source
        self.epoch = 0
        """Rises whenever what was sent before no longer holds."""
        self._frozen = ""
        self._tail = ""
        self._source = ""

    @property
    def size(self) -> int:
        """Length of the HTML, in code points."""
        return len(self._frozen) + len(self._tail)

    def grow(self, text: str) -> Message | None:
        """Take the whole text so far and return the delta; ``None`` when nothing changed."""
        change = self._renderer.update(text)
        if change.restarted:
            self.epoch += 1
            self._frozen = self._tail = self._source = ""
        if not change.added and change.tail == self._tail and not change.restarted:
            return None
        return self._apply(change, text)

    def _apply(self, change: MarkdownDelta, text: str) -> Message:
        # A block that is finished was in the tail before, and is not sent again.
        html = change.added + change.tail
        shared = common_prefix(self._tail, html)
        delta: Message = {
            "epoch": self.epoch,
            "at": len(self._frozen),
            "was": len(self._tail),
            "keep": shared,
            "html": html[shared:],
            "size": len(self._frozen) + len(change.added),
            "tail_size": len(change.tail),
        }
        if self._with_source:
            delta["more"] = text[len(self._source) :]
            self._source = text
        self._frozen += change.added
        self._tail = change.tail
        return delta

    def replace(self, html: str, text: str) -> None:
        """Put the final HTML in place of what had grown; a page adds what it lacks."""
        if not html.startswith(self._frozen):
            self.epoch += 1
        self._frozen, self._tail = html, ""
        self._source = text if self._with_source else ""

    def remember(self) -> None:
        """Let the saved page use what is rendered."""
        self._renderer.remember()

    def snapshot(self) -> Message:
        """Return everything that a page needs to show this part."""
        return {
            "epoch": self.epoch,
            "frozen": self._frozen,
            "size": len(self._frozen),
            "tail": self._tail,
            "tail_size": len(self._tail),
            "source": self._source,
        }


def common_prefix(old: str, new: str) -> int:
    """Return how many characters two texts share at their start."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to send to the page now: a message, a snapshot, or nothing."""

    message: Message | None = None
    snapshot: Message | None = None


class PanelProtocol:
    """Decide what the page of one panel is sent, and when it is sent everything.

    Not thread-safe. Times are seconds of any monotonic clock.

    Parameters
    ----------
    state : callable
        Returns everything that the panel shows besides its two texts and the steps, as JSON
        values; called only when it is sent.
    as_markdown : bool
        Whether the answer is Markdown; the reasoning always is.
    """

    def __init__(self, state: Callable[[], Message], *, as_markdown: bool = True) -> None:
        self._state = state
        self._reasoning = TextPart(IncrementalMarkdown())
        answer: Renderer = IncrementalMarkdown() if as_markdown else PlainRenderer()
        self._answer = TextPart(answer, with_source=True)
        self._steps = ""
        self._sent_state: Message = {}
        self._page_ready = self._snapshot_due = False
        self._began = self._state_at = self._snapshot_at = 0.0
        self._snapshot_size = 0

    @property
    def page_ready(self) -> bool:
        """Whether the page has loaded the module and said so."""
        return self._page_ready

    def start(self, now: float) -> Message:
        """Return the first snapshot."""
        self._began = now
        return self._snapshot(now)

    def page_asks(self) -> None:
        """Note that a page is ready, or missed something: it gets a snapshot next."""
        self._page_ready = self._snapshot_due = True

    def update(self, reasoning: str, answer: str, steps: str, now: float) -> Outgoing:
        """Take what the panel shows now, while the reply streams.

        Parameters
        ----------
        reasoning, answer : str
            The whole texts so far.
        steps : str
            The tool calls and remarks, as HTML.
        now : float
            The time.
        """
        message = self._grow(reasoning, answer, steps)
        if self._needs_snapshot(now):
            return self._send_snapshot(now)
        if now - self._state_at >= STATE_EVERY_S:
            message.update(self._state_delta())
            self._state_at = now
        return Outgoing(message)

    def finish(self, reasoning: str, answer: str, steps: str, now: float) -> Outgoing:
        """Take what the panel shows when the reply has ended; the state is sent at once."""
        message = self._grow(reasoning, answer, steps)
        if self._snapshot_due or not self._page_ready:
            return self._send_snapshot(now)
        return Outgoing({**message, **self.whole_state()})

    def replace(self, reasoning_html: str, answer_html: str, answer: str, now: float) -> Outgoing:
        """Take the final HTML of an ended reply, for a page that still shows it."""
        self._reasoning.replace(reasoning_html, "")
        self._answer.replace(answer_html, answer)
        return self._send_snapshot(now)

    def remember(self) -> None:
        """Let the saved page use what is rendered of both texts."""
        self._reasoning.remember()
        self._answer.remember()

    def whole_state(self) -> Message:
        """Return a message with the whole state as it is now."""
        self._sent_state = self._state()
        return {"state": self._sent_state}

    def _grow(self, reasoning: str, answer: str, steps: str) -> Message:
        """Return what has grown; a text that starts again makes a snapshot due."""
        message: Message = {}
        for name, part, text in (
            ("reasoning", self._reasoning, reasoning),
            ("answer", self._answer, answer),
        ):
            epoch = part.epoch
            delta = part.grow(text)
            if delta is not None:
                message[name] = delta
            self._snapshot_due = self._snapshot_due or part.epoch != epoch
        if steps != self._steps:
            message["steps"] = self._steps = steps
        return message

    def _state_delta(self) -> Message:
        """Return what has changed in the state since it was sent, or all to an unready page."""
        before = self._sent_state if self._page_ready else {}
        state = self._sent_state = self._state()
        changed = {name: value for name, value in state.items() if before.get(name) != value}
        return {"state": changed} if changed else {}

    def _needs_snapshot(self, now: float) -> bool:
        loading = not self._page_ready and now - self._began < UNREADY_S
        if loading and now - self._snapshot_at >= UNREADY_EVERY_S:
            return True
        grown = self._size > max(SNAPSHOT_AT_LEAST, self._snapshot_size * SNAPSHOT_GROWTH)
        return self._snapshot_due or (grown and not self._page_ready)

    @property
    def _size(self) -> int:
        return self._reasoning.size + self._answer.size

    def _send_snapshot(self, now: float) -> Outgoing:
        self._snapshot_due = False
        self._snapshot_at = self._state_at = now
        self._snapshot_size = self._size
        return Outgoing(snapshot=self._snapshot(now))

    def _snapshot(self, now: float) -> Message:
        return {
            **self.whole_state(),
            # A widget's value is only sent when it differs from the one before.
            "made_at": now,
            "steps": self._steps,
            "reasoning": self._reasoning.snapshot(),
            "answer": self._answer.snapshot(),
        }
