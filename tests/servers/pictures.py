"""What a server that sees does with the pictures of a request: it decodes them, or refuses."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

MOST_BYTES = 5_000_000
LONGEST_SIDE = 6000
"""BigModel's documentation: less than 5 MB each, at most 6000 × 6000 pixels."""


def parts_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each content part of a request's messages."""
    for message in body.get("messages") or ():
        content = message.get("content")
        if isinstance(content, list):
            yield from content


def addresses_in(body: Mapping[str, Any]) -> list[str]:
    """Return the address, or the content, of each picture."""
    return [part["image_url"]["url"] for part in parts_of(body) if part["type"] == "image_url"]


def pictures_in(body: Mapping[str, Any]) -> list[Any]:
    """Return the pixels of each picture whose content was sent, as a model gets them."""
    return [_pixels(url) for url in addresses_in(body) if not url.startswith("http")]


def _pixels(url: str) -> Any:
    head, _, content = url.rpartition(",")
    data = base64.b64decode(content, validate=True)
    assert len(data) < MOST_BYTES
    with Image.open(io.BytesIO(data)) as image:
        assert head in ("", f"data:image/{(image.format or '').lower()};base64")
        assert max(image.size) <= LONGEST_SIDE
        return np.asarray(image.convert("RGB"))


def refusal_of(body: Mapping[str, Any], *, sees: bool, most: int = 50) -> str | None:
    """Return why the pictures of a request are refused, if they are."""
    parts = list(parts_of(body))
    if parts and not sees:
        return "this model takes text only"
    if len(addresses_in(body)) > most:
        return f"at most {most} images are supported"
    try:
        pictures_in(body)
    except (AssertionError, OSError, ValueError, binascii.Error) as error:
        return f"an image cannot be read: {error}"
    if any(part["type"] == "text" and not part["text"].strip() for part in parts):
        return "a text part is empty"
    return None
