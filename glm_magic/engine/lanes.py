"""Several replies to one prompt, arriving at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ..core.errors import InvalidValueError
from ..core.turn import Turn
from .frame import turns_frame
from .reply import Reply
from .stream import SLICE_S, Stream


class Lanes:
    """The streams of a comparison, started and stopped together.

    Parameters
    ----------
    labels : sequence of str
        What sets each lane apart.
    streams : sequence of Stream
        One for each label.
    """

    def __init__(self, labels: Sequence[str], streams: Sequence[Stream]) -> None:
        self.labels = tuple(labels)
        self.streams = tuple(streams)

    @property
    def turns(self) -> list[Turn]:
        """The turn of each lane, as it stands now."""
        return [stream.turn for stream in self.streams]

    @property
    def turn(self) -> Turn:
        """The first lane's turn."""
        return self.streams[0].turn

    @property
    def done(self) -> bool:
        """Whether nothing more will arrive in any lane."""
        return all(stream.done for stream in self.streams)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of every lane, starting them if need be; True when it has come."""
        for stream in self.streams:
            stream.start()
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for stream in self.streams:
            left = SLICE_S if until is None else max(0.0, until - time.monotonic())
            while not stream.wait(left) and until is None:
                pass
        return self.done

    def cancel(self) -> None:
        """Stop every lane; what has arrived stays."""
        for stream in self.streams:
            stream.cancel()

    @property
    def failed(self) -> bool:
        """Whether no lane gave anything to compare."""
        return all(stream.error is not None for stream in self.streams)

    def raise_error(self) -> None:
        """Raise what the first lane failed with, where every lane has failed."""
        first = self.streams[0].error
        if self.failed and first is not None:
            raise first

    def close(self) -> None:
        """Stop every lane, and wait until its connection is closed."""
        for stream in self.streams:
            stream.close()


class Comparison(Reply):
    """What a comparison gave: the chosen lane's reply, and all of them in `lanes`.

    Parameters
    ----------
    lanes : Lanes
        The lanes, at their end.
    choose : callable, optional
        Lets a conversation go on from the lane of that place.
    """

    def __init__(self, lanes: Lanes, choose: Callable[[int], None] = lambda _: None) -> None:
        self.labels = lanes.labels
        self._replies = tuple(stream.reply for stream in lanes.streams)
        self._choose = choose
        self._take(0)

    def _take(self, place: int) -> None:
        reply = self._replies[place]
        self.chosen = place
        super().__init__(reply.turn, reply.request, reply.events, reply.value)

    @property
    def lanes(self) -> tuple[Reply, ...]:
        """The reply of each lane, in the order of the axes."""
        return self._replies

    def choose(self, lane: int | str) -> None:
        """Go on from another lane: its number, counted from 1, or its label.

        Raises
        ------
        InvalidValueError
            There is no such lane.
        """
        names = dict(zip(self.labels, range(len(self.labels)), strict=True))
        place = names.get(lane, -1) if isinstance(lane, str) else lane - 1
        if not 0 <= place < len(self._replies):
            raise InvalidValueError(
                f"there is no lane {lane!r}",
                hint=f"lanes are {', '.join(f'{n + 1}: {name}' for name, n in names.items())}",
            )
        self._choose(place)
        self._take(place)

    def to_frame(self) -> Any:
        """Return the lanes as a pandas DataFrame, one row each, indexed by label.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        frame = turns_frame(reply.turn for reply in self._replies)
        frame.index = list(self.labels)
        frame.index.name = "lane"
        return frame

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.labels)}>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        from ..views.options import ViewOptions
        from ..views.saved.compare_page import compare_bundle

        turns = [reply.turn for reply in self._replies]
        return compare_bundle(self.labels, turns, ViewOptions())
