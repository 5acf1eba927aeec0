"""Models and offers by the names that people write: ids, aliases, prefixes, endings."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.i18n import tr
from ..core.text import suggest
from .load import Catalogue
from .schema import ModelInfo, Offer, ProviderInfo


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
