"""Every fact of one model: what it takes, can do and costs at each provider, where it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ...catalogue.load import Catalogue
from ...catalogue.schema import ABILITIES, Conflict, ModelInfo, Offer
from ...core.i18n import Text, from_data, joined, plural, tr, translate
from ...core.price import Price, Tier, currency_symbol
from ...engine.token_figures import most_alternatives
from ...views.columns import wrap
from ..display import Displayable, Table

_UNKNOWN = "n/a"
_VALUE_WIDTH = 60
"""Columns of a terminal that a value takes at most."""

_LIMITS = {
    "context": tr("context"),
    "max_input": tr("longest input"),
    "max_reasoning": tr("longest chain of thought"),
    "max_answer": tr("longest answer"),
    "max_output": tr("longest answer and reasoning"),
}

_ABILITIES = {
    "functions": tr("functions"),
    "structured_output": tr("structured output"),
    "tool_stream": tr("streams tool calls"),
    "web_search": tr("web search"),
    "context_cache": tr("cache"),
    "prefix": tr("continues a reply"),
    "prefix_thinking": tr("continues a thought"),
    "thinking_budget": tr("own limit of thinking"),
    "logprobs": tr("probabilities of tokens"),
    "images": tr("pictures"),
    "video": tr("video"),
    "files": tr("files"),
}
"""How an ability is called here; one that is missing is shown by its name in the catalogue."""

_OTHERS = {"thinking": tr("thinking"), "price": tr("price"), "retires": tr("removal")}
"""The facts of conflicts that have another name here."""

_KINDS = {
    "official": tr("official"),
    "recorded": tr("recorded traffic"),
    "community": tr("third-party report"),
    "lead": tr("not confirmed"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the description of an offer."""

    name: Text
    value: Text
    source: str = ""
    """Name of its source in the catalogue."""
    checked: date | None = None

    def cells(self, catalogue: Catalogue) -> tuple[str, ...]:
        """Return the fact as a row of a table."""
        source = catalogue.sources.get(self.source)
        kind = translate(_KINDS[source.kind]) if source else ""
        seen = self.checked or (source.seen if source else None)
        day = seen.isoformat() if seen else ""
        return (translate(self.name), translate(self.value), kind, day, self.source)


@dataclass(frozen=True, slots=True, repr=False)
class Stack(Displayable):
    """Several outputs below each other."""

    parts: Sequence[Displayable]

    def html(self) -> str:
        """Return the parts, one after the other."""
        return "".join(part.html() for part in self.parts)

    def text(self) -> str:
        """Return the parts with a blank line between them."""
        return "\n\n".join(part.text() for part in self.parts)


@dataclass(frozen=True, slots=True, repr=False)
class FactTable(Displayable):
    """Facts under a title; on a terminal long values go on in the next line."""

    title: str
    rows: Sequence[tuple[str, ...]]
    columns: Sequence[str]

    def html(self) -> str:
        """Return a table, whose cells the page wraps."""
        return Table(self.columns, self.rows, title=self.title).html()

    def text(self) -> str:
        """Return aligned columns."""
        lines: list[tuple[str, ...]] = []
        for name, value, *rest in self.rows:
            first, *more = wrap(value, _VALUE_WIDTH)
            lines.append((name, first, *rest))
            lines += [("", line, *("" for _ in rest)) for line in more]
        return Table(self.columns, lines, title=self.title).text()


def describe(catalogue: Catalogue, model: ModelInfo, offers: Sequence[Offer]) -> list[FactTable]:
    """Return tables with all that the catalogue holds about a model at some providers."""
    groups: dict[tuple[Fact, ...], list[str]] = {}
    for offer in offers:
        groups.setdefault(tuple(_facts(offer)), []).append(offer.provider.name)
    columns = [translate(name) for name in (
        tr("fact"), tr("value"), tr("kind of source"), tr("checked"), tr("source"),
    )]  # fmt: skip
    own = [fact.cells(catalogue) for fact in _of_model(model)]
    title = translate(tr("{model}, wherever it is", model=model.id))
    tables = [FactTable(title, own, columns)]
    for facts, names in groups.items():
        title = tr("{model} at {providers}", model=model.id, providers=", ".join(names))
        rows = [fact.cells(catalogue) for fact in facts]
        tables.append(FactTable(translate(title), rows, columns))
    return [*tables, _sources(catalogue, model, offers)]


def in_lines(offers: Iterable[Offer]) -> str:
    """Return limits, abilities and price of a model as text, one line for each provider."""
    return "\n".join(f"{offer.provider.name}: {translate(_in_words(offer))}" for offer in offers)


def _in_words(offer: Offer) -> Text:
    limits = {label: getattr(offer, name) for name, label in _LIMITS.items()}
    parts = [tr("{name} {value}", name=n, value=f"{v:,}") for n, v in limits.items() if v]
    parts += [tr("{name} {value}", name=tr("thinking"), value=_thinking(offer).value)]
    parts += [label for name, label in _ABILITIES.items() if getattr(offer, name) == "yes"]
    if offer.price is not None:
        parts.append(_amounts(offer.price, offer.price.tiers[0]))
    return joined(parts, "; ")


def _sources(catalogue: Catalogue, model: ModelInfo, offers: Iterable[Offer]) -> FactTable:
    named = dict.fromkeys([model.source])
    for offer in offers:
        named |= dict.fromkeys(fact.source for fact in _facts(offer))
    listed = [catalogue.sources[name] for name in named if name in catalogue.sources]
    rows = [
        (source.name, translate(source.title), source.seen.isoformat(), source.url)
        for source in listed
    ]
    names = (tr("source"), tr("title"), tr("read on"), tr("address"))
    return FactTable(translate(tr("Sources")), rows, [translate(name) for name in names])


