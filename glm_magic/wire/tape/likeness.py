"""A line written by what is new in it, so that a tape shows the words and not their wrapping.

The events of a stream differ from one to the next in a few characters. Such a line is written as
``*36 41 word``: the first 36 and the last 41 characters of the last long line, with ``word``
between them, and an empty line after it, as server-sent events have. ``~`` is the same without the
empty line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_LONG = 60
"""Characters from which on a line is worth shortening."""
_SAVED = 40


class Shortener:
    """Shorten the marked lines of one reply's chunks, in order."""

    def __init__(self) -> None:
        self._last = ""

    def shorten(self, lines: Sequence[str]) -> Iterator[str]:
        """Yield the lines of one chunk, short where they are like the last long one."""
        at = 0
        while at < len(lines):
            short = self._short(lines[at]) if lines[at][0] == "|" else None
            if short is None:
                yield lines[at]
            elif lines[at + 1 : at + 2] == ["|"]:
                yield f"*{short}"
                at += 1
            else:
                yield f"~{short}"
            at += 1

    def _short(self, line: str) -> str | None:
        text = line[1:]
        if len(text) < _LONG:
            return None
        last, self._last = self._last, text
        head = _shared(last, text)
        most = min(len(last), len(text)) - head
        tail = _shared(last[::-1][:most], text[::-1][:most])
        if head + tail < _SAVED:
            return None
        return f"{head} {tail} {text[head : len(text) - tail]}"


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike, up to a quotation mark if possible.

    A word that stands in quotation marks is then shown whole.
    """
    pairs = enumerate(zip(one, other, strict=False))
    count = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
    return one.rfind('"', 0, count) + 1 or count


class Lengthener:
    """Undo what `Shortener` did."""

    def __init__(self) -> None:
        self._last = ""

    def lengthen(self, lines: Sequence[str]) -> Iterator[str]:
        """Yield the whole lines of one chunk.

        Raises
        ------
        ValueError
            A short line does not say how much it shares with the one before.
        """
        for line in lines:
            if line[0] not in "*~":
                if line[0] == "|" and len(line) > _LONG:
                    self._last = line[1:]
                yield line
                continue
            head, tail, text = line[1:].split(" ", 2)
            last = self._last
            self._last = last[: int(head)] + text + last[len(last) - int(tail) :]
            yield "|" + self._last
            if line[0] == "*":
                yield "|"
