"""Which parts of a prompt are code or mathematics, where braces are left alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_FENCE = re.compile(r"(?m)^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*(?:\n|\Z)")
_START = re.compile(
    r"(?P<ticks>`+)"
    r"|\\(?P<open>[(\[])"
    r"|(?P<command>\\[A-Za-z]+\*?)"
    r"|\\."
    r"|(?P<double>\$\$)"
    r"|(?P<dollar>\$)(?=\S)"
    r"|(?P<script>[\^_])(?=\{)"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_OPTIONAL = re.compile(r"\[[^\[\]{}\n]*\]")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n|\Z")
_ROUND_END = re.compile(r"\\\)")
_SQUARE_END = re.compile(r"\\\]")
_DOUBLE_END = re.compile(r"\$\$")
_DOLLAR_END = re.compile(r"(?<=[^\s\\])\$(?!\d)")


def untouched_spans(text: str) -> list[Span]:
    r"""Return the spans, in order, that interpolation leaves alone.

    They are fenced code, text between backticks, ``$…$``, ``$$…$$``, ``\(…\)``, ``\[…\]``, and
    brace groups that follow a ``\command``, ``^`` or ``_``. A dollar sign opens mathematics only
    when another one closes it in the same paragraph, with no space inside of either and no digit
    after, so that ``$5 and $6`` is money.
    """
    spans: list[Span] = []
    at = 0
    for start, end in [*_fences(text), (len(text), len(text))]:
        spans += _Stretch(text, at, start).spans()
        spans += [(start, end)] if end > start else []
        at = end
    return spans


def brace_pairs(text: str, start: int, end: int, untouched: list[Span]) -> dict[int, int]:
    r"""Return where each ``{`` is closed; ``\{``, ``\}`` and untouched spans do not count."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    at = start
    for stop, resume in [*untouched, (end, end)]:
        for match in _BRACE.finditer(text, at, stop):
            if match[0] == "{":
                opened.append(match.start())
            elif match[0] == "}" and opened:
                pairs[opened.pop()] = match.start()
        at = resume
    return pairs


def _fences(text: str) -> Iterator[Span]:
    """Yield fenced blocks; one that is never closed runs to the end, as in Markdown."""
    at = 0
    while match := _FENCE.search(text, at):
        fence = match["fence"]
        closing = re.compile(rf"(?m)^[ \t>]*{fence}{fence[0]}*[ \t]*$")
        close = closing.search(text, match.end())
        at = close.end() if close else len(text)
        yield match.start(), at


class _Stretch:
    """The text between two fenced blocks; searches are remembered, which keeps the time linear."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.pairs = brace_pairs(text, start, end, [])
        self.searches: dict[re.Pattern[str], tuple[int, Span | None]] = {}
        """Pattern -> where it was last searched from, and its next match from there."""

    def spans(self) -> list[Span]:
        """Return the untouched spans of this stretch."""
        spans = []
        at = self.start
        while match := _START.search(self.text, at, self.end):
            closed = self._close(match)
            at = closed or match.end()
            if closed:
                spans.append((match.start(), closed))
        return spans

    def _close(self, match: re.Match[str]) -> int | None:
        """Return where the span ends that `match` opens, or ``None`` when it opens none."""
        after = match.end()
        if match["ticks"]:
            return self._next(re.compile(rf"(?<!`){match['ticks']}(?!`)"), after)
        if match["open"]:
            return self._next(_ROUND_END if match["open"] == "(" else _SQUARE_END, after)
        if match["double"]:
            return self._next(_DOUBLE_END, after)
        if match["dollar"]:
            return self._next(_DOLLAR_END, after + 1)
        return self._groups(after) if match["command"] or match["script"] else None

    def _next(self, closing: re.Pattern[str], at: int) -> int | None:
        """Return the end of the next match in the same paragraph."""
        end = self._search(closing, at)
        paragraph = self._search(_PARAGRAPH_END, at)
        if end is None or (paragraph is not None and end[0] > paragraph[0]):
            return None
        return end[1]

    def _search(self, pattern: re.Pattern[str], at: int) -> Span | None:
        searched_from, span = self.searches.get(pattern, (self.end + 1, None))
        if searched_from <= at and (span is None or span[0] >= at):
            return span
        match = pattern.search(self.text, at, self.end)
        span = match.span() if match else None
        self.searches[pattern] = (at, span)
        return span

    def _groups(self, at: int) -> int | None:
        r"""Return the end of the brace groups at `at`, past ``[…]`` between them."""
        end = None
        while True:
            optional = _OPTIONAL.match(self.text, at, self.end)
            brace = optional.end() if optional else at
            if brace not in self.pairs:
                return end
            at = end = self.pairs[brace] + 1
