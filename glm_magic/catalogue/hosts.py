"""Which provider an address belongs to."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from ..core.address import host_name, is_this_computer
from .load import Catalogue
from .schema import ProviderInfo


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


def other_provider(catalogue: Catalogue, info: ProviderInfo, base_url: str) -> ProviderInfo | None:
    """Return the provider that the catalogue has an address for, if that is another one."""
    name = provider_at(catalogue, base_url)
    there = catalogue.providers[name] if name else info
    return there if there.hosts and not set(there.hosts) & set(info.hosts) else None


def of_its_protocol(
    catalogue: Catalogue, info: ProviderInfo, base_url: str, called: str
) -> ProviderInfo:
    """Return the provider with the same keys whose protocol an address is for.

    Model Studio has two protocols, with an address each: the host and path tell which, and at an
    unknown host, the path of a single call that the address was copied with.
    """
    there = provider_at(catalogue, base_url)
    twins = [
        twin
        for twin in catalogue.providers.values()
        if twin.key_env == info.key_env and twin.dialect != info.dialect and twin.hosts
    ]
    if there is not None:
        return next((twin for twin in twins if twin.name == there), info)
    if not info.hosts or called.lower() == info.path:
        return info
    path = urlsplit(base_url).path
    for twin in twins:
        own = urlsplit(twin.base_url).path
        has_own_path = not twin.host_path and path.endswith(own)
        if twin.hosts == info.hosts and (called.lower() == twin.path or has_own_path):
            return twin
    return info
