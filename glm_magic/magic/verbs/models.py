"""The catalogue as a table, and whether the keys are there.

The verbs about names of models: alias, dealias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ...catalogue.load import Catalogue
from ...catalogue.resolve import LOCAL, find_model, nearest
from ...catalogue.schema import Offer, ProviderInfo
from ...core.errors import GlmError, InvalidValueError, UnknownNameError
from ...core.i18n import translate
from ...core.price import SYMBOLS, Price
from ...credentials import find_key
from ...engine.options import Options
from ...engine.prepare import resolve_offer
from .. import aliases
from ..display import Displayable, Paragraph, Table, count_turns
from ..workspace import Workspace
from .arguments import matching, offers_matching
from .registry import verb, verbs


def catalogue_table(known: Catalogue, word: str) -> Displayable:
    """Return the catalogue, or the part that a provider's name or a part of a model's picks."""
    keys = {info.name: key_state(info) for info in known.providers.values()}
    rows = [_offer_row(offer, keys[offer.provider.name]) for offer in offers_matching(known, word)]
    free = [n for n, info in known.providers.items() if info.self_hosted and n != LOCAL]
    columns = ("model", "provider", "context", "longest reply", "price in", "price out",
               "thinking", "tools", "key")  # fmt: skip
    note = "Prices are for a million tokens; n/a: not known. "
    return Table(columns, rows, note=f"{note}Any model name goes to {', '.join(free)}.")


def _offer_row(offer: Offer, key: str) -> tuple[Any, ...]:
    return (
        offer.model.id,
        offer.provider.name,
        offer.context,
        offer.max_output or offer.max_answer,
        _price(offer.price, "input"),
        _price(offer.price, "output"),
        ("on, off" if offer.thinking_off else "always on")
        + "".join(f", {e}" for e in offer.effort),
        None if offer.functions == "unknown" else offer.functions,
        key,
    )


def _price(price: Price | None, side: str) -> str | None:
    """Return a price with its currency; the range where it depends on the length."""
    if price is None:
        return None
    amounts: list[Decimal] = sorted({getattr(tier, side) for tier in price.tiers})
    ends = amounts if len(amounts) < 2 else (amounts[0], amounts[-1])
    symbol = SYMBOLS.get(price.currency, f"{price.currency} ")
    return symbol + "–".join(f"{amount.normalize():f}" for amount in ends)


def key_state(provider: ProviderInfo) -> str:
    """Return where a provider's key was found, or which variable is missing; never the key."""
    try:
        key = find_key(provider)
    except GlmError as error:
        return translate(error.message)
    if key is not None:
        return f"found in {key.source}"
    if provider.self_hosted:
        return "not needed"
    return f"missing: {provider.key_env[0]}" if provider.key_env else "missing"


_OPENINGS = (
    " a an and are can could do does for give how i if in is it let list make name no of on or off"
    " please show tell that the then think this to what when where which who why will with write"
    " you "
)
"""Words that prompts begin with."""


NEW_ALIAS = matching(r"[\w.-]+", lambda workspace, _: workspace.aliases)


@verb(
    "alias",
    "give a model, or a model at a provider, a name; without one, list them",
    "",
    "NAME [MODEL]",
    NAME=NEW_ALIAS,
)
def alias(desk: Workspace, words: Sequence[str]) -> Displayable:
    """List the names, show one, or give a model a name."""
    if len(words) == 2:
        return _give(desk, *words)
    known = desk.aliases
    if words and words[0] not in known:
        raise UnknownNameError(
            f"there is no alias {words[0]!r}", hint=f"%glm alias {words[0]} MODEL makes it one"
        )
    rows = [(name, known[name]) for name in (words or known)]
    return Table(("alias", "model"), rows, note="" if rows else "%glm alias NAME MODEL makes one.")


def _give(desk: Workspace, name: str, model: str) -> Displayable:
    model = desk.aliases.get(model, model)
    if f" {name.lower()} " in _OPENINGS or name in verbs():
        raise InvalidValueError(
            f"{name!r} would be read as a model wherever a line begins with it",
            hint="choose a name that begins no sentence, such as fast or mine",
        )
    if find_model(desk.catalogue, name) or name in desk.catalogue.providers:
        raise InvalidValueError(
            f"{name!r} is a model or provider already", hint="choose another name"
        )
    if not desk.is_model(model):
        raise UnknownNameError(
            f"there is no model {model!r}",
            hint="%glm models lists them; one of another name goes as provider/model",
        )
    aliases.put(name, model)
    return Paragraph(f"{name} now means {model}: %%glm {name}, %glm use {name}.")


@verb("dealias", "take such a name away", "ALIAS")
def dealias(_: Workspace, words: Sequence[str]) -> Displayable:
    """Take a name away."""
    aliases.put(words[0], None)
    return Paragraph(f"{words[0]} means nothing any more.")


@verb("models", "models with limits, price, abilities, and whether a key is there", "[FILTER]")
def models(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Show the catalogue."""
    return catalogue_table(desk.catalogue, words[0] if words else "")


@verb("use", "choose model, provider or session from here on", "MODEL|PROVIDER|SESSION")
def use(desk: Workspace, words: Sequence[str]) -> Displayable:
    """Choose a model, a provider or a session from here on."""
    name = desk.aliases.get(words[0], words[0])
    if desk.is_model(name):
        return _use_model(desk, name)
    if name in desk.conversations:
        desk.conversations.chosen = name
        return Paragraph(
            f"Prompts now belong to the session {name}: {count_turns(len(desk.session))}."
        )
    if name in desk.catalogue.providers:
        return _choose(desk, Options(provider=name))
    known = [
        *desk.catalogue.model_names(),
        *desk.catalogue.providers,
        *desk.conversations.known_names,
    ]
    raise UnknownNameError(
        f"there is no model, provider or session named {name!r}",
        hint=f"{nearest(name, known)}%glm models lists the models; "
        "a model of another name goes as provider/model",
    )


def _use_model(desk: Workspace, name: str) -> Displayable:
    wanted = Options(model=name).with_provider(desk.catalogue)
    if wanted.provider is None:
        provider = desk.session.options.provider
        model = find_model(desk.catalogue, name)
        serves = model is not None and (provider, model.id) in desk.catalogue.offers
        wanted = replace(wanted, provider=provider if serves else None)
    return _choose(desk, wanted)


def _choose(desk: Workspace, wanted: Options) -> Displayable:
    options = replace(desk.session.options, model=wanted.model, provider=wanted.provider)
    offer = resolve_offer(desk.below(options), desk.catalogue).offer
    desk.session.options = options
    return Paragraph(
        f"The session {desk.session_name} now asks {offer.model.id} at {offer.provider.name}."
    )
