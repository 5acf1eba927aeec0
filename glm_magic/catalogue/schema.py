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

from ..core.price import Price, Tier
from .parameters import ParameterRule

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
    image_urls: bool = True
    """Whether it fetches a picture of which it is sent the address."""
    bare_images: bool = False
    """Whether the content of a picture is sent as base64 alone, without ``data:image/png;``."""
    file_forms: tuple[str, ...] = ()
    """How documents are sent: by address (``url``), with their content (``data``); empty: not."""
    prefix_thinking: str = "unknown"
    """Whether it can be begun inside its reasoning; see `Offer`."""
    thinking_budget: str = "unknown"
    """Whether it takes a limit of the thinking's tokens; see `Offer`."""
    logprobs: str = "unknown"
    """Whether the probabilities of tokens can be had, for any model; see `Offer`."""
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
    images: str = "unknown"
    """Whether it reads pictures (``yes``, ``no``, ``unknown``)."""
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

    Like `context_cache`, a published fact on which almost no request depends; both are here to be
    looked up (``%glm models NAME``), and the tests hold them against the parameters' rules.
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
    prefix_thinking: str = "unknown"
    """Whether it goes on inside a thought that such a message ends in."""
    thinking_budget: str = "unknown"
    """Whether the provider has a parameter for the most tokens of thinking."""
    logprobs: str = "unknown"
    """Whether the probabilities of its tokens can be had, and of how many alternatives is the
    upper limit of the parameter ``top_logprobs``."""
    images: str = "unknown"
    """Whether it reads pictures."""
    max_images: int | None = None
    """The most pictures of one request; ``None``: not known."""
    video: str = "unknown"
    files: str = "unknown"
    """Whether it reads documents such as PDF."""
    price: Price | None = None
    batch_price: Price | None = None
    """What a request costs in one of the provider's batches; ``None``: it has none for it."""
    free_quota: bool = True
    """False: it is not known that the free tokens of its provider are given for it as well."""
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
            return replace(moved, price=None, batch_price=None, **self.plan)
        prices = (self._price_at(base_url, price) for price in (self.price, self.batch_price))
        price, batch_price = prices
        return replace(moved, price=price, batch_price=batch_price)

    def _price_at(self, base_url: str, price: Price | None) -> Price | None:
        if price and any(part in base_url for part in self.provider.unpriced_hosts):
            return None
        host, home = (urlsplit(url).hostname or "" for url in (base_url, self.provider.base_url))
        if price and host != home and not self.provider.has_host(host):
            return replace(price, estimated=True)
        return price

    def variant(self, ending: str) -> Offer:
        """Return the offer by an ending of its name, as a gateway has it; only `FREE` is priced."""
        if not ending:
            return self
        price, checked = None, self.provider.checked
        if ending == FREE and checked is not None:
            price = Price("USD", (Tier(Decimal(0), Decimal(0)),), checked, self.provider.source)
        return replace(self, wire_id=f"{self.wire_id}:{ending}", price=price, batch_price=None)


ABILITIES = tuple(f.name for f in fields(Offer) if f.default == "unknown")
"""The fields of an offer that say whether the model can do something there."""

OF_PROVIDERS = tuple(f.name for f in fields(ProviderInfo) if f.default == "unknown")
"""Those that a provider may state for all of its models."""
