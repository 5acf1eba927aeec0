"""The runs that this kernel asked: the newest with their streams, the older ones as what they took.

A stream has its events, up to a megabyte of the raw reply, and a request that repeats the turns
before it; a session of a thousand turns has no room for a thousand of these. A run that has ended a
while ago therefore stays as its turn, in its slot, and as its calls, here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..engine.stream import Stream
from .ledger import Entry, entries_of
from .slots import Variant

KEPT_STREAMS = 8
"""Runs that keep their stream after they have ended: every lane of a comparison, and the turns
around it, whose requests ``%glm wire`` shows."""


class AskedRuns:
    """The runs of one conversation in the order in which they were asked.

    Those that were replaced or undone are among them: they have to be paid for, too.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Variant | Sequence[Entry]] = {}
        """By id; the calls of one whose stream was let go of."""
        self._streams: list[Variant] = []
        """Those that have their stream."""

    def __contains__(self, run: str) -> bool:
        return run in self._runs

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def streams(self) -> list[Stream]:
        """The streams that run, and the newest that have ended."""
        return [variant.stream for variant in self._streams if variant.stream is not None]

    def add(self, variants: Sequence[Variant], session: str) -> None:
        """Take in runs that are about to begin, and let go of streams that ended long ago.

        Parameters
        ----------
        variants : sequence of Variant
            The runs.
        session : str
            The session's name, which the calls of older runs are listed under.
        """
        self._runs.update((variant.id, variant) for variant in variants)
        self._streams += variants
        ended = [variant for variant in self._streams if variant.stream and variant.stream.done]
        for variant in ended[:-KEPT_STREAMS]:
            self._runs[variant.id] = tuple(_calls_of(variant, session))
            variant.let_go()
        self._streams = [variant for variant in self._streams if variant.stream is not None]

    def entries(self, session: str) -> Iterator[Entry]:
        """Yield every call so far, under the session's name."""
        for run in list(self._runs.values()):
            yield from _calls_of(run, session) if isinstance(run, Variant) else run

    def rename(self, session: str) -> None:
        """List the calls of older runs under another name."""
        for run, calls in list(self._runs.items()):
            if not isinstance(calls, Variant):
                self._runs[run] = tuple(replace(entry, session=session) for entry in calls)

    def clear(self) -> None:
        """Forget all of them."""
        self._runs.clear()
        self._streams.clear()


def _calls_of(variant: Variant, session: str) -> Iterator[Entry]:
    call = variant.stream.call if variant.stream is not None else None
    size, price = (call.size, call.offer.price) if call is not None else (None, None)
    return entries_of(variant.id, session, variant.turn, size, price)