def _of_model(model: ModelInfo) -> Iterable[Fact]:
    source = (model.source, model.checked)
    yield Fact(tr("title"), from_data(model.title), *source)
    if model.aliases:
        yield Fact(tr("other names"), from_data(", ".join(model.aliases)), *source)
    if model.note:
        yield Fact(tr("note"), from_data(model.note), *source)


def _facts(offer: Offer) -> list[Fact]:
    """Return what is known of a model at a provider; what is not known is named at the end."""
    facts = list(_each(offer))
    unknown = joined([fact.name for fact in facts if fact.value == _UNKNOWN], ", ")
    known = [fact for fact in facts if fact.value != _UNKNOWN]
    return [*known, Fact(tr("not known"), unknown)] if unknown else known


def _each(offer: Offer) -> Iterable[Fact]:
    yield _fact(offer, "wire_id", tr("name in requests"), from_data(offer.wire_id))
    for name, label in _LIMITS.items():
        count = getattr(offer, name)
        text = plural(count, "{count:,} token", "{count:,} tokens") if count else None
        yield _fact(offer, name, label, text)
    yield _thinking(offer)
    defaults = [tr("{name} {value}", name=n, value=_plain(v)) for n, v in offer.defaults.items()]
    yield _fact(offer, "defaults", tr("defaults"), joined(defaults, ", ") if defaults else None)
    for name in ABILITIES:
        word = str(getattr(offer, name))
        label = _ABILITIES.get(name, from_data(name))
        value = None if word == "unknown" else from_data(word)
        most = most_alternatives(offer) if (name, word) == ("logprobs", "yes") else None
        if most is not None:
            value = tr("yes, with up to {most} alternatives of each", most=most)
        yield _fact(offer, name, label, value)
    if offer.max_images:
        limit = from_data(f"{offer.max_images:,}")
        yield _fact(offer, "max_images", tr("most pictures of a request"), limit)
    yield from _prices(offer)
    yield from _ends(offer)
    for note in offer.notes:
        yield Fact(tr("note"), from_data(note.text), note.source, note.checked)
    for conflict in offer.conflicts:
        yield from _conflict(conflict)


def _fact(offer: Offer, name: str, label: Text, value: Text | None) -> Fact:
    if value is None:
        return Fact(label, from_data(_UNKNOWN))
    own = name in offer.sources
    source = offer.sources[name] if own else offer.model.source
    return Fact(label, value, source, offer.checked.get(name) if own else offer.model.checked)


def _thinking(offer: Offer) -> Fact:
    switch = tr("on, off") if offer.thinking_off else tr("always on")
    levels = offer.effort or offer.provider.effort
    named = "effort" if offer.effort and "effort" in offer.sources else "thinking_off"
    return _fact(offer, named, tr("thinking"), joined((switch, *map(from_data, levels)), ", "))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _prices(offer: Offer) -> Iterable[Fact]:
    price = offer.price
    if price is None:
        yield Fact(tr("price"), from_data(_UNKNOWN))
    else:
        for at, tier in enumerate(price.tiers):
            label = (
                tr("price, input {span}", span=price.span(at))
                if len(price.tiers) > 1 or tier.input_end or tier.above
                else tr("price")
            )
            yield Fact(label, _amounts(price, tier), price.source, price.checked)
    batch = offer.batch_price
    if batch is not None:
        text = _amounts(batch, batch.tiers[0])
        yield Fact(tr("price in a batch"), text, batch.source, batch.checked)
    days, tokens = offer.provider.free_quota_days, offer.provider.free_quota_tokens
    if days and tokens and offer.free_quota:
        text = tr("{tokens:,} tokens, for {days} days", tokens=tokens, days=days)
        yield Fact(tr("free at first"), text, offer.provider.source, offer.provider.checked)


def _amounts(price: Price, tier: Tier) -> Text:
    def money(amount: Any) -> str:
        return f"{currency_symbol(price.currency)}{amount.normalize():f}"

    if not (tier.input or tier.output):
        return tr("free of charge")
    values = {"read": money(tier.input), "written": money(tier.output)}
    if tier.cached is None:
        return tr("{read} in, {written} out, cached n/a", **values)
    return tr("{read} in, {written} out, {cached} cached", cached=money(tier.cached), **values)


def _ends(offer: Offer) -> Iterable[Fact]:
    if offer.retires:
        text = tr("on {day}", day=offer.retires)
        label = tr("was removed") if offer.is_retired else tr("will be removed")
        yield _fact(offer, "retires", label, text)
    if offer.plan_only:
        yield _fact(offer, "plan_only", tr("served"), tr("at the subscription's address alone"))
    if offer.plan:
        moved = offer.plan
        parts: list[str] = []
        if "thinking_off" in moved:
            parts.append(tr("on, off") if moved["thinking_off"] else tr("always on"))
        parts += map(from_data, moved.get("effort", ()))
        label = tr("thinking, at the subscription's address")
        yield _fact(offer, "plan", label, joined(parts, ", "))


def _conflict(conflict: Conflict) -> Iterable[Fact]:
    """Yield what each source says, and what is taken."""
    for source, value in conflict.says.items():
        named = {**_LIMITS, **_ABILITIES, **_OTHERS}.get(conflict.fact)
        label = tr("sources disagree: {fact}", fact=named or from_data(conflict.fact))
        yield Fact(label, from_data(value), source)
    taken = tr("{taken}. {why}", taken=from_data(conflict.taken), why=from_data(conflict.why))
    yield Fact(tr("taken"), taken)
