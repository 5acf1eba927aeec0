"""Where API keys come from: argument, environment, the system's keyring, a ``.env`` file.

A key is a `Secret` from the moment it is read, also in the local variables of a traceback. It is
not part of a request, a turn, an event or an error. `wire.http` reveals it while it builds the
headers, and a reply that repeats it has it cut out before it is shown or kept.

A ``.env`` file adds a key where there is none; it takes the place of no other. It is read in the
working folder and in the folders above it that belong to the same project, and only where it is the
user's own: a folder that somebody else prepared must not decide whose account is asked.

A key of a provider, from its own variable, goes to that provider's hosts, or to one that the
catalogue does not know: a gateway. It never goes to the known host of another provider. A key that
the caller gave with the call, and ``GLM_API_KEY``, belong to no provider and go where the request
goes.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .catalogue.resolve import Resolved
from .catalogue.schema import ProviderInfo
from .core.address import host_name, is_this_computer
from .core.errors import InvalidValueError, MissingKeyError
from .core.i18n import tr
from .core.secret import Secret
from .core.turn import KEY_PLACE, Notice

ANY_PROVIDER = "GLM_API_KEY"
KEYRING_SERVICE = "glm_magic"
"""Service name in the system keyring; the user name there is that of the variable."""
MAX_FILE_BYTES = 1024 * 1024
"""A longer ``.env`` file is none."""
_warned_hosts: set[str] = set()
"""Hosts that this process was warned of, once each."""
_PROJECT_MARKS = (".git", ".hg", ".jj", ".svn", ".bzr", ".sl", "_darcs", ".fslckout", ".pijul")
"""What version control keeps in the top folder of a project."""

Place = Literal["argument", "environment", "keyring", "file"]
PLACES: tuple[Place, ...] = ("argument", "environment", "keyring", "file")
"""Where keys are looked for, in order."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and where it was."""

    key: Secret
    place: Place
    variable: str
    """The variable that it was under; empty for an argument."""
    file: Path | None = None
    """The ``.env`` file, for a key from one."""

    def is_of(self, provider: ProviderInfo) -> bool:
        """Whether it is this provider's own key, and not one for any, nor one given for a call."""
        return self.variable in provider.key_env


def look_up(
    provider: ProviderInfo, api_key: str | Secret | None = None, *, own_only: bool = False
) -> FoundKey | None:
    """Return the key for a provider and where it was found, as it is; ``None`` without one.

    Parameters
    ----------
    provider : ProviderInfo
        Says which environment variables hold its key.
    api_key : str, optional
        A key given by the caller; it wins over all others, and an empty one means none.
    own_only : bool
        Leave out ``GLM_API_KEY``, which serves any provider and so says nothing about this one.
    """
    api_key = Secret(api_key, "api_key") if isinstance(api_key, str) else api_key
    if api_key is not None:
        return None if api_key.is_blank else FoundKey(api_key, "argument", "")
    names = provider.key_env if own_only else (*provider.key_env, ANY_PROVIDER)
    candidates = _candidates(names, keyring=not provider.self_hosted)
    return next((one for one in candidates if not one.key.is_blank), None)


def find_key(
    provider: ProviderInfo, api_key: str | Secret | None = None, *, own_only: bool = False
) -> Secret | None:
    """Return the key for a provider, or ``None``; see `look_up`.

    Raises
    ------
    InvalidValueError
        What was found is no key; the message tells what got into it, and does not show it.
    """
    there = look_up(provider, api_key, own_only=own_only)
    return None if there is None else checked(there.key)


def require_key(provider: ProviderInfo, api_key: str | Secret | None = None) -> Secret:
    """Return the key for a provider.

    Raises
    ------
    MissingKeyError
        None was found; the hint names the variable and the page where a key is made.
    """
    key = find_key(provider, api_key)
    if key is None:
        raise missing_key(provider)
    return key


def missing_key(provider: ProviderInfo) -> MissingKeyError:
    """Return the error of a provider that has no key."""
    variable = provider.key_env[0] if provider.key_env else ANY_PROVIDER
    return MissingKeyError(
        tr("no API key for {provider} was found", provider=provider.title),
        hint=_where_to_set(variable, provider.key_url, _passed_over()),
        provider=provider.name,
    )


