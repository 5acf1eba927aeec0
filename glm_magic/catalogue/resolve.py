"""Which offer a prompt goes to: the model, the provider and the address.

A provider that is named wins, then the one that the address belongs to, then the first in the
catalogue's order that has a key, and at last the small local model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from ..core.address import (
    called_path,
    host_name,
    is_this_computer,
    secret_values,
    shown_anyway,
    shown_query,
    split,
)
from ..core.errors import InvalidValueError, MissingKeyError, UnknownNameError
from ..core.i18n import tr
from ..core.secret import Secret
from ..core.text import suggest
from ..core.turn import Notice
from .load import Catalogue
from .protocols import of_its_protocol
from .schema import ModelInfo, Offer, ProviderInfo

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
    address = _split(written) if base_url else None
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
        address = _split(info.base_url)
        info = replace(info, base_url=address[0])
    _, login, query = address or ("", "", "")
    info = replace(info, query=shown_query(query))
    offer = _offer(catalogue, info, model, any_name=info.self_hosted or base_url is not None)
    another = _other_provider(catalogue, info, base_url) if base_url else None
    if another is not None:
        offer = replace(offer, price=None)  # another provider has other prices
        if set(another.key_env) & set(info.key_env):
            another = None
    query = query if secret_values(query) else ""
    secret = Secret("", tr("the base URL"), login=login, query=query) if login or query else None
    return Resolved(offer, (*notices, *_notices(offer)), secret, another, by_key)


def checked_url(base_url: str) -> str:
    """Return an address in form, as `core.address.split` does, without its login and query.

    Raises
    ------
    InvalidValueError
        It is not a web address.
    """
    return _split(base_url)[0]


def _split(base_url: str) -> tuple[str, str, str]:
    parts = split(base_url)
    if parts is None:
        raise InvalidValueError(
            tr("the base URL {url!r} is not a web address", url=shown_anyway(base_url)),
            hint=tr("it should look like https://host/path, for example http://127.0.0.1:8000/v1"),
        )
    return parts


def find_model(catalogue: Catalogue, name: str) -> ModelInfo | None:
    """Return the model with that id or alias, whatever its case."""
    lower = name.strip().lower()
    for model in catalogue.models.values():
        if lower in (spelling.lower() for spelling in (model.id, *model.aliases)):
            return model
    return None


def default_model(catalogue: Catalogue, provider: str) -> ModelInfo | None:
    """Return a provider's newest general model, or ``None`` where the catalogue lists none."""
    general = [offer for offer in catalogue.of_provider(provider) if offer.model.general]
    return general[0].model if general else None


def continuing(catalogue: Catalogue, near: str = "") -> list[str]:
    """Return who goes on with a reply that was begun: models as ``provider/model``, and providers.

    Parameters
    ----------
    catalogue : Catalogue
        Where it is looked up.
    near : str
        A provider, whose own models come first.
    """
    offers = [offer for offer in catalogue.offers.values() if offer.prefix == "yes"]
    offers.sort(key=lambda offer: offer.provider.name != near)
    models: dict[str, str] = {}
    for offer in offers:
        if not offer.provider.self_hosted:
            models.setdefault(offer.model.id, f"{offer.provider.name}/{offer.model.id}")
    servers = [info.name for info in catalogue.providers.values() if info.prefix == "yes"]
    return [*models.values(), *servers]


def nearest(name: str, existing: Iterable[str]) -> str:
    """Return ``did you mean X? `` with the most similar name; empty where none is similar."""
    guess = suggest(name, existing, 0.5)
    return tr("did you mean {name}? ", name=guess) if guess else ""


def split_model(
    catalogue: Catalogue, provider: str | None, model: str | None
) -> tuple[str | None, str | None]:
    """Split ``provider/model``, when the part before the slash is a provider."""
    head, slash, rest = (model or "").strip().partition("/")
    named = next((name for name in catalogue.providers if name.lower() == head.lower()), None)
    if slash and rest and named and (provider or named).strip().lower() == named.lower():
        return named, rest
    return provider, model or None


