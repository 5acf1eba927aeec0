"""What the bytes of a PNG or JPEG say of the picture, read without Pillow.

A picture that can go as it is needs no library. What is sent is the picture alone: where and with
what it was taken, and whatever else a program noted in the file, stays here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_KEPT_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT")
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segment that has a JPEG's size."""
_KEPT_SEGMENTS = {0xE0, 0xEE}
"""Of those that an application writes: JFIF's head, and Adobe's, which names the colours."""
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_MOST_PIECES = 20_000
"""Chunks or segments of a file; one that has more is left to Pillow."""
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Where the data of a scan end: other pairs with 0xFF belong to them."""
_ORIENTATION = re.compile(
    rb"\x01\x12\x00\x03\x00\x00\x00\x01\x00(.)|\x12\x01\x03\x00\x01\x00\x00\x00(.)\x00", re.DOTALL
)
"""The entry of the Exif table that says how the camera was held, in either order of bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's form, as far as its head tells it."""

    format: Literal["png", "jpeg"]
    width: int
    height: int
    is_plain: bool
    """Whether every model reads it as a person does: upright, opaque, still, in 8 bits, in sRGB."""
    content: bytes
    """The file without what programs noted in it."""


def read_header(data: bytes) -> Header | None:
    """Return what a PNG or JPEG says of itself.

    Returns
    -------
    Header or None
        ``None`` for another format, and for a file that is cut off or otherwise broken.
    """
    try:
        if data.startswith(_PNG):
            return _png(data)
        return _jpeg(data) if data.startswith(_JPEG) else None
    except (IndexError, ValueError):
        return None


def is_known(data: bytes) -> bool:
    """Whether a content begins as a PNG or JPEG does."""
    return data.startswith((_PNG, _JPEG))


def _png(data: bytes) -> Header | None:
    kept = [_PNG]
    names: list[bytes] = []
    for name, start, end in _chunks(data):
        names.append(name)
        if len(names) > _MOST_PIECES:
            return None
        if name in _KEPT_CHUNKS:
            kept.append(data[start:end])
    if not names or names[0] != b"IHDR" or names[-1] != b"IEND":
        return None
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    depth, colours = data[24], data[25]
    special = {b"tRNS", b"acTL", b"iCCP", b"eXIf"} & set(names)
    is_plain = depth <= 8 and colours not in (4, 6) and not special
    return Header("png", width, height, is_plain, b"".join(kept))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk of a PNG that is there whole."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            return
        name = data[at + 4 : at + 8]
        yield name, at, end
        if name == b"IEND":
            return
        at = end


def _jpeg(data: bytes) -> Header | None:
    kept = [data[:2]]
    size: tuple[int, int] | None = None
    is_plain = True
    at = 2
    for _ in range(_MOST_PIECES):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xD9:
            break
        if marker == 0xFF:  # padding
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        segment = data[at:end]
        if marker in _SIZES:
            size = (int.from_bytes(segment[7:9]), int.from_bytes(segment[5:7]))
            is_plain = is_plain and segment[4] == 8 and segment[9] in (1, 3)
        is_plain = is_plain and not _needs_care(marker, segment)
        if marker == 0xDA:
            match = _NEXT_MARKER.search(data, end)
            if match is None:
                return None  # cut off inside the picture
            end = match.start()
            segment = data[at:end]
        if marker in _KEPT_SEGMENTS or not (marker in _APPLICATION or marker == _COMMENT):
            kept.append(segment)
        at = end
    else:
        return None
    if size is None:
        return None
    return Header("jpeg", *size, is_plain, b"".join([*kept, b"\xff\xd9"]))


def _needs_care(marker: int, segment: bytes) -> bool:
    """Whether a segment turns the picture, or gives its numbers other colours."""
    if marker == 0xE1 and segment[4:8] == b"Exif":
        match = _ORIENTATION.search(segment)
        return match is not None and (match[1] or match[2]) not in (b"\x00", b"\x01")
    return marker == 0xE2 and segment[4:15] == b"ICC_PROFILE" and b"sRGB" not in segment
