"""The protocol that an address is for, where a provider has more than one."""

from __future__ import annotations

from urllib.parse import urlsplit

from .load import Catalogue
from .schema import ProviderInfo


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
