"""Reasoning inside the text, between think tags.

Notes
-----
Any server may send such replies: one without a reasoning parser, or a service whose parser missed
the tag. The templates of GLM-4.7 and later end the prompt with the opening tag, so a reply may hold
only ``</think>``. A stream cannot know this in advance: what was shown as the answer until then is
reclassified by one event, `ContentWasReasoning`.

An answer *about* think tags must stay an answer. So a tag in code is text, a closing tag that has
its opening tag in the text before it, one between quotes, and one that the sentence runs through
(``The tag </think> ends it``). Once reasoning has come, in a field of its own or between tags, tags
count only at the very start of the answer: a closing one there is dropped, and a block counts when
it is closed.
"""

from __future__ import annotations

import re

from ..core.events import ContentDelta, ContentWasReasoning, Event, ReasoningDelta

OPEN = "<think>"
CLOSE = "</think>"

_TAG = re.compile(r"</?think>", re.IGNORECASE | re.ASCII)
_CLOSE = re.compile(CLOSE, re.IGNORECASE | re.ASCII)
_OPENING = re.compile(rf"\s*(?:{OPEN}\s*)+", re.IGNORECASE | re.ASCII)
_NOT_BLANK = re.compile(r"\S")
_LEAD = re.compile(
    r"(?:\b(?:a|an|the|and|or|with|by|tags?|tokens?|markers?|opening|closing)|[和与]|标签|标记) $",
    re.IGNORECASE,
)
"""Words after which a closing tag is spoken of."""
_TAIL = 16
"""Characters of the text that are kept to see what a closing tag follows: the longest lead."""
_PUNCTUATION = ".,;:!?)…"
_QUOTES = {
    '"': '"', "'": "'", "(": ")", "[": "]", "“": "”", "‘": "’", "«": "»", "「": "」", "『": "』",
    "（": "）", "《": "》",
}  # fmt: skip


