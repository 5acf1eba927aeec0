"""Whose an address is: the provider that has a host, and the protocol that a path is for."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from ..core.address import host_name, is_this_computer, shown_anyway, split
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from .load import Catalogue
from .schema import ProviderInfo


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
