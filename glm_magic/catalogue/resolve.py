"""Which offer a prompt goes to: the model, the provider and the address.

A provider that is named wins, then the one that the address belongs to, then the first in the
catalogue's order that has a key, and at last the small local model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from ..core.errors import InvalidValueError, MissingKeyError, UnknownNameError
from ..core.i18n import Text, tr
from ..core.text import strip_userinfo, suggest
from ..core.turn import Notice
from .load import Catalogue
from .schema import ModelInfo, Offer, ProviderInfo

LOCAL = "local"
"""The provider that runs a small model on this computer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An offer, and notices about the choice."""

    offer: Offer
    notices: tuple[Notice, ...] = ()


def resolve(
    catalogue: Catalogue,
    *,
    model: str | None = None,
    provider: str | None = None,
    base_url: str | None = None,
    has_key: Callable[[ProviderInfo], bool],
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

    Raises
    ------
    UnknownNameError
        No such provider or model; the hint has the nearest name.
    MissingKeyError
        Nothing is configured: no key, no address, no local model.
    """
    base_url = checked_url(base_url) if base_url else None
    name, model = split_model(catalogue, provider, model)
    if name is None:
        name = _default_provider(catalogue, base_url, model, has_key, local_available)
    info = _provider(catalogue, name)
    if base_url:
        info = replace(info, base_url=base_url)
    offer = _offer(catalogue, info, model, any_name=info.self_hosted or base_url is not None)
    if base_url and _is_of_another(catalogue, info, base_url):
        offer = replace(offer, price=None)  # another provider has other prices
    return Resolved(offer, tuple(_notices(catalogue, offer)))


def checked_url(base_url: str) -> str:
    """Return an address without a trailing slash.

    Raises
    ------
    InvalidValueError
        It is not a web address.
    """
    if not _is_web_address(base_url.strip()):
        raise InvalidValueError(
            tr("the base URL {url!r} is not a web address", url=strip_userinfo(base_url)),
            hint=tr("it should look like https://host/path, for example http://127.0.0.1:8000/v1"),
        )
    return base_url.strip().rstrip("/").removesuffix("/chat/completions")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port  # raises where it is not a number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != -1


def find_model(catalogue: Catalogue, name: str) -> ModelInfo | None:
    """Return the model with that id or alias, whatever its case."""
    lower = name.strip().lower()
    for model in catalogue.models.values():
        if lower in (spelling.lower() for spelling in (model.id, *model.aliases)):
            return model
    return None


def default_model(
    catalogue: Catalogue, provider: str, base_url: str | None = None
) -> ModelInfo | None:
    """Return a provider's default model, or ``None`` where the catalogue lists none.

    It is the newest general model that is served there today and can think and not think, or
    else the newest. At a GLM Coding Plan it is the newest: older ones are answered by it.
    """
    served = _served(catalogue, provider, base_url)
    general = [offer for offer in served if offer.model.general]
    able = [offer for offer in general if offer.thinking_off and not offer.is_coding_plan]
    return (able or general)[0].model if general else None


def without_thinking(catalogue: Catalogue, offer: Offer) -> ModelInfo | None:
    """Return the newest model, at the provider of an offer, whose thinking can be switched off."""
    served = _served(catalogue, offer.provider.name, offer.provider.base_url)
    able = [other for other in served if other.thinking_off and other.model.id != offer.model.id]
    able.sort(key=lambda other: not other.model.general)  # of these it is known best
    return able[0].model if able else None


def _served(catalogue: Catalogue, provider: str, base_url: str | None) -> list[Offer]:
    """Return what a provider serves today at an address, newest first."""
    offers = (o.at(base_url) if base_url else o for o in catalogue.of_provider(provider))
    return [offer for offer in offers if offer.is_served]


def nearest(name: str, existing: Iterable[str]) -> str:
    """Return ``did you mean X? `` with the most similar name; empty where none is similar."""
    guess = suggest(name, existing, 0.5)
    return tr("did you mean {name}? ", name=guess) if guess else ""


def split_model(
    catalogue: Catalogue, provider: str | None, model: str | None
) -> tuple[str | None, str | None]:
    """Split ``provider/model``, when the part before the slash is a provider."""
    head, slash, rest = (model or "").partition("/")
    if slash and rest and head in catalogue.providers and provider in (None, head):
        return head, rest
    return provider, model or None


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
    local_available: Callable[[], bool],
) -> str:
    at_address = provider_at(catalogue, base_url) if base_url else None
    if at_address:
        return at_address
    services = [info for info in catalogue.providers.values() if not info.self_hosted]
    with_key = [info.name for info in services if has_key(info)]
    if model and len(with_key) > 1:
        listed = find_model(catalogue, model)
        serving = [name for name in with_key if listed and (name, listed.id) in catalogue.offers]
        living = [n for n in serving if listed and catalogue.offers[n, listed.id].is_served]
        with_key = living or serving or with_key
    if with_key:
        return with_key[0]
    if base_url:
        return next(info.name for info in catalogue.providers.values() if info.is_fallback)
    if local_available():
        if model and find_model(catalogue, model):
            raise MissingKeyError(
                tr("{model} needs a provider, and no API key was found for any", model=model),
                hint=tr(
                    "set a key such as ZAI_API_KEY, name the provider with its key, or leave the "
                    "model out to ask the small local one"
                ),
            )
        return LOCAL
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
    host = address.hostname or ""
    if info.self_hosted:
        usual_port = urlsplit(info.base_url).port
        is_local = host in ("127.0.0.1", "localhost")
        return is_local and address.port is not None and address.port == usual_port
    return info.has_host(host)


def _is_of_another(catalogue: Catalogue, info: ProviderInfo, base_url: str) -> bool:
    """Whether the catalogue has the address as another provider's."""
    name = provider_at(catalogue, base_url)
    there = catalogue.providers[name] if name else info
    return not set(there.hosts) & set(info.hosts) if there.hosts else False


def _offer(catalogue: Catalogue, info: ProviderInfo, name: str | None, *, any_name: bool) -> Offer:
    if name is None:
        model = default_model(catalogue, info.name, info.base_url)
        if model is None:
            return _unlisted(catalogue, info, _default_name(info))
        return catalogue.offers[info.name, model.id].at(info.base_url)
    bare = name.removeprefix(info.model_prefix)
    listed = find_model(catalogue, bare)
    if listed and (info.name, listed.id) in catalogue.offers:
        return catalogue.offers[info.name, listed.id].at(info.base_url)
    if any_name:
        return _unlisted(catalogue, info, name)
    served = [offer.model.id for offer in _served(catalogue, info.name, info.base_url)]
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
            url=strip_userinfo(info.base_url),
        ),
    )


def _unlisted(catalogue: Catalogue, info: ProviderInfo, name: str) -> Offer:
    """Return an offer whose model name is sent unchanged, with what is listed about that model."""
    bare = name.rpartition("/")[2].lower().removesuffix("-fp8")
    listed = find_model(catalogue, bare)
    model = replace(listed, id=name) if listed else ModelInfo(name, name)
    return Offer(
        info, model, name, is_listed=False, thinking_off=model.thinking_off, effort=model.effort
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