class ThinkTags:
    """Separates reasoning from content in a text that arrives in pieces.

    Parameters
    ----------
    opens : bool
        Whether the reply begins inside the reasoning, with or without an opening tag.
    """

    __slots__ = (
        "_after",
        "_blank",
        "_block",
        "_code",
        "_held",
        "_is_last",
        "_is_open",
        "_opens",
        "_pairs",
        "_reasoned",
        "_state",
        "_tail",
        "is_plain",
    )

    def __init__(self, *, opens: bool = False) -> None:
        self._opens = opens
        self._state = self._edge
        self._is_open = False
        """At an edge: whether an opening tag was the last one."""
        self._after = False
        """Whether a reasoning has ended, so that what follows is the answer."""
        self._reasoned = False
        """Whether there was any reasoning."""
        self._blank: list[str] = []
        self._block: list[str] = []
        """A further block with its opening tag; it counts when it is closed."""
        self._held = ""
        self._code = CodeSpans()
        self._tail = ""
        """The last characters of the text."""
        self._pairs = 0
        """Opening tags in the text whose closing tag has not come."""
        self._is_last = False
        """Whether nothing follows that could tell what a closing tag means."""
        self.is_plain = False
        """Whether all text from here on is the answer, whatever it holds."""

    def feed(self, text: str) -> list[Event]:
        """Return the events of a piece; text that may be the beginning of a tag is held back."""
        events: list[Event] = []
        text, self._held = self._held + text, ""
        at = 0
        while at < len(text):
            at = self._state(text, at, events)
        return events

    def settle(self) -> list[Event]:
        """Return the events of a closing tag that waits for what follows it: no text does."""
        if self._state != self._outside or not self._held:
            return []
        self._is_last = True
        events = self.feed("")
        self._is_last = False
        return events

    def finish(self) -> list[Event]:
        """Return what was held back, which no tag completed."""
        events = self.settle()
        held = "".join((*self._block, *self._blank, self._held))
        inside = self._state == self._inside or (self._state == self._edge and self._is_open)
        is_reasoning = inside and not self._block
        self._held, self._blank, self._block = "", [], []
        if held:
            events.append(ReasoningDelta(held) if is_reasoning else ContentDelta(held))
        return events

    def note_reasoning(self) -> list[Event]:
        """Return the events of the text so far, now that reasoning has come in its own field."""
        if self._reasoned and not (self._is_open or self._block):
            return []  # nothing has changed since it last came
        events = self.settle()
        self._reasoned = True
        if self._state == self._edge:
            self._is_open, self._after = False, True
            self._block = []
        elif self._state == self._outside:
            self._go_on_plainly()
        return events

    def _edge(self, text: str, at: int, events: list[Event]) -> int:
        """Read where reasoning or answer may begin: white space, and the tags between them."""
        start = _NOT_BLANK.search(text, at)
        if start is None:
            self._blank.append(text[at:])
            return len(text)
        tag = _TAG.match(text, start.start())
        if tag is not None:
            self._is_open = len(tag[0]) == len(OPEN)
            self._after = self._after or not self._is_open
            if self._is_open and self._reasoned:
                self._block += [*self._blank, text[at : tag.end()]]
            elif not self._is_open:
                self._block = []
            self._blank = []
            return tag.end()
        if _overlap(text, start.start()) == len(text) - start.start():
            self._blank.append(text[at : start.start()])
            self._held = text[start.start() :]
            return len(text)
        self._begin()
        blank, self._blank = "".join(self._blank), []
        if blank:
            self._state(blank, 0, events)
        return at

    def _begin(self) -> None:
        """Leave the edge, for what the tags so far say."""
        if self._is_open or (self._opens and not self._after):
            self._state = self._inside
        elif self._after:
            self._go_on_plainly()
        else:
            self._state = self._outside

    def _go_on_plainly(self) -> None:
        self._state, self.is_plain = self._plain, True

    def _inside(self, text: str, at: int, events: list[Event]) -> int:
        tag = _CLOSE.search(text, at)
        end = tag.start() if tag else len(text) - _overlap(text, at)
        if self._block:
            self._block.append(text[at:end])
        elif end > at:
            events.append(ReasoningDelta(text[at:end]))
        if tag is None:
            self._held = text[end:]
            return len(text)
        if self._block:
            block, self._block = _OPENING.sub("", "".join(self._block), count=1), []
            events += [ReasoningDelta(block)] if block else []
        self._is_open, self._after, self._reasoned = False, True, True
        self._state = self._edge
        return tag.end()

    def _outside(self, text: str, at: int, events: list[Event]) -> int:
        tag = _TAG.search(text, at)
        if tag is None:
            end = len(text) - _overlap(text, at)
            self._held = text[end:]
            self._content(text[at:end], events)
            return len(text)
        self._content(text[at : tag.start()], events)
        is_text = self._is_text(text, tag)
        if is_text is None:
            self._held = text[tag.start() :]
            return len(text)
        if is_text:
            self._content(tag[0], events)
        else:
            events.append(ContentWasReasoning())
            self._is_open, self._after, self._reasoned = False, True, True
            self._state = self._edge
        return tag.end()

    def _is_text(self, text: str, tag: re.Match[str]) -> bool | None:
        """Whether a tag after some text is a part of it; ``None``: the next characters tell."""
        if self._code.open:
            return True
        if len(tag[0]) == len(OPEN):
            self._pairs += 1
            return True
        if self._pairs:
            self._pairs -= 1
            return True
        return self._is_mentioned(text[tag.end() : tag.end() + 2])

    def _is_mentioned(self, after: str) -> bool | None:
        """Whether a closing tag stands between quotes or inside of a sentence."""
        before = self._tail[-1:]
        if before in _QUOTES and (before not in "\"'" or not self._closes_quote):
            return after[0] == _QUOTES[before] if after else self._unknown
        if before != " ":
            return False
        if not after:
            return self._unknown
        if after[0] in _PUNCTUATION:
            return True
        if after[0] != " " or not _LEAD.search(self._tail):
            return False
        return not after[1].isupper() if len(after) > 1 else self._unknown

    @property
    def _closes_quote(self) -> bool:
        """Whether a straight quote at the end of the text ends a quotation."""
        before = self._tail[-2:-1]
        return bool(before) and not before.isspace() and before not in _QUOTES

    @property
    def _unknown(self) -> bool | None:
        return False if self._is_last else None

    def _content(self, text: str, events: list[Event]) -> None:
        if text:
            self._code.feed(text)
            self._tail = (self._tail + text[-_TAIL:])[-_TAIL:]
            events.append(ContentDelta(text))

    def _plain(self, text: str, at: int, events: list[Event]) -> int:
        events.append(ContentDelta(text[at:]))
        return len(text)


def _overlap(text: str, start: int) -> int:
    """Return how many characters at the end of `text` may begin a tag."""
    at = text.rfind("<", max(start, len(text) - len(CLOSE) + 1))
    if at < 0:
        return 0
    end = text[at:].lower()
    return len(text) - at if OPEN.startswith(end) or CLOSE.startswith(end) else 0


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