def _where_to_set(variable: str, url: str | None, passed_over: str) -> str:
    if passed_over:
        return tr(
            "{reason}; set {variable} in the environment", reason=passed_over, variable=variable
        )
    if not url:
        return tr("set {variable} in the environment or a .env file", variable=variable)
    return tr(
        "set {variable} in the environment or a .env file (make one at {url})",
        variable=variable,
        url=url,
    )


def _candidates(names: Iterable[str], *, keyring: bool) -> Iterator[FoundKey]:
    """Yield what may be the key, place by place; within one, the provider's own first."""
    names = tuple(names)
    for name in names:
        if os.environ.get(name, "").strip():
            yield FoundKey(Secret(os.environ[name], name), "environment", name)
    for name in names if keyring else ():
        yield FoundKey(Secret(_from_keyring(name), f"{name} in the keyring"), "keyring", name)
    for file in env_files():
        values = _values_in(file)
        for name in names:
            key = Secret(values.get(name) or "", f"{name} in .env")
            yield FoundKey(key, "file", name, file)


def env_files() -> Iterator[Path]:
    """Yield the ``.env`` files that may hold keys, from the working folder upwards.

    The search ends at the top folder of the project, as version control marks it, or else at the
    home folder. Outside both, only the working folder itself counts.
    """
    for folder in _folders():
        file = folder / ".env"
        if _problem(file) is None:
            yield file


def _folders() -> tuple[Path, ...]:
    try:
        here, home = Path.cwd(), _home()
    except OSError:  # the working folder is gone
        return ()
    above = (here, *here.parents)
    for number, folder in enumerate(above, 1):
        if folder == home or any((folder / mark).exists() for mark in _PROJECT_MARKS):
            return above[:number]
    return (here,)


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):
        return None


def _problem(file: Path) -> str | None:
    """Return why a file is not read, in words where the user should know; ``None`` if it is."""
    try:
        link, target = file.lstat(), file.stat()
    except OSError:
        return ""
    if not stat.S_ISREG(target.st_mode) or target.st_size > MAX_FILE_BYTES:
        return ""
    if not hasattr(os, "getuid"):
        return None
    if {link.st_uid, target.st_uid} != {os.getuid()}:
        return tr("the .env file here belongs to another user, so it is not read")
    if target.st_mode & stat.S_IWOTH:
        return tr("the .env file here can be written by anyone, so it is not read")
    return None


def _passed_over() -> str:
    """Return why a ``.env`` file that is there was not read; empty where none was left out."""
    return next(filter(None, (_problem(folder / ".env") for folder in _folders())), "")


def _values_in(file: Path) -> dict[str, str | None]:
    """Read a ``.env`` file in the encoding it was saved in; one that cannot be read is empty."""
    from dotenv import dotenv_values

    try:
        data = file.read_bytes()
    except OSError:
        return {}
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as PowerShell's ">" writes
    text = data.decode("utf-16" if wide else "utf-8-sig", "replace")
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def _from_keyring(name: str) -> str:
    try:
        import keyring
    except ImportError:  # an extra
        return ""
    try:
        return keyring.get_password(KEYRING_SERVICE, name) or ""
    except Exception:  # a locked or missing backend has no key
        return ""


def checked(key: Secret) -> Secret:
    """Return a key that can be sent.

    Raises
    ------
    InvalidValueError
        It is no key; the message tells what got into it, and does not show it.
    """
    problem = key.problem()
    if problem is not None:
        message, hint = problem
        raise InvalidValueError(message, hint=hint)
    return key


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
    if chosen.secret is None:
        return ()
    notices = []
    if chosen.where is not None and chosen.where.place in ("keyring", "file"):
        place = ".env" if chosen.where.place == "file" else tr("keyring")
        notices.append(Notice(KEY_PLACE, tr("key: {place}", place=place)))
    parts = urlsplit(provider.base_url)
    host = host_name(parts.hostname or "")
    is_open = parts.scheme == "http" and not is_this_computer(host)
    if is_open and is_sent and host not in _warned_hosts:
        _warned_hosts.add(host)
        text = tr(
            "the key goes to {host} over plain http, where others on the way can read it; use "
            "https where the server has it",
            host=host,
        )
        notices.append(Notice("plain-http", text))
    return tuple(notices)
