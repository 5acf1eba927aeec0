"""The verbs about models: which there are, which one is asked, and the user's names for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ...catalogue.lookup import find_model, nearest
from ...catalogue.resolve import LOCAL
from ...catalogue.schema import Offer, ProviderInfo
from ...core.address import strip_userinfo
from ...core.errors import GlmError, InvalidValueError, UnknownNameError
from ...core.i18n import from_data, joined, tr
from ...core.price import Price, currency_symbol
from ...credentials import find_key
from ...engine.options import Options
from ...engine.prepare import resolve_offer
from ...local.models import BETTER, TINY, packaged_model, selected_model
from .. import aliases
from ..display import Displayable, Paragraph, Table, turn_count
from ..workspace import Workspace
from .arguments import matching, offers_matching
from .model_facts import Stack, describe
from .registry import verb, verbs


@verb("models", "models with limits, price, abilities, and whether a key is there", "[FILTER]")
def models(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Show the catalogue, the offers that match a word, or every fact of one model."""
    catalogue = workspace.catalogue
    word = workspace.aliases.get(words[0], words[0]) if words else ""
    server = catalogue.providers.get(word)
    if server is not None and server.self_hosted:
        return _of_server(server)
    keys = {info.name: key_state(info) for info in catalogue.providers.values()}
    offers = offers_matching(catalogue, word)
    rows = [_offer_row(offer, _why_not(offer) or keys[offer.provider.name]) for offer in offers]
    free = [n for n, info in catalogue.providers.items() if info.self_hosted and n != LOCAL]
    columns = ("model", "provider", "context", "longest reply", "price in", "price out",
               "thinking", "tools", "key")  # fmt: skip
    note = tr(
        "Prices are for a million tokens; n/a: not known. Any model name goes to {names}.",
        names=", ".join(free),
    )
    overview = Table(columns, rows, note=note)
    named = {offer.model.id: offer.model for offer in offers}
    if len(named) == 1 and word not in catalogue.providers:
        (model,) = named.values()
        return Stack([overview, *describe(catalogue, model, offers)])
    return overview


def _why_not(offer: Offer) -> str:
    """Return why a model cannot be asked at a provider, whatever key there is; empty: it can."""
    if offer.is_retired:
        return tr("removed on {day}", day=offer.retires)
    return "" if offer.is_served else tr("for subscribers alone")


def _of_server(server: ProviderInfo) -> Displayable:
    """Show what is known about the models of a server whose operator chooses them."""
    if server.name != LOCAL:
        return Paragraph(
            tr(
                "{provider} serves whatever its operator loaded: name it with -m NAME."
                " {url}/models lists what is there.",
                provider=server.title,
                url=strip_userinfo(server.base_url),
            )
        )
    selected = selected_model()
    others = [packaged_model(name) for name in (TINY, BETTER) if name != selected.name]
    rows = [
        (
            model.name,
            model.title,
            model.context,
            None if model.functions == "unknown" else model.functions,
            model.source.missing() or tr("ready"),
        )
        for model in (selected, *others)
    ]
    note = tr("The first one is asked; GLM_LOCAL_MODEL names another. They cost nothing.")
    return Table(("model", "title", "context", "tools", "state"), rows, note=note)


def _offer_row(offer: Offer, key: str) -> tuple[Any, ...]:
    return (
        offer.model.id,
        offer.provider.name,
        offer.context,
        offer.max_output or offer.max_answer,
        _price(offer.price, "input"),
        _price(offer.price, "output"),
        joined([tr("on, off") if offer.thinking_off else tr("always on"), *offer.effort], ", "),
        None if offer.functions == "unknown" else from_data(offer.functions),
        key,
    )


def _price(price: Price | None, side: str) -> str | None:
    """Return a price with its currency; the range where it depends on the length."""
    if price is None:
        return None
    amounts: list[Decimal] = sorted({getattr(tier, side) for tier in price.tiers})
    ends = amounts if len(amounts) < 2 else (amounts[0], amounts[-1])
    return currency_symbol(price.currency) + "–".join(f"{amount.normalize():f}" for amount in ends)


def key_state(provider: ProviderInfo) -> str:
    """Return where a provider's key is, or which variable is missing; never the key."""
    try:
        key = find_key(provider)
    except GlmError as error:
        return error.message
    if key is not None:
        return tr("found in {place}", place=key.source)
    if provider.self_hosted:
        return tr("not needed")
    variable = provider.key_env[0] if provider.key_env else ""
    return tr("missing: {variable}", variable=variable) if variable else tr("missing")


