"""A packed body, unpacked in pieces of bounded size.

We ask for no packing, and some servers pack all the same. One kilobyte on the wire can become a
megabyte, and packed twice a gigabyte, so nothing is ever unpacked whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from ..core.errors import ProtocolError

PIECE_BYTES = 256 * 1024
_GZIP_OR_ZLIB = 47
"""Window bits that let zlib see for itself which of the two it is."""

Unpack = Callable[[bytes], Iterator[bytes]]


def unpacker(encoding: str) -> Unpack:
    """Return what unpacks the chunks of one body.

    Parameters
    ----------
    encoding : str
        The response's ``Content-Encoding``.

    Raises
    ------
    ProtocolError
        The encoding is not one that can be read; the packed bytes of a known one raise it too.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return iter_one
    if names in (["gzip"], ["x-gzip"], ["deflate"]):
        return _Inflate()
    raise ProtocolError(
        f"the server packed its reply as {', '.join(names)[:60]}, which was not asked for",
        hint="check the base URL; a proxy or gateway in between may do this",
    )


def iter_one(chunk: bytes) -> Iterator[bytes]:
    """Give a chunk as it is."""
    yield chunk


class _Inflate:
    """Unpack gzip and zlib, also several gzip files one after the other."""

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(_GZIP_OR_ZLIB)

    def __call__(self, packed: bytes) -> Iterator[bytes]:
        try:
            while packed:
                if self._zip.eof:
                    self._zip = zlib.decompressobj(_GZIP_OR_ZLIB)
                piece = self._zip.decompress(packed, PIECE_BYTES)
                if piece:
                    yield piece
                packed = self._zip.unconsumed_tail or self._zip.unused_data
        except zlib.error:
            raise ProtocolError(
                "the server's reply is not packed as it says",
                hint="check the base URL; a proxy or gateway in between may do this",
            ) from None
