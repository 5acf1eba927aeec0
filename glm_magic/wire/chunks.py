"""The chunks in which HTTP sends a body whose length is not known yet. RFC 9112, section 7.1."""

from __future__ import annotations

import re

HEAD_END = re.compile(rb"\n\r?\n")
"""The end of a response's head."""

_CHUNKED_HEAD = re.compile(rb"HTTP/1\.1 (?!204|304)[2-5]\d\d[ \r]")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?=\r\n)", re.IGNORECASE)
_CODING = re.compile(rb"\ntransfer-encoding", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_PART_OF_SIZE = re.compile(rb"[0-9a-fA-F]{0,8}\r?")
_NO_SIZE = b"\r\n"
"""Where a chunk is longer than it says: h11 must not take the surplus for the next one's size."""


class ChunkReader:
    """Takes the contents out of the HTTP chunks of a body, as long as these are plain.

    The rest, from the last chunk on, or from the first one with an extension, is for h11 to read,
    which then finds itself between two chunks.
    """

    __slots__ = ("_held", "_left", "rest")

    def __init__(self) -> None:
        self._held = b""
        """The beginning of a line between two chunks."""
        self._left = 0
        """Bytes of the chunk at hand that are still to come, the line end after it included."""
        self.rest: bytes | None = None
        """What is left for h11, once something is."""

    def feed(self, data: bytes) -> bytes:
        """Return the contents that have come; nothing where only a part of a line has."""
        data, self._held = self._held + data, b""
        contents: list[bytes] = []
        at, last = 0, len(data)
        while at < last:
            if not self._left:
                size = _SIZE.match(data, at)
                length = int(size[1], 16) if size else 0
                if size is None or not length:
                    self._set_aside(data[at:])
                    break
                self._left, at = length + 2, size.end()
            end = at + self._left
            content = min(end - 2, last)
            contents.append(data[at:content])
            if end > last:
                self._left, self._held = end - content, data[content:]
                break
            self._left, at = 0, end
            if data[content:end] != b"\r\n":
                self.rest = _NO_SIZE + data[content:]
                break
        return b"".join(contents)

    def _set_aside(self, line: bytes) -> None:
        if _PART_OF_SIZE.fullmatch(line):
            self._held = line
        else:
            self.rest = line


def is_chunked(head: bytes) -> bool:
    """Whether a head announces chunks, and nothing that leaves a doubt about it."""
    if not head.endswith(b"\r\n\r\n") or _CHUNKED_HEAD.match(head) is None:
        return False
    return _CHUNKED.search(head) is not None and len(_CODING.findall(head)) == 1