_OPENINGS = (
    " a an and are can could do does for give how i if in is it let list make name no of on or off"
    " please show tell that the then think this to what when where which who why will with write"
    " you "
)
"""Words that prompts begin with, so none of them can be an alias."""


NEW_ALIAS = matching(
    r"[\w.-]+",
    lambda workspace, _: workspace.aliases,
    tr("a name of letters, digits, dots, _ and -"),
)


@verb(
    "alias",
    "give a model, or a model at a provider, a name; without one, list them",
    "",
    "NAME [MODEL]",
    NAME=NEW_ALIAS,
)
def alias(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """List the aliases, show one, or add one."""
    if len(words) == 2:
        return _add_alias(workspace, *words)
    existing = workspace.aliases
    if words and words[0] not in existing:
        raise UnknownNameError(
            tr("there is no alias {name!r}", name=words[0]),
            hint=tr("%glm alias {name} MODEL creates it", name=words[0]),
        )
    rows = [(name, existing[name]) for name in (words or existing)]
    note = "" if rows else tr("%glm alias NAME MODEL creates one.")
    return Table(("alias", "model"), rows, note=note)


def _add_alias(workspace: Workspace, name: str, model: str) -> Displayable:
    model = workspace.aliases.get(model, model)
    if f" {name.lower()} " in _OPENINGS or name in verbs():
        raise InvalidValueError(
            tr("{name!r} would be read as a model wherever a line begins with it", name=name),
            hint=tr("choose a name that no sentence begins with, such as fast or mine"),
        )
    if find_model(workspace.catalogue, name) or name in workspace.catalogue.providers:
        raise InvalidValueError(
            tr("{name!r} is a model or provider already", name=name),
            hint=tr("choose another name"),
        )
    if not workspace.is_model(model):
        raise UnknownNameError(
            tr("there is no model {name!r}", name=model),
            hint=tr("%glm models lists them; write one that is not listed as provider/model"),
        )
    aliases.put(name, model)
    return Paragraph(
        tr("{name} now means {model}: %%glm {name}, %glm use {name}.", name=name, model=model)
    )


@verb("dealias", "take such a name away", "ALIAS")
def dealias(_: Workspace, words: Sequence[str]) -> Displayable:
    """Remove an alias."""
    aliases.put(words[0], None)
    return Paragraph(tr("Alias {name} was removed.", name=words[0]))


@verb("use", "choose model, provider or session from here on", "MODEL|PROVIDER|SESSION")
def use(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Choose a model, a provider or a session from here on."""
    name = workspace.aliases.get(words[0], words[0])
    if workspace.is_model(name):
        return _use_model(workspace, name)
    if name in workspace.sessions:
        workspace.sessions.chosen = name
        return Paragraph(
            tr(
                "Prompts now belong to the session {name}: {turns}.",
                name=name,
                turns=turn_count(len(workspace.session)),
            )
        )
    if name in workspace.catalogue.providers:
        return _choose(workspace, Options(provider=name))
    names = [
        *workspace.catalogue.model_names(),
        *workspace.catalogue.providers,
        *workspace.sessions.all_names,
    ]
    raise UnknownNameError(
        tr("there is no model, provider or session named {name!r}", name=name),
        hint=tr(
            "{guess}%glm models lists the models; write one that is not listed as provider/model",
            guess=nearest(name, names),
        ),
    )


def _use_model(workspace: Workspace, name: str) -> Displayable:
    options = Options(model=name).with_provider(workspace.catalogue)
    if options.provider is None:
        provider = workspace.session.options.provider
        model = find_model(workspace.catalogue, name)
        serves = model is not None and (provider, model.id) in workspace.catalogue.offers
        options = replace(options, provider=provider if serves else None)
    return _choose(workspace, options)


def _choose(workspace: Workspace, choice: Options) -> Displayable:
    options = replace(workspace.session.options, model=choice.model, provider=choice.provider)
    offer = resolve_offer(workspace.over_config(options), workspace.catalogue).offer
    workspace.session.options = options
    return Paragraph(
        tr(
            "The session {name} now asks {model} at {provider}.",
            name=workspace.session_name,
            model=offer.model.id,
            provider=offer.provider.name,
        )
    )
