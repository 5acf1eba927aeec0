"""Reasoning inside the text, between think tags.

Notes
-----
Such replies come from servers that run without a reasoning parser. The templates of GLM-4.7 and
later end the prompt with the opening tag, so a reply may hold only ``</think>``. A stream cannot
know this in advance: what was shown as the answer until then is reclassified by one event,
`ContentWasReasoning`.

A lone closing tag counts only at self-hosted servers, outside code, and where no reasoning came in
a field for it: an answer *about* think tags must stay an answer. A tag in code, or any tag after
real content has begun, is text.
"""

from __future__ import annotations

from ..core.events import ContentDelta, ContentWasReasoning, Event, ReasoningDelta

OPEN = "<think>"
CLOSE = "</think>"


class ThinkTags:
    """Separates reasoning from content in a text that arrives in pieces.

    Parameters
    ----------
    lone_close : bool
        Whether a closing tag without an opening one ends reasoning.
    opens : bool
        Whether the reply begins inside the reasoning, with or without an opening tag.
    """

    __slots__ = ("_blank", "_code", "_feed", "_held", "_lone_close", "_opens")

    def __init__(self, *, lone_close: bool = False, opens: bool = False) -> None:
        self._lone_close = lone_close
        self._opens = opens
        self._held = ""
        self._blank: list[str] = []
        self._code = CodeSpans()
        self._feed = self._at_start

    def feed(self, text: str) -> list[Event]:
        """Return the events of a piece; text that may be the beginning of a tag is held back."""
        events: list[Event] = []
        text, self._held = self._held + text, ""
        self._feed(text, events)
        return events

    def finish(self) -> list[Event]:
        """Return what was held back, which no tag completed."""
        held, self._held = "".join((*self._blank, self._held)), ""
        self._blank = []
        if not held:
            return []
        return [ReasoningDelta(held) if self._feed == self._inside else ContentDelta(held)]

    def ignore_tags(self) -> None:
        """Stop looking for tags: reasoning has arrived in a field for it."""
        if self._feed == self._at_start or self._feed == self._outside:
            self._held, self._blank = "".join((*self._blank, self._held)), []
            self._feed = self._plain

    def _at_start(self, text: str, events: list[Event]) -> None:
        start = text.lstrip()
        if not start:
            self._blank.append(text)
            return
        text, self._blank = "".join((*self._blank, text)), []
        if start.startswith(OPEN):
            self._feed = self._inside
            self._feed(start[len(OPEN) :], events)
        elif OPEN.startswith(start):
            self._held = text
        else:
            outside = self._outside if self._lone_close else self._plain
            self._feed = self._inside if self._opens else outside
            self._feed(text, events)

    def _inside(self, text: str, events: list[Event]) -> None:
        before, tag, after = text.partition(CLOSE)
        if tag:
            if before:
                events.append(ReasoningDelta(before))
            self._feed = self._plain
            self._feed(after, events)
            return
        keep = _overlap(text)
        self._held = text[len(text) - keep :]
        if len(text) > keep:
            events.append(ReasoningDelta(text[: len(text) - keep]))

    def _outside(self, text: str, events: list[Event]) -> None:
        before, tag, after = text.partition(CLOSE)
        if not tag:
            keep = _overlap(text)
            self._held = text[len(text) - keep :]
            self._content(text[: len(text) - keep], events)
            return
        self._content(before, events)
        if self._code.open:
            self._content(tag, events)
            self._outside(after, events)
            return
        events.append(ContentWasReasoning())
        self._feed = self._plain
        self._feed(after, events)

    def _content(self, text: str, events: list[Event]) -> None:
        if text:
            self._code.feed(text)
            events.append(ContentDelta(text))

    def _plain(self, text: str, events: list[Event]) -> None:
        if text:
            events.append(ContentDelta(text))


def _overlap(text: str) -> int:
    """Return how many characters at the end of `text` may begin a closing tag."""
    at = text.rfind("<", -len(CLOSE) + 1)
    return len(text) - at if at >= 0 and CLOSE.startswith(text[at:]) else 0


class CodeSpans:
    """Whether a text, read so far, stands inside a code fence or between backticks.

    Of the line that is still growing, only its first characters and its backticks are kept: a line
    may be a megabyte long and arrive in words.
    """

    __slots__ = ("_fenced", "_start", "_ticks")

    def __init__(self) -> None:
        self._fenced = False
        self._start = ""
        self._ticks = 0

    def feed(self, text: str) -> None:
        """Read on."""
        head, *rest = text.split("\n")
        self._add(head)
        for line in rest:
            self._fenced ^= self._start in ("```", "~~~")
            self._start, self._ticks = "", 0
            self._add(line)

    def _add(self, text: str) -> None:
        if len(self._start) < 3:
            self._start = (self._start + text).lstrip()[:3]
        self._ticks += text.count("`")

    @property
    def open(self) -> bool:
        """Whether what follows stands in code."""
        return self._fenced or self._start == "```" or self._ticks % 2 == 1
