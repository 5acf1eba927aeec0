"""Models, offers and providers by what people write: ids, aliases, prefixes, endings, addresses."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..core.address import host_name, is_this_computer, shown_anyway, split
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.text import suggest
from .load import Catalogue
from .schema import ModelInfo, Offer, ProviderInfo


def split_address(base_url: str) -> tuple[str, str, str]:
    """Return an address without login and query, its login, and its query.

    Raises
    ------
    InvalidValueError
        It is not a web address.
    """
    parts = split(base_url)
    if parts is None:
        raise InvalidValueError(
            tr("the base URL {url!r} is not a web address", url=shown_anyway(base_url)),
            hint=tr("it should look like https://host/path, for example http://127.0.0.1:8000/v1"),
        )
    return parts


def provider_at(catalogue: Catalogue, base_url: str) -> str | None:
    """Return the provider that an address belongs to, by its host or its usual local port."""
    parts = urlsplit(base_url)
    host = host_name(parts.hostname or "")
    local_port = parts.port if is_this_computer(host) else None
    there = [info for info in catalogue.providers.values() if _is_at(info, host, local_port)]
    by_path = [i for i in there if i.host_path and parts.path.startswith(i.host_path)]
    others = [info for info in there if not info.host_path]
    return next((info.name for info in (*by_path, *others)), None)


def _is_at(info: ProviderInfo, host: str, local_port: int | None) -> bool:
    if info.self_hosted:
        return local_port is not None and local_port == urlsplit(info.base_url).port
    return info.has_host(host)


def other_provider(catalogue: Catalogue, info: ProviderInfo, base_url: str) -> ProviderInfo | None:
    """Return the provider that the catalogue has an address for, if that is another one."""
    name = provider_at(catalogue, base_url)
    there = catalogue.providers[name] if name else info
    return there if there.hosts and not set(there.hosts) & set(info.hosts) else None


def of_its_protocol(
    catalogue: Catalogue, info: ProviderInfo, base_url: str, called: str, there: str | None
) -> ProviderInfo:
    """Return the provider with the same keys whose protocol an address is for.

    Model Studio has two protocols, with an address each: the host and path tell which, and at an
    unknown host, the path of a single call that the address was copied with.

    Parameters
    ----------
    catalogue, info
        The providers, and the one that is asked.
    base_url, called : str
        The address, and the path of a call that was at its end.
    there : str, optional
        The provider that has this host; ``None``: it is unknown.
    """
    twins = [
        twin
        for twin in catalogue.providers.values()
        if twin.key_env == info.key_env and twin.dialect != info.dialect and twin.hosts
    ]
    if there is not None:
        return next((twin for twin in twins if twin.name == there), info)
    if called.lower() == info.path:
        return info
    path = urlsplit(base_url).path
    for twin in twins:
        own = urlsplit(twin.base_url).path
        has_own_path = not twin.host_path and path.endswith(own)
        if twin.hosts == info.hosts and (called.lower() == twin.path or has_own_path):
            return twin
    return info


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
    served = served_offers(catalogue, provider, base_url)
    general = [offer for offer in served if offer.model.general]
    able = [offer for offer in general if offer.thinking_off and not offer.is_coding_plan]
    return (able or general)[0].model if general else None


def without_thinking(catalogue: Catalogue, offer: Offer) -> ModelInfo | None:
    """Return the newest model, at the provider of an offer, whose thinking can be switched off."""
    served = served_offers(catalogue, offer.provider.name, offer.provider.base_url)
    able = [other for other in served if other.thinking_off and other.model.id != offer.model.id]
    able.sort(key=lambda other: not other.model.general)  # of these it is known best
    return able[0].model if able else None


def served_offers(catalogue: Catalogue, provider: str, base_url: str | None) -> list[Offer]:
    """Return what a provider serves today at an address, newest first."""
    offers = (o.at(base_url) if base_url else o for o in catalogue.of_provider(provider))
    return [offer for offer in offers if offer.is_served]


def able(catalogue: Catalogue, *abilities: str, near: str = "") -> list[str]:
    """Return where something can be done: models as ``provider/model``, and whole providers.

    Parameters
    ----------
    catalogue : Catalogue
        Where it is looked up.
    *abilities : str
        Fields that a provider and an offer have, one of which is enough: ``prefix``, ``logprobs``.
    near : str
        A provider, whose own models come first.
    """

    def can(where: ProviderInfo | Offer) -> bool:
        return any(getattr(where, ability) == "yes" for ability in abilities)

    whole = [info.name for info in catalogue.providers.values() if can(info)]
    offers = [offer for offer in catalogue.offers.values() if can(offer)]
    offers.sort(key=lambda offer: offer.provider.name != near)
    models: dict[str, str] = {}
    for offer in offers:
        if offer.provider.name not in whole:
            models.setdefault(offer.model.id, f"{offer.provider.name}/{offer.model.id}")
    return [*models.values(), *whole]


def seeing(catalogue: Catalogue, near: Offer, ability: str = "images") -> list[str]:
    """Return which models have an ability: those of an offer's provider, else ``provider/model``.

    Parameters
    ----------
    catalogue : Catalogue
        Where it is looked up.
    near : Offer
        What was asked; its provider's models are named newest first.
    ability : str
        ``images``, ``files`` or ``video``.
    """
    served = served_offers(catalogue, near.provider.name, near.provider.base_url)
    here = [offer.model.id for offer in served if getattr(offer, ability) == "yes"]
    if here:
        return here
    others = [o for o in catalogue.offers.values() if getattr(o, ability) == "yes" and o.is_served]
    others.sort(key=lambda offer: (-offer.model.rank, offer.provider.order))
    return [f"{offer.provider.name}/{offer.model.id}" for offer in others]


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
    return listed_offer(catalogue, info, name) is not None


def listed_offer(catalogue: Catalogue, info: ProviderInfo, name: str) -> Offer | None:
    """Return the offer of a model at a provider, or ``None`` where the catalogue has none."""
    listed = find_model(catalogue, bare_name(info, name)[0])
    return catalogue.offers.get((info.name, listed.id)) if listed is not None else None


def bare_name(info: ProviderInfo, name: str) -> tuple[str, str]:
    """Split a provider's name of a model into that of the model, and its variant."""
    bare = name.strip()
    if bare.lower().startswith(info.model_prefix.lower()):
        bare = bare[len(info.model_prefix) :]
    head, colon, ending = bare.rpartition(":")
    return (head, ending.lower()) if colon and ending.lower() in info.variants else (bare, "")
