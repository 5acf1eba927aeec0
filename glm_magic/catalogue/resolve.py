"""Names -> one offer: which model, at which provider, at which address."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ..core.errors import InvalidValueError, MissingKeyError, UnknownNameError
from ..core.text import strip_userinfo
from ..core.turn import Notice
from .load import Catalogue
from .schema import ModelInfo, Offer, ProviderInfo

LOCAL = "local"
"""The provider that runs a small model on this computer."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An offer, and what the user should know about how it was chosen."""

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
    """Choose model, provider and address.

    Parameters
    ----------
    model : str, optional
        A model id, an alias, or ``provider/model``.
    provider : str, optional
        A provider's name; by default the address decides, then the keys that are found.
    base_url : str, optional
        Replaces the provider's own address.
    has_key, local_available : callable
        Whether a provider's own key is there, and whether the small local model is installed.

    Raises
    ------
    UnknownNameError
        No such provider or model; the hint names the nearest.
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
    offer = _offer(catalogue, info, model, free=info.self_hosted or base_url is not None)
    if base_url and _is_of_another(catalogue, info, base_url):
        offer = replace(offer, price=None)  # whoever answers there has prices of their own
    return Resolved(offer, tuple(_notices(offer)))


def checked_url(base_url: str) -> str:
    """Return an address without a trailing slash, or say what is wrong with it."""
    if not _is_web_address(base_url.strip()):
        raise InvalidValueError(
            f"the base URL {strip_userinfo(base_url)!r} is not a web address",
            hint="it should look like https://host/path, for example http://127.0.0.1:8000/v1",
        )
    return base_url.strip().rstrip("/").removesuffix("/chat/completions")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_is_one = parts.port is None or parts.port >= 0  # reading what is none raises
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_one


def find_model(catalogue: Catalogue, name: str) -> ModelInfo | None:
    """Return the model of that id or alias, in any spelling of upper and lower case."""
    wanted = name.strip().lower()
    for model in catalogue.models.values():
        if wanted in (known.lower() for known in (model.id, *model.aliases)):
            return model
    return None


def default_model(catalogue: Catalogue, provider: str) -> ModelInfo | None:
    """Return a provider's newest general model, or ``None`` where the catalogue lists none."""
    general = [offer for offer in catalogue.of_provider(provider) if offer.model.general]
    return general[0].model if general else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean X?`` with the nearest name, or nothing."""
    found = difflib.get_close_matches(name.lower(), list(known), 1, 0.5)
    return f"did you mean {found[0]}? " if found else ""


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
            f"there is no provider named {name!r}",
            hint=f"{nearest(name, catalogue.providers)}known are {', '.join(catalogue.providers)}",
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
    with_key = [info.name for info in catalogue.providers.values() if info.sells and has_key(info)]
    if model and len(with_key) > 1:
        known = find_model(catalogue, model)
        serving = [name for name in with_key if known and (name, known.id) in catalogue.offers]
        with_key = serving or with_key
    if with_key:
        return with_key[0]
    if base_url:
        return "vllm"  # the plainest OpenAI-compatible grammar
    if local_available():
        if model and find_model(catalogue, model):
            raise MissingKeyError(
                f"{model} needs a provider, and no API key was found for any",
                hint="set a key such as ZAI_API_KEY, name the provider with its key, or leave the "
                "model out to ask the small local one",
            )
        return LOCAL
    raise MissingKeyError(
        "no provider is configured: no API key was found, and no local model is installed",
        hint="set a key, for example ZAI_API_KEY or DASHSCOPE_API_KEY, or install the small local "
        "model: python -m glm_magic.local install",
    )


def provider_at(catalogue: Catalogue, base_url: str) -> str | None:
    """Return the provider whose host, or whose usual local port, an address names."""
    parts = urlsplit(base_url)
    host, path = parts.hostname or "", parts.path
    for info in catalogue.providers.values():
        if info.self_hosted:
            usual = urlsplit(info.base_url)
            if host in ("127.0.0.1", "localhost") and parts.port and parts.port == usual.port:
                return info.name
        elif any(
            host == known or (known[0] == "." and host.endswith(known)) for known in info.hosts
        ):
            native = info.dialect.endswith("native")
            if native == path.startswith("/api/v1") or "dashscope" not in info.name:
                return info.name
    return None


def _is_of_another(catalogue: Catalogue, info: ProviderInfo, base_url: str) -> bool:
    """Whether an address is known to be another provider's."""
    name = provider_at(catalogue, base_url)
    there = catalogue.providers[name] if name else info
    return not set(there.hosts) & set(info.hosts) if there.hosts else False


def _offer(catalogue: Catalogue, info: ProviderInfo, name: str | None, *, free: bool) -> Offer:
    if name is None:
        model = default_model(catalogue, info.name)
        if model is None:
            return _unlisted(catalogue, info, _default_name(info))
        return catalogue.offers[info.name, model.id].at(info.base_url)
    bare = name.removeprefix(info.model_prefix)
    listed = find_model(catalogue, bare)
    if listed and (info.name, listed.id) in catalogue.offers:
        return catalogue.offers[info.name, listed.id].at(info.base_url)
    if free:
        return _unlisted(catalogue, info, name)
    served = [offer.model.id for offer in catalogue.of_provider(info.name)]
    raise UnknownNameError(
        f"{info.title} has no model named {name!r} in the catalogue",
        hint=f"{nearest(bare, served)}known are {', '.join(served)}; "
        "a newer one can be added in a TOML file, see %glm models",
    )


def _default_name(info: ProviderInfo) -> str:
    if info.name in ("llamacpp", LOCAL):
        return "default"  # llama.cpp's server answers with its one model, whatever the name
    raise UnknownNameError(
        f"{info.title} serves whatever its operator loaded, so the model has to be named",
        hint=f"say which with -m NAME or GLM_MODEL; {strip_userinfo(info.base_url)}/models lists "
        "what is there",
    )


def _unlisted(catalogue: Catalogue, info: ProviderInfo, name: str) -> Offer:
    """Return an offer for a name that is sent as it is, with what is known of the model itself."""
    bare = name.rpartition("/")[2].lower().removesuffix("-fp8")
    known = find_model(catalogue, bare)
    model = replace(known, id=name) if known else ModelInfo(name, name)
    return Offer(
        info, model, name, known=False, thinking_off=model.thinking_off, effort=model.effort
    )


def _notices(offer: Offer) -> Iterable[Notice]:
    name = offer.model.id
    if not (offer.known or offer.model.source or name == "default"):
        yield Notice(
            "unlisted-model", f"{name} is not in the catalogue; the name is sent unchanged"
        )
    if offer.retires:
        yield Notice("retires", f"{name} was announced to be removed on {offer.retires}")
