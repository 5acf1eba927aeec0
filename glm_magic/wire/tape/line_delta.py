"""Lines that are written by what is new in them, and restored within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

LONG = 60
"""Characters from which on a line is worth shortening."""

_MIN_SAVED = 40

MOST_DIGITS = 9
"""Digits of a count on a tape."""


class LineDeltaEncoder:
    """Write the marked lines of one reply's chunks, in order, by what is new in them."""

    def __init__(self) -> None:
        self._last = ""

    def encode(self, lines: Sequence[str]) -> Iterator[str]:
        """Yield the lines of one chunk, shortened where they resemble the last long one."""
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
        if len(text) < LONG:
            return None
        last, self._last = self._last, text
        head = _shared(last, text)
        most = min(len(last), len(text)) - head
        tail = _shared(last[::-1][:most], text[::-1][:most])
        if head + tail < _MIN_SAVED:
            return None
        return f"{head} {tail} {text[head : len(text) - tail]}"


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike, up to a quotation mark if possible.

    A word that stands in quotation marks is then shown whole.
    """
    pairs = enumerate(zip(one, other, strict=False))
    count = next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
    return one.rfind('"', 0, count) + 1 or count


MOST_OUTPUT = 64 * 1024 * 1024
"""Bytes of all replies of a tape together: a line of it may stand for much more than it says."""


class TooLargeError(Exception):
    """The replies of a tape are more than `MOST_OUTPUT` bytes."""


class OutputMeter:
    """Counts what is restored of a tape, before it takes memory."""

    def __init__(self) -> None:
        self._size = 0

    def add(self, size: int) -> None:
        """Count bytes.

        Raises
        ------
        TooLargeError
            There are too many.
        """
        self._size += size
        if self._size > MOST_OUTPUT:
            raise TooLargeError


class LineDeltaDecoder:
    """Restore the lines that `LineDeltaEncoder` shortened.

    Parameters
    ----------
    meter : OutputMeter, optional
        Counts the characters of each restored line before it is made.
    """

    def __init__(self, meter: OutputMeter | None = None) -> None:
        self._last = ""
        self._meter = meter or OutputMeter()

    def decode(self, lines: Sequence[str]) -> Iterator[str]:
        """Yield the whole lines of one chunk.

        Raises
        ------
        ValueError
            A short line does not say how much it shares with the line before, or says more than
            there is.
        TooLargeError
            The lines are more than a tape may hold.
        """
        for line in lines:
            if line[0] not in "*~":
                if line[0] == "|" and len(line) > LONG:
                    self._last = line[1:]
                self._meter.add(len(line))
                yield line
                continue
            first, second, text = line[1:].split(" ", 2)
            head, tail, last = count_of(first), count_of(second), self._last
            if head + tail > len(last):
                raise ValueError(line[:LONG])
            self._meter.add(head + len(text) + tail)
            self._last = last[:head] + text + last[len(last) - tail :]
            yield "|" + self._last
            if line[0] == "*":
                yield "|"


def count_of(text: str) -> int:
    """Return a count as it is written on a tape."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ValueError(text[:MOST_DIGITS])
    return int(text)
