"""Compressed bodies, decompressed in pieces of bounded size.

Requests ask for no compression, and some servers compress all the same. One kilobyte on the wire
can become a megabyte, and compressed twice a gigabyte, so nothing is ever decompressed whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from ..core.errors import ProtocolError
from ..core.i18n import tr

PIECE_BYTES = 256 * 1024
_GZIP_OR_ZLIB = 47
"""Window bits with which zlib detects which of the two it is."""

Decompress = Callable[[bytes], Iterator[bytes]]


def decompressor(encoding: str) -> Decompress:
    """Return a function that decompresses the chunks of one body.

    Parameters
    ----------
    encoding : str
        The response's ``Content-Encoding``.

    Raises
    ------
    ProtocolError
        The encoding is not supported; corrupt bytes of a supported one raise it later.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return lambda chunk: iter((chunk,))
    if names in (["gzip"], ["x-gzip"], ["deflate"]):
        return _Inflate()
    raise ProtocolError(
        tr(
            "the reply is compressed as {encoding}, which was not asked for",
            encoding=", ".join(names)[:60],
        ),
        hint=tr("check the base URL; a proxy or gateway in between may do this"),
    )


class _Inflate:
    """Decompress gzip and zlib, also several gzip members in a row."""

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(_GZIP_OR_ZLIB)

    def __call__(self, compressed: bytes) -> Iterator[bytes]:
        try:
            while compressed:
                if self._zip.eof:
                    self._zip = zlib.decompressobj(_GZIP_OR_ZLIB)
                piece = self._zip.decompress(compressed, PIECE_BYTES)
                if piece:
                    yield piece
                compressed = self._zip.unconsumed_tail or self._zip.unused_data
        except zlib.error:
            raise ProtocolError(
                tr("the reply is not compressed the way its header says"),
                hint=tr("check the base URL; a proxy or gateway in between may do this"),
            ) from None
