"""``think=on,off`` and the like -> the lanes of a comparison: one prompt, asked in several ways.

Several replies to one prompt, arriving at the same time.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.resolve import nearest
from ..core.errors import InvalidValueError, UnknownNameError
from ..core.turn import Turn
from .executor import SLICE_S
from .options import Options
from .reply import Reply, turns_frame
from .stream import Stream

MOST_LANES = 6
"""More would be too narrow to read, and too many requests at a time."""

_THINKING: dict[str, Any] = {"on": True, "off": False}


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """One way to ask."""

    label: str
    """What sets it apart, such as ``think=on``."""
    options: Options


def _thinking(options: Options, word: str) -> Options:
    return replace(options, thinking=_THINKING.get(word, word))


def _model(options: Options, word: str) -> Options:
    head, slash, rest = word.partition("/")
    if slash and rest and head in catalogue().providers:
        return replace(options, provider=head, model=rest)
    return replace(options, model=word)


def _provider(options: Options, word: str) -> Options:
    return replace(options, provider=word)


def _parameter(name: str) -> Callable[[Options, str], Options]:
    def put(options: Options, word: str) -> Options:
        try:
            value = json.loads(word)
        except ValueError:
            raise InvalidValueError(
                f"{name} needs numbers, not {word!r}", hint=f"for example --compare {name}=0,1"
            ) from None
        return replace(options, parameters={**options.parameters, name: value})

    return put


AXES: dict[str, Callable[[Options, str], Options]] = {
    "think": _thinking,
    "model": _model,
    "provider": _provider,
    **{
        name: _parameter(name)
        for name in ("temperature", "top_p", "top_k", "max_tokens", "seed", "thinking_budget")
    },
}
"""What can be compared; thinking effort is ``think=low,high``."""

_OTHERWISE = {"thinking": "think", "effort": "think"}


def expand_axes(axes: Iterable[str], base: Options) -> list[LaneSpec]:
    """Return the lanes that axes such as ``think=on,off`` make, each with each; one without axes.

    Parameters
    ----------
    axes : iterable of str
        ``AXIS=a,b``; a text may hold several, with spaces between them.
    base : Options
        What all lanes share.

    Raises
    ------
    InvalidValueError
        An axis has fewer than two values, or there are more than `MOST_LANES` lanes.
    UnknownNameError
        There is no such axis.
    """
    read = [_axis(text) for axis in axes for text in axis.split()]
    names = [name for name, _ in read]
    if len(set(names)) < len(names):
        raise InvalidValueError(
            "an axis stands twice", hint="write its values together: --compare think=on,off"
        )
    lanes = [_lane(names, values, base) for values in itertools.product(*(v for _, v in read))]
    if len(lanes) > MOST_LANES:
        raise InvalidValueError(
            f"that makes {len(lanes)} lanes, and at most {MOST_LANES} fit side by side",
            hint="compare fewer values at a time",
        )
    return lanes


def _axis(text: str) -> tuple[str, list[str]]:
    word, _, listed = text.partition("=")
    word = word.strip().replace("-", "_")
    name = _OTHERWISE.get(word, word)
    if name not in AXES:
        raise UnknownNameError(
            f"{word!r} cannot be compared",
            hint=f"{nearest(word, AXES)}known are {', '.join(AXES)}: --compare think=on,off",
        )
    values = list(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if len(values) < 2:
        raise InvalidValueError(
            f"a comparison of {name} needs at least two values",
            hint="with commas and without spaces: --compare think=on,off",
        )
    return name, values


def _lane(names: Sequence[str], values: Sequence[str], options: Options) -> LaneSpec:
    for name, value in zip(names, values, strict=True):
        options = AXES[name](options, value)
    label = " ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    return LaneSpec(label, options)


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
    def can_answer_now(self) -> bool:
        """Always False: the thinking of lanes is compared too, and not cut short."""
        return False

    def answer_now(self) -> bool:
        """Do nothing, and return False."""
        return False

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
