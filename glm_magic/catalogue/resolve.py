"""Which offer a prompt goes to: the model, the provider and the address.

A provider that is named wins, then the one that the address belongs to, then the first in the
catalogue's order that has a key, and at last the small local model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..core.address import (
    called_path,
    secret_values,
    shown_query,
)
from ..core.errors import MissingKeyError, UnknownNameError
from ..core.i18n import Text, tr
from ..core.secret import Secret
from ..core.turn import Notice
from .load import Catalogue
from .lookup import (
    bare_name,
    default_model,
    find_model,
    listed_offer,
    nearest,
    of_its_protocol,
    other_provider,
    provider_at,
    served_offers,
    split_address,
    split_model,
)
from .schema import OF_PROVIDERS, ModelInfo, Offer, ProviderInfo

LOCAL = "local"
"""The provider that runs a small model on this computer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An offer, and notices about the choice."""

    offer: Offer
    notices: tuple[Notice, ...] = ()
    secret: Secret | None = None
    """Login, or secret query, of the base URL; the offer's address has neither."""
    at_another: ProviderInfo | None = None
    """The provider that the address belongs to, where the one that is asked has other keys."""
    by_key: bool = False
    """Whether nothing but its key chose the provider."""


def resolve(
    catalogue: Catalogue,
    *,
    model: str | None = None,
    provider: str | None = None,
    base_url: str | None = None,
    has_key: Callable[[ProviderInfo], bool],
    key_order: Callable[[ProviderInfo], int] = lambda _: 0,
    local_available: Callable[[], bool] = lambda: False,
) -> Resolved:
    """Return the offer that a model, a provider and an address stand for.

    Parameters
    ----------
    model : str, optional
        A model id, an alias, or ``provider/model``.
    provider : str, optional
        A provider's name; by default the address decides, then which keys exist.
    base_url : str, optional
        Replaces the provider's own address.
    has_key, local_available : callable
        Whether a key of that provider exists, and whether the small local model is installed.
    key_order : callable
        How far back the place of that key is; a provider with a lower number goes first.

    Raises
    ------
    UnknownNameError
        No such provider or model; the hint has the nearest name.
    MissingKeyError
        Nothing is configured: no key, no address, no local model.
    """
    written = base_url or ""
    address = split_address(written) if base_url else None
    base_url = address[0] if address else None
    name, model = split_model(catalogue, provider, model)
    is_named, by_key = name is not None, False
    if name is None:
        name, by_key = _default_provider(
            catalogue,
            base_url,
            model,
            has_key,
            key_order=key_order,
            local_available=local_available,
        )
    info = _provider(catalogue, name)
    notices: list[Notice] = []
    if base_url:
        if info.hosts:
            there = provider_at(catalogue, base_url)
            twin = of_its_protocol(catalogue, info, base_url, called_path(written), there)
            if twin is not info and is_named:
                text = tr("the base URL is one of {provider}, so it is asked", provider=twin.name)
                notices.append(Notice("other-protocol", text))
            info = twin
        info = replace(info, base_url=base_url)
    elif set(info.base_url) & set("@?#"):  # a user's own provider
        address = split_address(info.base_url)
        info = replace(info, base_url=address[0])
    _, login, query = address or ("", "", "")
    info = replace(info, query=shown_query(query))
    offer = _offer(catalogue, info, model, any_name=info.self_hosted or base_url is not None)
    another = other_provider(catalogue, info, base_url) if base_url else None
    if another is not None:
        offer = replace(offer, price=None)  # another provider has other prices
        if set(another.key_env) & set(info.key_env):
            another = None
    query = query if secret_values(query) else ""
    secret = Secret("", tr("the base URL"), login=login, query=query) if login or query else None
    return Resolved(offer, (*notices, *_notices(catalogue, offer)), secret, another, by_key)


def _provider(catalogue: Catalogue, name: str) -> ProviderInfo:
    named = {info.name.lower(): info for info in catalogue.providers.values()}
    info = named.get(name.strip().lower())
    if info is None:
        raise UnknownNameError(
            tr("there is no provider named {name!r}", name=name),
            hint=tr(
                "{guess}available: {names}",
                guess=nearest(name, catalogue.providers),
                names=", ".join(catalogue.providers),
            ),
        )
    return info


