"""``think=on,off`` and the like -> the lanes of a comparison: one prompt, asked in several ways."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...catalogue.choose import nearest
from ...catalogue.load import catalogue
from ...core.errors import InvalidValueError, UnknownNameError
from .options import Options

MOST_LANES = 6
"""More would be too narrow to read, and too many requests at a time."""
_THINKING: dict[str, Any] = {"on": True, "off": False}


@dataclass(frozen=True, slots=True)
class Lane:
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


def lanes_of(axes: Iterable[str], base: Options) -> list[Lane]:
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


def _lane(names: Sequence[str], values: Sequence[str], options: Options) -> Lane:
    for name, value in zip(names, values, strict=True):
        options = AXES[name](options, value)
    label = " ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
    return Lane(label, options)
