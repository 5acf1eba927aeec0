"""What a live panel is told: small deltas, and now and then everything.

Messages sent before the front-end module has loaded are lost, and so are those sent while a page
reloads. So each delta names the state that it changes; the page ignores one that does not fit and
asks for a snapshot. Sizes count code points: JavaScript counts an emoji as two.

The messages of a widget, read while a cell runs.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..markup.incremental import MarkdownDelta


class Growing(Protocol):
    """Something that renders a text again and again while it grows."""

    def update(self, text: str) -> MarkdownDelta:
        """Take the text as it is now."""


class TextPart:
    """One growing text of a panel, and what the page has been told of it."""

    def __init__(self, growing: Growing, with_source: bool = False) -> None:
        self._growing = growing
        self._with_source = with_source
        self.epoch = 0
        """Rises whenever what was shown no longer holds."""
        self._frozen = ""
        self._tail = ""
        self._source = ""

    @property
    def size(self) -> int:
        """Length of the HTML, in code points."""
        return len(self._frozen) + len(self._tail)

    def grow(self, text: str) -> dict[str, Any] | None:
        """Take the text as it is now and return the delta; ``None`` when nothing changed."""
        growth = self._growing.update(text)
        if growth.restarted:
            self.epoch += 1
            self._frozen = self._tail = self._source = ""
        if not growth.added and growth.tail == self._tail and not growth.restarted:
            return None
        return self._apply(growth, text)

    def _apply(self, growth: MarkdownDelta, text: str) -> dict[str, Any]:
        kept = common_prefix(self._tail, growth.tail)
        delta: dict[str, Any] = {
            "epoch": self.epoch,
            "at": len(self._frozen),
            "was": len(self._tail),
            "add": growth.added,
            "keep": kept,
            "tail": growth.tail[kept:],
            "tail_size": len(growth.tail),
            "size": len(self._frozen) + len(growth.added),
        }
        if self._with_source:
            delta["more"] = text[len(self._source) :]
            self._source = text
        self._frozen += growth.added
        self._tail = growth.tail
        return delta

    def replace(self, html: str, text: str) -> None:
        """Put the final HTML in place of what had grown; a page adds what it lacks."""
        if not html.startswith(self._frozen):
            self.epoch += 1
        self._frozen, self._tail = html, ""
        self._source = text if self._with_source else ""

    def snapshot(self) -> dict[str, Any]:
        """Return everything that a page must know to show this part."""
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


def receive_while_a_cell_runs(widget: Any) -> None:
    """Keep the page's messages on their own subshell.

    Notes
    -----
    ipykernel 7.4.0 sends a comm's messages to the shell that last published on it. That is the
    main one, where Stop would wait for the cell that it should stop. Seen 2026-11 with
    JupyterLab 4.6; earlier versions have neither the method nor the trouble.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default
