"""Which key goes with a request, where it may go, and what the user is told about it.

A key of a provider, from its own variable, goes to that provider's hosts, or to one that the
catalogue does not know: a gateway. It never goes to the known host of another provider. A key that
the caller gave with the call, and ``GLM_API_KEY``, belong to no provider and go where the request
goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..catalogue.resolve import Resolved
from ..catalogue.schema import ProviderInfo
from ..core.address import host_name, is_this_computer
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..core.secret import Secret
from ..core.turn import KEY_PLACE, Notice
from ..credentials import FoundKey, checked, look_up, missing_key

_warned_hosts: set[str] = set()
"""Hosts that this process was warned of, once each."""


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """The secrets that a request carries."""

    secret: Secret | None
    """The key, with the login and query of the base URL; ``None`` without any of them."""
    where: FoundKey | None = None
    """Where the key was found."""


def key_for(choice: Resolved, api_key: Secret | None = None, *, needed: bool = True) -> ChosenKey:
    """Return the key of a request, checked, and not one that belongs elsewhere.

    Parameters
    ----------
    choice : Resolved
        Who is asked, and at which address.
    api_key : Secret, optional
        A key given by the caller.
    needed : bool
        False does without a key where there is none, for a look at the request.

    Raises
    ------
    MissingKeyError
        There is no key, and the provider needs one.
    InvalidValueError
        It is no key; it belongs to another provider than the address; or the base URL has a login,
        and only one of the two can be sent.
    """
    provider, address = choice.offer.provider, choice.secret
    # What chose the provider is what is sent: a file must not choose where GLM_API_KEY goes.
    where = look_up(provider, api_key, own_only=choice.by_key)
    if where is None:
        has_login = address is not None and address.has_login
        if needed and not provider.self_hosted and not has_login:
            raise missing_key(provider)
        return ChosenKey(address)
    key = checked(where.key)
    if choice.at_another is not None and where.is_of(provider):
        raise _belongs_elsewhere(key, provider, choice.at_another)
    if address is not None and address.has_login:
        raise InvalidValueError(
            tr("the base URL has a login and {source} a key; only one can be sent",
               source=key.source),
            hint=tr(
                'take the login out of the base URL, or do without the key: unset it, or api_key=""'
            ),
        )  # fmt: skip
    return ChosenKey(key.with_address(address), where)


def _belongs_elsewhere(key: Secret, own: ProviderInfo, there: ProviderInfo) -> InvalidValueError:
    return InvalidValueError(
        tr(
            "the base URL is {there}'s, and the key in {source} is for {own}: it is not sent there",
            there=there.name,
            source=key.source,
            own=own.name,
        ),
        hint=tr("ask {there} with -p {there}, or leave base_url and GLM_BASE_URL out",
                there=there.name),
    )  # fmt: skip


def key_notices(
    chosen: ChosenKey, provider: ProviderInfo, *, is_sent: bool = True
) -> tuple[Notice, ...]:
    """Return what the user should know about a key: that a file had it, and who can read it.

    Parameters
    ----------
    chosen : ChosenKey
        The secrets of the request.
    provider : ProviderInfo
        Who is asked, with the address in use.
    is_sent : bool
        False for a look at the request.
    """
    notices = []
    if chosen.where is not None and chosen.where.place in ("keyring", "file"):
        place = ".env" if chosen.where.place == "file" else tr("keyring")
        notices.append(Notice(KEY_PLACE, tr("key: {place}", place=place)))
    parts = urlsplit(provider.base_url)
    host = host_name(parts.hostname or "")
    is_open = parts.scheme == "http" and not is_this_computer(host)
    if chosen.secret is not None and is_open and is_sent and host not in _warned_hosts:
        _warned_hosts.add(host)
        text = tr(
            "the key goes to {host} over plain http, where others on the way can read it; use "
            "https where the server has it",
            host=host,
        )
        notices.append(Notice("plain-http", text))
    return tuple(notices)