def _default_provider(
    catalogue: Catalogue,
    base_url: str | None,
    model: str | None,
    has_key: Callable[[ProviderInfo], bool],
    *,
    key_order: Callable[[ProviderInfo], int],
    local_available: Callable[[], bool],
) -> tuple[str, bool]:
    """Return a provider's name, and whether its key chose it."""
    at_address = provider_at(catalogue, base_url) if base_url else None
    if at_address:
        return at_address, False
    services = [info for info in catalogue.providers.values() if not info.self_hosted]
    with_key = sorted(filter(has_key, services), key=key_order)
    if model and len(with_key) > 1:
        listed = [(info, listed_offer(catalogue, info, model)) for info in with_key]
        serving = [info for info, offer in listed if offer is not None]
        living = [info for info, offer in listed if offer is not None and offer.is_served]
        with_key = living or serving or with_key
    if with_key:
        return with_key[0].name, True
    if base_url:
        fallback = (info.name for info in catalogue.providers.values() if info.is_fallback)
        return next(fallback), False
    if local_available():
        if model and find_model(catalogue, model):
            raise MissingKeyError(
                tr("{model} needs a provider, and no API key was found for any", model=model),
                hint=tr(
                    "set a key such as ZAI_API_KEY, name the provider with its key, or leave the "
                    "model out to ask the small local one"
                ),
            )
        return LOCAL, False
    raise MissingKeyError(
        tr("no provider is configured: no API key was found, and no local model is installed"),
        hint=tr(
            "set a key, for example ZAI_API_KEY or DASHSCOPE_API_KEY, or install the small "
            "local model: python -m glm_magic.local install"
        ),
    )


def _offer(catalogue: Catalogue, info: ProviderInfo, name: str | None, *, any_name: bool) -> Offer:
    if name is None:
        model = default_model(catalogue, info.name, info.base_url)
        if model is None:
            return _unlisted(catalogue, info, _default_name(info))
        return _at(catalogue.offers[info.name, model.id], info)
    bare, variant = bare_name(info, name)
    listed = find_model(catalogue, bare)
    if listed and (info.name, listed.id) in catalogue.offers:
        return _at(catalogue.offers[info.name, listed.id], info).variant(variant)
    is_alias = bool(info.variants) and name.strip().startswith("~")  # the gateway chooses
    if any_name or is_alias:
        return _unlisted(catalogue, info, name)
    served = [offer.model.id for offer in served_offers(catalogue, info.name, info.base_url)]
    raise UnknownNameError(
        tr(
            "{provider} has no model named {name!r} in the catalogue",
            provider=info.title,
            name=name,
        ),
        hint=tr(
            "{guess}available: {names}; a newer one can be added in a TOML file, see %glm models",
            guess=nearest(bare, served),
            names=", ".join(served),
        ),
    )


def _at(offer: Offer, info: ProviderInfo) -> Offer:
    """Return a listed offer at the address of `info`, where its price may not hold."""
    moved = offer.at(info.base_url)
    return replace(moved, provider=replace(moved.provider, query=info.query))


def _default_name(info: ProviderInfo) -> str:
    if info.unnamed_model:
        return info.unnamed_model
    raise UnknownNameError(
        tr(
            "{provider} serves whatever its operator loaded, so the model must be named",
            provider=info.title,
        ),
        hint=tr(
            "say which with -m NAME or GLM_MODEL; {url}/models lists what is there",
            url=info.base_url,
        ),
    )


def _unlisted(catalogue: Catalogue, info: ProviderInfo, name: str) -> Offer:
    """Return an offer whose model name is sent unchanged, with what is listed about that model."""
    bare = bare_name(info, name.rpartition("/")[2].lower())[0].removesuffix("-fp8")
    listed = find_model(catalogue, bare.removesuffix("-latest"))
    model = replace(listed, id=name) if listed else ModelInfo(name, name)
    return Offer(
        info,
        model,
        name,
        is_listed=False,
        thinking_off=model.thinking_off,
        effort=model.effort,
        **{name: getattr(info, name) for name in OF_PROVIDERS},
    )


def _notices(catalogue: Catalogue, offer: Offer) -> Iterable[Notice]:
    name = offer.model.id
    unnamed = name == offer.provider.unnamed_model
    if not (offer.is_listed or offer.model.source or unnamed):
        yield Notice(
            "unlisted-model",
            tr("{name} is not in the catalogue; the name is sent unchanged", name=name),
        )
    if offer.is_retired:
        yield Notice("retires", _removed(catalogue, offer))
    elif offer.retires:
        yield Notice(
            "retires",
            tr(
                "the provider announced that {name} will be removed on {day}",
                name=name,
                day=offer.retires,
            ),
        )
    if offer.plan_only and not offer.provider.is_plan:
        yield Notice(
            "plan-only",
            tr(
                "{name} was announced for the subscription alone, whose address is another",
                name=name,
            ),
        )


def _removed(catalogue: Catalogue, offer: Offer) -> Text:
    values = {
        "name": offer.model.id,
        "provider": offer.provider.title,
        "day": offer.retires,
    }
    newer = default_model(catalogue, offer.provider.name, offer.provider.base_url)
    if newer is None:
        return tr(
            "{name} was removed from {provider} on {day}, as announced; it is asked for all the"
            " same",
            **values,
        )
    return tr(
        "{name} was removed from {provider} on {day}, as announced; it is asked for all the same."
        " There is {newer}",
        newer=newer.id,
        **values,
    )
