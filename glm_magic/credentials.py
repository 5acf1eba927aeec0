"""Where API keys come from: argument, environment, a ``.env`` file, the system's keyring.

A key is a `Secret` from the moment it is read, also in the local variables of a traceback. It is
not part of a request, a turn, an event or an error. `wire.http` reveals it while it builds the
headers, and a service's error body that repeats it has it cut out before anything reads it.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from .catalogue.schema import ProviderInfo
from .core.errors import InvalidValueError, MissingKeyError
from .core.i18n import tr
from .core.secret import Secret

ANY_PROVIDER = "GLM_API_KEY"
KEYRING_SERVICE = "glm_magic"
"""Service name in the system keyring; the user name there is that of the variable."""


def find_key(
    provider: ProviderInfo, api_key: str | Secret | None = None, *, own_only: bool = False
) -> Secret | None:
    """Return the key for a provider, or ``None``.

    Parameters
    ----------
    provider : ProviderInfo
        Says which environment variables hold its key.
    api_key : str, optional
        A key given by the caller; it wins over all others.
    own_only : bool
        Leave out ``GLM_API_KEY``, which serves any provider and so says nothing about this one.

    Raises
    ------
    InvalidValueError
        A key was found that cannot be sent in a header.
    """
    api_key = Secret(api_key, "api_key") if isinstance(api_key, str) else api_key
    if api_key is not None:
        return None if api_key.is_blank else _checked(api_key)
    names = provider.key_env if own_only else (*provider.key_env, ANY_PROVIDER)
    for key in _candidates(names, keyring=not provider.self_hosted):
        if not key.is_blank:
            return _checked(key)
    return None


def require_key(provider: ProviderInfo, api_key: str | Secret | None = None) -> Secret:
    """Return the key for a provider.

    Raises
    ------
    MissingKeyError
        None was found; the hint names the variable and the page where a key is made.
    """
    key = find_key(provider, api_key)
    if key is None:
        variable = provider.key_env[0] if provider.key_env else ANY_PROVIDER
        raise MissingKeyError(
            tr("no API key for {provider} was found", provider=provider.title),
            hint=_where_to_set(variable, provider.key_url),
            provider=provider.name,
        )
    return key


def _where_to_set(variable: str, url: str | None) -> str:
    if not url:
        return tr("set {variable} in the environment or a .env file", variable=variable)
    return tr(
        "set {variable} in the environment or a .env file (make one at {url})",
        variable=variable,
        url=url,
    )


def _candidates(names: Iterable[str], *, keyring: bool) -> Iterator[Secret]:
    values: dict[str, str | None] | None = None
    for name in names:  # the provider's own key, wherever it is, before the one for any provider
        yield Secret(os.environ.get(name, ""), name)
        if values is None:  # only where the environment does not have the key
            file = _env_file()
            values = _values_in(file) if file is not None else {}
        yield Secret(values.get(name) or "", f"{name} in .env")
        if keyring:
            yield Secret(_from_keyring(name), f"{name} in the keyring")


def _env_file() -> Path | None:
    """Return the nearest ``.env`` of the working folder and the folders above it."""
    folder = Path.cwd()
    for candidate in (folder, *folder.parents):
        file = candidate / ".env"
        if file.is_file():
            return file
    return None


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


def _checked(key: Secret) -> Secret:
    if not key.is_sendable:
        raise InvalidValueError(
            tr("the key in {place} holds characters that no API key has", place=key.source),
            hint=tr("copy it again, without spaces, quotes or line breaks"),
        )
    return key
