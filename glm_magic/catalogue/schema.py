"""The shape of the catalogue's facts.

A *model* is what was trained, a *provider* is where it is served and with which key, and an *offer*
is one of the other: limits, prices and abilities belong to the offer, because the same model has
different ones at different providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ..core.price import Price


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read."""

    name: str
    title: str
    kind: str
    """``official`` page, ``recorded`` traffic, or ``community`` report."""
    seen: date
    url: str = ""


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """What a provider accepts for one parameter of the request body."""

    name: str
    type: str = "any"
    """``number``, ``integer``, ``boolean``, ``string``, ``array``, ``object`` or ``any``."""
    min: float | None = None
    max: float | None = None
    min_exclusive: bool = False
    max_exclusive: bool = False
    values: tuple[str, ...] = ()
    """The words accepted; empty: any. Beside them an object is taken, where `type` allows one."""
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    default: Any = None
    """What the provider assumes when it is not sent; ``None``: not stated."""
    requires: str = ""
    """Another parameter that has to be true as well."""
    refused: str = ""
    """Why the provider refuses it; empty: it does not."""
    source: str = ""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, in words, or ``None``."""
        if self.refused:
            return self.refused
        if not _has_type(value, self.type):
            return f"must be {_ARTICLES[self.type]}, not {value!r}"
        if self.values and not isinstance(value, Mapping) and value not in self.values:
            return f"must be one of {', '.join(self.values)}, not {value!r}"
        if self.max_items is not None and len(value) > self.max_items:
            return f"takes at most {self.max_items} items, not {len(value)}"
        least, most = self.min_chars or 0, self.max_chars
        if isinstance(value, str) and (len(value) < least or (most and len(value) > most)):
            return f"takes {least} to {most} characters, not {len(value)}"
        if self.type in ("number", "integer") and not self._in_range(value):
            return f"must be {self.range_text}, not {value}"
        return None

    def _in_range(self, value: float) -> bool:
        if self.min is not None and (
            value < self.min or (self.min_exclusive and value == self.min)
        ):
            return False
        return self.max is None or not (
            value > self.max or (self.max_exclusive and value == self.max)
        )

    @property
    def range_text(self) -> str:
        """The range in words, such as ``from 0 to below 2``."""
        least, most = _exact(self.min), _exact(self.max)
        below = f"below {most}" if self.max_exclusive else most
        if least and most:
            return f"{'above' if self.min_exclusive else 'from'} {least} to {below}"
        if least:
            return f"above {least}" if self.min_exclusive else f"at least {least}"
        if most:
            return below if self.max_exclusive else f"at most {most}"
        return "a number"


_ARTICLES = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}


def _exact(bound: float | None) -> str:
    """Return a bound with all of its digits, without a needless ``.0``."""
    return "" if bound is None else str(bound).removesuffix(".0")


def _has_type(value: Any, type_name: str) -> bool:
    if type_name in ("number", "integer"):
        kinds = (int,) if type_name == "integer" else (int, float)
        # NaN is the only number that is not equal to itself; no range can hold it
        return isinstance(value, kinds) and not isinstance(value, bool) and value == value  # noqa: PLR0124
    python = {"boolean": bool, "string": str, "array": (list, tuple), "object": Mapping}
    return type_name not in python or isinstance(value, python[type_name])  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """Where models are served, and with which key."""

    name: str
    title: str
    dialect: str
    """Name of the grammar in `glm_magic.dialects`."""
    base_url: str
    path: str = "/chat/completions"
    key_env: tuple[str, ...] = ()
    """Environment variables that hold the key, first one first."""
    key_url: str = ""
    """Page where a key is made."""
    self_hosted: bool = False
    """True: no key is needed, and model names are whatever the operator chose."""
    hosts: tuple[str, ...] = ()
    """Host names by which a base URL is recognised; a leading dot means any subdomain."""
    unpriced_hosts: tuple[str, ...] = ()
    """Parts of host names of other regions, whose prices are not known."""
    model_prefix: str = ""
    """Vendor prefix of the wire ids, such as ``z-ai/``."""
    effort: tuple[str, ...] = ()
    """Effort levels that the provider itself takes, for any model."""
    think_tags: bool = False
    """True: a reply may hold its reasoning in the text, closed by a lone ``</think>``."""
    think_open: bool = False
    """True: a reply begins inside its reasoning, because the prompt ended with the opening tag."""
    parameters: Mapping[str, ParameterRule] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    checked: date | None = None
    order: int = 1000
    """Place among the providers; keys are looked for in this order, in a user's own ones last."""

    @property
    def sells(self) -> bool:
        """Whether this is a service with accounts and keys."""
        return not self.self_hosted


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is, wherever it runs."""

    id: str
    title: str
    rank: float = 0.0
    """Generation; the newest model has the highest."""
    general: bool = False
    """True for a generation's main model, which may be a provider's default."""
    thinking_off: bool = True
    """Whether thinking can be switched off."""
    effort: tuple[str, ...] = ()
    """Effort levels that the model knows."""
    aliases: tuple[str, ...] = ()
    note: str = ""
    source: str = ""
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources that disagree, and what is assumed."""

    fact: str
    says: Mapping[str, str]
    """What each source says, by source name."""
    taken: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a provider."""

    provider: ProviderInfo
    model: ModelInfo
    wire_id: str
    """The provider's name of the model."""
    known: bool = True
    """False when the catalogue has no entry and the name is sent as it was given."""
    context: int | None = None
    """Context window, tokens."""
    max_input: int | None = None
    max_reasoning: int | None = None
    """Longest chain of thought, tokens."""
    max_answer: int | None = None
    """Longest answer without its reasoning, tokens."""
    max_output: int | None = None
    """Longest answer and reasoning together, tokens."""
    thinking_off: bool = True
    effort: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the provider assumes for parameters that are not sent."""
    functions: str = "unknown"
    """``yes``, ``no``, ``unknown``; in `structured_output` also ``non-thinking``."""
    structured_output: str = "unknown"
    tool_stream: str = "unknown"
    web_search: str = "unknown"
    context_cache: str = "unknown"
    price: Price | None = None
    retires: date | None = None
    """Announced last day."""
    note: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name of the source of each fact above."""
    checked: Mapping[str, date] = field(default_factory=dict)
    """When each fact was last compared with its source."""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_coding_plan(self) -> bool:
        """Whether the base URL is a GLM Coding Plan, which is paid by the month.

        There preserved thinking is on by default, so reasoning goes back with every turn.
        """
        return "/api/coding/" in self.provider.base_url

    def at(self, base_url: str) -> Offer:
        """Return the same offer at another address; where other prices hold, it has none."""
        if base_url == self.provider.base_url:
            return self
        moved = replace(self, provider=replace(self.provider, base_url=base_url))
        foreign = any(mark in base_url for mark in self.provider.unpriced_hosts)
        return replace(moved, price=None) if foreign or moved.is_coding_plan else moved
