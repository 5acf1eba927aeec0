"""One prompt asked in several ways at the same time: ``think=on,off`` -> lanes -> a comparison.

Each combination of the axes' values makes a lane, with its options and its stream. `Comparison` is
the reply of the chosen lane, and has the replies of all lanes.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import nearest, split_model
from ..core.errors import InvalidValueError, UnknownNameError
from ..core.events import TimedEvent
from ..core.i18n import tr
from ..core.thinking import thinking_of
from ..core.turn import Turn
from .executor import SLICE_S
from .options import Options
from .reply import Reply, turns_to_frame
from .stream import Stream

MAX_LANES = 6
"""More would be too narrow to read, and too many requests at a time."""


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """One way to ask a prompt."""

    label: str
    """What distinguishes it from the other lanes, such as ``think=on``."""
    options: Options


def _thinking(options: Options, word: str) -> Options:
    return replace(options, thinking=thinking_of(word))


def _model(options: Options, word: str) -> Options:
    provider, model = split_model(catalogue(), None, word)
    return replace(options, provider=provider or options.provider, model=model)


def _provider(options: Options, word: str) -> Options:
    return replace(options, provider=word)


def _parameter(name: str) -> Callable[[Options, str], Options]:
    def with_parameter(options: Options, word: str) -> Options:
        try:
            value = json.loads(word)
        except ValueError:
            raise InvalidValueError(
                tr("{name} needs numbers, not {value!r}", name=name, value=word),
                hint=tr("for example --compare {name}=0,1", name=name),
            ) from None
        return replace(options, parameters={**options.parameters, name: value})

    return with_parameter


def _count(name: str) -> Callable[[Options, str], Options]:
    def with_count(options: Options, word: str) -> Options:
        if not (word.isascii() and word.isdecimal() and int(word)):
            raise InvalidValueError(
                tr("{name} needs whole numbers from 1, not {value!r}", name=name, value=word),
                hint=tr("for example --compare {name}=1,2", name=name),
            )
        return replace(options, **{name: int(word)})  # type: ignore[arg-type]

    return with_count


AXES: dict[str, Callable[[Options, str], Options]] = {
    "think": _thinking,
    "model": _model,
    "provider": _provider,
    **{name: _count(name) for name in ("think_tokens", "wait")},
    **{
        name: _parameter(name)
        for name in ("temperature", "top_p", "top_k", "max_tokens", "seed", "thinking_budget")
    },
}
"""What can be compared; thinking effort is ``think=low,high``."""

_SYNONYMS = {"thinking": "think", "effort": "think"}


def is_axis(word: str) -> bool:
    """Whether a word names what can be compared, in any of its spellings."""
    return _axis_name(word) in AXES


def _axis_name(word: str) -> str:
    word = word.strip().replace("-", "_")
    return _SYNONYMS.get(word, word)


def expand_axes(axes: Iterable[str], base: Options) -> list[LaneSpec]:
    """Return a lane for each combination of the values of axes such as ``think=on,off``.

    Without axes there is one lane.

    Parameters
    ----------
    axes : iterable of str
        ``AXIS=a,b``; one text may hold several, separated by spaces.
    base : Options
        The options that all lanes share.

    Raises
    ------
    InvalidValueError
        An axis has fewer than two values, or there are more than `MAX_LANES` lanes.
    UnknownNameError
        There is no such axis.
    """
    parsed = [_axis(text) for axis in axes for text in axis.split()]
    names = [name for name, _ in parsed]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValueError(
                tr("axis {name} is given twice", name=name),
                hint=tr("write its values together: --compare think=on,off"),
            )
    lanes = [_lane(names, values, base) for values in itertools.product(*(v for _, v in parsed))]
    if len(lanes) > MAX_LANES:
        raise InvalidValueError(
            tr(
                "{count} lanes requested; at most {most} are supported",
                count=len(lanes),
                most=MAX_LANES,
            ),
            hint=tr("compare fewer values at a time"),
        )
    return lanes


def _axis(text: str) -> tuple[str, list[str]]:
    word, _, rest = text.partition("=")
    name = _axis_name(word)
    if name not in AXES:
        raise UnknownNameError(
            tr("{name!r} cannot be compared", name=word.strip()),
            hint=tr(
                "{guess}known are {names}: --compare think=on,off",
                guess=nearest(word, AXES),
                names=", ".join(AXES),
            ),
        )
    values = list(dict.fromkeys(value.strip() for value in rest.split(",") if value.strip()))
    if len(values) < 2:
        raise InvalidValueError(
            tr("a comparison of {name} needs at least two values", name=name),
            hint=tr("with commas and without spaces: --compare think=on,off"),
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
        What distinguishes each lane from the others.
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
            left_s = SLICE_S if until is None else max(0.0, until - time.monotonic())
            while not stream.wait(left_s) and until is None:
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
        """Whether every lane has failed, so that there is nothing to compare."""
        return all(stream.error is not None for stream in self.streams)

    def raise_error(self) -> None:
        """Raise what the first lane failed with, where every lane has failed."""
        error = self.streams[0].error
        if self.failed and error is not None:
            raise error

    def close(self) -> None:
        """Stop every lane, and wait until its connection is closed."""
        for stream in self.streams:
            stream.close()


class Comparison(Reply):
    """The replies of all lanes; its other properties are those of the chosen lane's reply.

    Parameters
    ----------
    lanes : Lanes
        The lanes, at their end.
    choose : callable, optional
        Called with the index of a lane when it is chosen; lets a conversation continue from it.
    """

    def __init__(self, lanes: Lanes, choose: Callable[[int], None] = lambda _: None) -> None:
        self.labels = lanes.labels
        self.chosen = 0
        """Index of the chosen lane."""
        self._lanes = tuple(stream.reply for stream in lanes.streams)
        self._choose = choose

    @property
    def turn(self) -> Turn:
        """The chosen lane's turn."""
        return self._lanes[self.chosen].turn

    @property
    def request(self) -> Mapping[str, Any]:
        """The body that the chosen lane sent."""
        return self._lanes[self.chosen].request

    @property
    def events(self) -> list[TimedEvent]:
        """What arrived in the chosen lane, and when."""
        return self._lanes[self.chosen].events

    @property
    def value(self) -> Any:
        """The object in the chosen lane's answer under a schema; ``None`` without one."""
        return self._lanes[self.chosen].value

    @property
    def lanes(self) -> tuple[Reply, ...]:
        """The reply of each lane, in the order of the axes."""
        return self._lanes

    def choose(self, lane: int | str) -> None:
        """Continue from another lane: its number, counted from 1, or its label.

        Raises
        ------
        InvalidValueError
            There is no such lane.
        """
        places = {label: place for place, label in enumerate(self.labels)}
        place = places.get(lane, -1) if isinstance(lane, str) else lane - 1
        if not 0 <= place < len(self._lanes):
            labels = (f"{number}: {label}" for number, label in enumerate(self.labels, 1))
            raise InvalidValueError(
                tr("there is no lane {lane!r}", lane=lane),
                hint=tr("lanes are {labels}", labels=", ".join(labels)),
            )
        self._choose(place)
        self.chosen = place

    def to_frame(self) -> Any:
        """Return the lanes as a pandas DataFrame, one row each, indexed by label.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        frame = turns_to_frame(reply.turn for reply in self._lanes)
        frame.index = list(self.labels)
        frame.index.name = "lane"
        return frame

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.labels)}>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        from ..views.options import ViewOptions
        from ..views.saved.compare_page import compare_bundle

        turns = [reply.turn for reply in self._lanes]
        return compare_bundle(self.labels, turns, ViewOptions())