def has_model(catalogue: Catalogue, info: ProviderInfo, name: str) -> bool:
    """Whether the catalogue lists a model at a provider, however its name is written there."""
    listed = find_model(catalogue, _bare_name(info, name)[0])
    return listed is not None and (info.name, listed.id) in catalogue.offers


def _bare_name(info: ProviderInfo, name: str) -> tuple[str, str]:
    """Split a provider's name of a model into that of the model, and its variant."""
    bare = name.strip()
    if bare.lower().startswith(info.model_prefix.lower()):
        bare = bare[len(info.model_prefix) :]
    head, colon, ending = bare.rpartition(":")
    return (head, ending.lower()) if colon and ending.lower() in info.variants else (bare, "")


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
        with_key = [info for info in with_key if has_model(catalogue, info, model)] or with_key
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


def provider_at(catalogue: Catalogue, base_url: str) -> str | None:
    """Return the provider that an address belongs to, by its host or its usual local port."""
    parts = urlsplit(base_url)
    there = [info for info in catalogue.providers.values() if _is_at(info, parts)]
    by_path = [i for i in there if i.host_path and parts.path.startswith(i.host_path)]
    others = [info for info in there if not info.host_path]
    return next((info.name for info in (*by_path, *others)), None)


def _is_at(info: ProviderInfo, address: SplitResult) -> bool:
    host = host_name(address.hostname or "")
    if info.self_hosted:
        usual_port = urlsplit(info.base_url).port
        is_local = is_this_computer(host)
        return is_local and address.port is not None and address.port == usual_port
    return any(host == name or (name[0] == "." and host.endswith(name)) for name in info.hosts)


def _other_provider(catalogue: Catalogue, info: ProviderInfo, base_url: str) -> ProviderInfo | None:
    """Return the provider that the catalogue has an address for, if that is another one."""
    name = provider_at(catalogue, base_url)
    there = catalogue.providers[name] if name else info
    return there if there.hosts and not set(there.hosts) & set(info.hosts) else None


def _offer(catalogue: Catalogue, info: ProviderInfo, name: str | None, *, any_name: bool) -> Offer:
    if name is None:
        model = default_model(catalogue, info.name)
        if model is None:
            return _unlisted(catalogue, info, _default_name(info))
        return _at(catalogue.offers[info.name, model.id], info)
    bare, variant = _bare_name(info, name)
    listed = find_model(catalogue, bare)
    if listed and (info.name, listed.id) in catalogue.offers:
        return _at(catalogue.offers[info.name, listed.id], info).variant(variant)
    is_alias = bool(info.variants) and name.strip().startswith("~")  # the gateway chooses
    if any_name or is_alias:
        return _unlisted(catalogue, info, name)
    served = [offer.model.id for offer in catalogue.of_provider(info.name)]
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
    bare = _bare_name(info, name.rpartition("/")[2].lower())[0].removesuffix("-fp8")
    listed = find_model(catalogue, bare.removesuffix("-latest"))
    model = replace(listed, id=name) if listed else ModelInfo(name, name)
    return Offer(
        info,
        model,
        name,
        is_listed=False,
        thinking_off=model.thinking_off,
        effort=model.effort,
        prefix=info.prefix,
    )


def _notices(offer: Offer) -> Iterable[Notice]:
    name = offer.model.id
    unnamed = name == offer.provider.unnamed_model
    if not (offer.is_listed or offer.model.source or unnamed):
        yield Notice(
            "unlisted-model",
            tr("{name} is not in the catalogue; the name is sent unchanged", name=name),
        )
    if offer.retires:
        yield Notice(
            "retires",
            tr(
                "the provider announced that {name} will be removed on {day}",
                name=name,
                day=offer.retires,
            ),
        )
