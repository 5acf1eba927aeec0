"""The certificates that https connections trust, as the environment names them."""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from ..core.errors import GlmError, InvalidValueError
from ..core.i18n import tr

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""What a connection over TLS depends on."""


def tls_context() -> ssl.SSLContext:
    """Return a context that trusts the certificates of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    Without either, those of the package certifi. It does what `ssl.create_default_context` does,
    but a key log (``SSLKEYLOGFILE``) that cannot be written is left out: it is for debugging.

    Raises
    ------
    InvalidValueError
        The certificates that a variable names cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    file, folders = (os.environ.get(name, "") for name in VARIABLES[:2])
    try:
        if not (file or folders):
            import certifi

            context.load_verify_locations(cafile=certifi.where())
        if file:
            context.load_verify_locations(cafile=file)
    except OSError:
        raise _bad_certificates("SSL_CERT_FILE" if file else "") from None
    for folder in filter(None, folders.split(os.pathsep)):
        if not Path(folder).is_dir():  # which OpenSSL would pass over in silence
            raise _bad_certificates("SSL_CERT_DIR")
        context.load_verify_locations(capath=folder)
    if log := os.environ.get("SSLKEYLOGFILE"):
        with suppress(OSError, ValueError):
            context.keylog_filename = log
    return context


def _bad_certificates(name: str) -> GlmError:
    if not name:
        return InvalidValueError(
            tr("the system's certificates cannot be read"),
            hint=tr("set SSL_CERT_FILE to an existing PEM file"),
        )
    hint = (
        tr("set {variables} to an existing PEM file, or unset it", variables=name)
        if name == "SSL_CERT_FILE"
        else tr("set SSL_CERT_DIR to an existing folder of certificates, or unset it")
    )
    return InvalidValueError(
        tr("the certificates in {variables} cannot be read", variables=name), hint=hint
    )
