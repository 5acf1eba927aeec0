"""Which proxy a request goes through, as the environment says when the request is sent.

The variables are those of curl, and read as Python's own `urllib.request.getproxies` reads them:
``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy``; lower case wins over upper case,
and an empty lower-case one unsets the other. Without any of them, macOS and Windows are asked for
the system's proxies. Only the variable that this request needs is looked at, so a proxy that cannot
be used, or an entry of ``NO_PROXY`` that nobody understands, stops no other request.

A request to this computer never goes through a proxy: no proxy could reach it.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from ..core.address import IpAddress, host_name, ip_address, is_this_computer

_PORTS = {"http": 80, "https": 443}
_SCHEMES = {"socks": "socks5"}
"""GNOME writes ``socks://``; what it means is SOCKS 5."""


@dataclass(frozen=True, slots=True)
class ProxySetting:
    """The proxy that one request has to go through."""

    url: str
    """Its address with a scheme; it may hold a password, so it is shown nowhere."""
    variable: str
    """The environment variable that names it; empty where the system's settings do."""

    def __repr__(self) -> str:
        return f"<proxy from {self.variable or 'the system'}>"

    @property
    def scheme(self) -> str:
        """``http``, ``https``, ``socks5``, ``socks5h``, or one that cannot be used."""
        return self.url.partition("://")[0].lower()


def proxy_for(url: str) -> ProxySetting | None:
    """Return the proxy for a request, ``None`` where it goes straight to its host.

    Parameters
    ----------
    url : str
        Where the request goes.
    """
    parts = urlsplit(url)
    host, scheme = parts.hostname or "", parts.scheme.lower()
    if is_this_computer(host):
        return None
    proxies = getproxies()
    kind = next((kind for kind in (scheme, "all") if proxies.get(kind)), "")
    if not kind or is_exempt(proxies.get("no", ""), host, parts.port or _PORTS.get(scheme)):
        return None
    if not getproxies_environment() and proxy_bypass(host):  # the system's own list
        return None
    address = proxies[kind].strip()
    head, mark, rest = address.partition("://")
    known = _SCHEMES.get(head.lower(), head.lower())
    return ProxySetting(f"{known}://{rest}" if mark else f"http://{address}", variable_of(kind))


def variable_of(kind: str) -> str:
    """Return the variable that sets a kind of proxy; empty where none does.

    Parameters
    ----------
    kind : str
        ``http``, ``https`` or ``all``.
    """
    names = (f"{kind}_proxy", f"{kind.upper()}_PROXY")
    return next((name for name in names if os.environ.get(name)), "")


def is_exempt(no_proxy: str, host: str, port: int | None = None) -> bool:
    """Whether ``NO_PROXY`` takes a host out.

    Parameters
    ----------
    no_proxy : str
        The list, its entries parted by commas or white space: ``*`` for every host; a name, with or
        without a leading dot, for itself and all names below it; a name with ``*`` in it; an
        address; a network such as ``10.0.0.0/8`` or ``fd00::/8``. A port after any of them limits
        it to that port. An entry that is none of these matches nothing.
    host : str
        A name, or an address with or without brackets.
    port : int, optional
        The port that the request goes to.
    """
    address, name = ip_address(host), host_name(host)
    entries = re.split(r"[\s,;]+", no_proxy.strip().lower())
    return any(_takes_out(entry, name, address, port) for entry in entries if entry)


def _takes_out(entry: str, name: str, address: IpAddress | None, port: int | None) -> bool:
    entry = entry.partition("://")[2] or entry
    if entry == "*":
        return True
    host, entry_port = _host_and_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    if address is not None and "*" not in host:
        return _holds(host, address)
    pattern = host_name(host.lstrip("."))
    if not pattern:
        return False
    if "*" in pattern:
        return fnmatch.fnmatchcase(str(address or name), pattern)
    return name == pattern or name.endswith(f".{pattern}")


def _host_and_port(entry: str) -> tuple[str, int | None]:
    """Split ``host:port``; an IPv6 address has a port only after brackets."""
    if entry.startswith("["):
        host, _, rest = entry[1:].partition("]")
        # "[fd00::]/8" and "[fd00::/8]" are both written
        host, rest = (host + rest.partition(":")[0], rest.partition(":")[2]) if rest else (host, "")
        return host, int(rest) if rest.isdecimal() and len(rest) < 6 else None
    host, _, port = entry.rpartition(":")
    if host and ":" not in host and port.isdecimal() and len(port) < 6:
        return host, int(port)
    return entry, None


def _holds(entry: str, address: IpAddress) -> bool:
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        own = ip_address(entry)
        return own is not None and own == address
    if network.version != address.version:
        mapped = _unmapped(network)
        return mapped is not None and address in mapped
    return address in network


def _unmapped(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | None:
    """Return the IPv4 network that an IPv6 one maps, such as ``::ffff:10.0.0.0/104``."""
    if not isinstance(network, ipaddress.IPv6Network) or network.prefixlen < 96:
        return None
    mapped = network.network_address.ipv4_mapped
    return ipaddress.IPv4Network((mapped, network.prefixlen - 96)) if mapped else None
