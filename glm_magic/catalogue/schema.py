"""The facts of the catalogue, as types.

A *model* is what was trained, a *provider* is where it is served and with which key, and an *offer*
is one model at one provider. Limits, prices and abilities belong to the offer, because they differ
between providers. Sources that disagree are recorded as a `Conflict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from ..core.i18n import from_data, tr
from ..core.price import Price, Tier

FREE = "free"
"""The variant of a model that costs nothing (openrouter-docs, seen 2026-11)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read."""

    name: str
    title: str
    kind: str
    """``official`` page, ``recorded`` traffic, ``community`` report, or ``lead``: not confirmed."""
    seen: date
    url: str = ""


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """The values that a provider accepts for one parameter of the request body."""

    name: str
    type: str = "any"
    """``number``, ``integer``, ``boolean``, ``string``, ``array``, ``object`` or ``any``."""
    min: float | None = None
    max: float | None = None
    min_exclusive: bool = False
    max_exclusive: bool = False
    values: tuple[str, ...] = ()
    """The words accepted; empty: any. An object is accepted as well, where `type` allows one."""
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    default: Any = None
    """What the provider assumes where it is not sent; ``None``: not documented."""
    requires: str = ""
    """Another parameter that must be true as well."""
    not_with: str = ""
    """Another parameter that the provider advises not to set as well."""
    word: str = ""
    """A word that some message must hold for it to work, such as JSON for ``json_object``."""
    refused: str = ""
    """Why the provider refuses it; empty: it does not."""
    source: str = ""

    def problem(self, value: Any) -> str | None:
        """Return what is wrong with a value, as a message about `name`, or ``None``."""
        if self.refused:
            return from_data(self.refused)
        if not _has_type(value, self.type):
            kind = _KINDS[self.type]
            return tr(
                "{name} must be {kind}, not {value!r}", name=self.name, kind=kind, value=value
            )
        if self.values and not isinstance(value, Mapping) and value not in self.values:
            names = ", ".join(self.values)
            return tr(
                "{name} must be one of {names}, not {value!r}",
                name=self.name,
                names=names,
                value=value,
            )
        if self.max_items is not None and _is_list(value) and len(value) > self.max_items:
            return tr(
                "{name} takes at most {most} items, not {count}",
                name=self.name,
                most=self.max_items,
                count=len(value),
            )
        least, most = self.min_chars or 0, self.max_chars
        if isinstance(value, str) and (len(value) < least or (most and len(value) > most)):
            return tr(
                "{name} takes {least} to {most} characters, not {count}",
                name=self.name,
                least=least,
                most=most,
                count=len(value),
            )
        if self.type in ("number", "integer") and not self._in_range(value):
            allowed = self.range_text
            return tr(
                "{name} must be {range}, not {value}", name=self.name, range=allowed, value=value
            )
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
        if least and most:
            match self.min_exclusive, self.max_exclusive:
                case False, False:
                    return tr("from {least} to {most}", least=least, most=most)
                case False, True:
                    return tr("from {least} to below {most}", least=least, most=most)
                case True, False:
                    return tr("above {least} to {most}", least=least, most=most)
                case _:
                    return tr("above {least} to below {most}", least=least, most=most)
        if least and self.min_exclusive:
            return tr("above {least}", least=least)
        if least:
            return tr("at least {least}", least=least)
        if most and self.max_exclusive:
            return tr("below {most}", most=most)
        return tr("at most {most}", most=most) if most else tr("a number")


_KINDS = {
    "number": tr("a number"),
    "integer": tr("a whole number"),
    "boolean": tr("true or false"),
    "string": tr("a string"),
    "array": tr("a list"),
    "object": tr("an object"),
}


def _exact(bound: float | None) -> str:
    """Return a bound with all of its digits, without a needless ``.0``."""
    return "" if bound is None else str(bound).removesuffix(".0")


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _has_type(value: Any, type_name: str) -> bool:
    if type_name in ("number", "integer"):
        kinds = (int,) if type_name == "integer" else (int, float)
        # NaN, the only number that differs from itself, is in no range
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
    query: str = ""
    """Query of every request's address, as in ``?api-version=…``; secret values are hidden."""
    key_env: tuple[str, ...] = ()
    """Environment variables that hold the key, first one first."""
    key_url: str = ""
    """Page where a key is made."""
    self_hosted: bool = False
    """Run by the user: it needs no key, costs nothing, and its operator names the models."""
    hosts: tuple[str, ...] = ()
    """Host names by which a base URL is recognised; a leading dot means any subdomain."""
    host_path: str = ""
    """Start of the path, where another provider has the same hosts; inherited only with `hosts`."""
    is_fallback: bool = False
    """Whether a base URL that belongs to no provider is treated as this one's. Not inherited."""
    unpriced_hosts: tuple[str, ...] = ()
    """Parts of host names of other regions, whose prices the catalogue does not have."""
    model_prefix: str = ""
    """Vendor prefix of the wire ids, such as ``z-ai/``."""
    variants: tuple[str, ...] = ()
    """Endings that a wire id may have after a colon, such as ``free``; the model stays the same."""
    unnamed_model: str = ""
    """Sent as the model where none was named and none is listed; empty: one must be named."""
    effort: tuple[str, ...] = ()
    """Effort levels that the provider itself takes, for any model."""
    web_search: str = ""
    """Engine of the provider's web search; empty: the one that its dialect names, if any."""
    free_quota_days: int = 0
    """Days for which the free tokens of a model last; 0: it gives none. Not inherited."""
    free_quota_tokens: int = 0
    """Tokens of each model that are free; 0: none, or not known. Not inherited."""
    plan_addresses: tuple[str, ...] = ()
    """Parts of addresses that are paid by subscription, where no price for a token holds."""
    plan_note: str = ""
    """The terms of the subscription, as they are shown beside such an address."""
    plan_source: str = ""
    think_open: bool = False
    """True: replies begin inside the reasoning, because the prompt ends with the opening tag."""
    tool_parser: str = ""
    """Flags by which the server reads GLM's calls itself; empty: not known, or not the user's."""
    prefix: str = "unknown"
    """Whether a reply can be begun for the model, where the operator chooses it; see `Offer`."""
    parameters: Mapping[str, ParameterRule] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    checked: date | None = None
    order: int = 1000
    """Position among the providers: keys are looked for in this order, a user's providers last."""

    @property
    def endpoint(self) -> str:
        """Address of a request, as it may be shown."""
        return f"{self.base_url}{self.path}{'?' if self.query else ''}{self.query}"

    @property
    def is_plan(self) -> bool:
        """Whether the base URL is paid by subscription rather than by the token."""
        return any(part in self.base_url for part in self.plan_addresses)

    def has_host(self, host: str) -> bool:
        """Whether a host name is one of the provider's own."""
        return any(host == name or (name[0] == "." and host.endswith(name)) for name in self.hosts)


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
    """Sources that disagree, and what is assumed."""

    fact: str
    says: Mapping[str, str]
    """What each source says, by source name."""
    taken: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A remark about a model at a provider, and where it was read."""

    text: str
    source: str = ""
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a provider: everything that a request, its price and its limits depend on."""

    provider: ProviderInfo
    model: ModelInfo
    wire_id: str
    """The provider's name of the model."""
    is_listed: bool = True
    """False where the catalogue lists no such model here; its name is sent as it was given."""
    context: int | None = None
    """Context window, tokens."""
    max_input: int | None = None
    max_reasoning: int | None = None
    """Longest chain of thought, tokens."""
    max_answer: int | None = None
    """Longest answer without the reasoning, tokens."""
    max_output: int | None = None
    """Longest answer and reasoning together, tokens."""
    thinking_off: bool = True
    effort: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values that the provider assumes for parameters that are not sent.

    Like `context_cache`, a published fact that no request depends on; both are here to be looked
    up (``%glm models NAME``), and the tests hold them against the parameters' rules.
    """
    functions: str = "unknown"
    """``yes``, ``no``, ``unknown``; in `structured_output` also ``non-thinking``."""
    structured_output: str = "unknown"
    tool_stream: str = "unknown"
    web_search: str = "unknown"
    context_cache: str = "unknown"
    prefix: str = "unknown"
    """Whether the model goes on with an assistant's message that stands last (``yes``, ``no``,
    ``unknown``)."""
    images: str = "unknown"
    """Whether it reads pictures."""
    video: str = "unknown"
    files: str = "unknown"
    """Whether it reads documents such as PDF."""
    price: Price | None = None
    retires: date | None = None
    """The day of its removal, where the provider announced one."""
    plan_only: bool = False
    """True: served at the provider's subscription addresses alone."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """Facts that are others at a subscription address: `thinking_off`, `effort`."""
    notes: tuple[Note, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    """The source of each fact above, by name."""
    checked: Mapping[str, date] = field(default_factory=dict)
    """When each fact was last compared with its source."""
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_coding_plan(self) -> bool:
        """Whether the base URL is a GLM Coding Plan, which is paid by the month.

        There preserved thinking is on by default, so reasoning goes back with every turn.
        """
        return "/api/coding/" in self.provider.base_url

    @property
    def is_retired(self) -> bool:
        """Whether the day of its removal has come, by this computer's date."""
        return self.retires is not None and datetime.now().astimezone().date() >= self.retires

    @property
    def is_served(self) -> bool:
        """Whether the provider serves it today at its address, as far as is known."""
        return not self.is_retired and (self.provider.is_plan or not self.plan_only)

    def at(self, base_url: str) -> Offer:
        """Return the same offer at another address: without a price where prices differ.

        At an address that is not the provider's, such as a proxy, its price is an estimate.
        """
        if base_url == self.provider.base_url:
            return self
        moved = replace(self, provider=replace(self.provider, base_url=base_url))
        if moved.provider.is_plan:
            return replace(moved, price=None, **self.plan)
        price = self.price
        if price and any(part in base_url for part in self.provider.unpriced_hosts):
            price = None
        if price and not self.provider.has_host(urlsplit(base_url).hostname or ""):
            price = replace(price, estimated=True)
        return replace(moved, price=price)

    def variant(self, ending: str) -> Offer:
        """Return the offer by an ending of its name, as a gateway has it; only `FREE` is priced."""
        if not ending:
            return self
        price, checked = None, self.provider.checked
        if ending == FREE and checked is not None:
            price = Price("USD", (Tier(Decimal(0), Decimal(0)),), checked, self.provider.source)
        return replace(self, wire_id=f"{self.wire_id}:{ending}", price=price)


ABILITIES = tuple(f.name for f in fields(Offer) if f.default == "unknown")
"""The fields of an offer that say whether the model can do something there."""
