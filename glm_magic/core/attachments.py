"""Pictures and files in a message: what they are, where they stand in its text, what they cost.

A message keeps its text as one string, and each attachment knows the place in it where it stands.
So everything that reads texts needs to know of no parts, and a dialect makes parts of both when a
request is spelled. The content itself is never part of what is saved with a turn: it is kept once
under its hash, in a file of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

Kind = Literal["picture", "file", "video", "text"]
"""``text`` is a file whose text joins the prompt before anything is sent."""

LONGEST_SIDE = 2048
"""Pixels; a larger picture is made smaller before it is sent."""
MOST_BYTES = 4_000_000
"""Of a picture: BigModel and Z.ai take less than 5 MB each (API documentation, 2026-11)."""
MOST_FILE_BYTES = 32_000_000
THUMBNAIL_SIDE = 256
MOST_THUMBNAIL_BYTES = 15_000
"""As base64, in a saved page, that is 20 kB."""

PATCH_PIXELS = 28
"""Side of the square that is one token: patches of 14 pixels, joined two by two (the published
preprocessor of GLM-4.5V and GLM-4.6V)."""
FEWEST_TOKENS, MOST_TOKENS = 16, 12_288
"""The same preprocessor's bounds for one picture."""
PAGE_TOKENS = 1_500
"""Approximate tokens of a page of a document."""
_ADDRESSES = ("url", "file_data")
"""Where a part of a message has an address."""
UNSEEN_SIDE = 1024
"""Assumed of a picture that is sent by its address, which nobody here has seen."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or a file in a message."""

    kind: Kind
    media_type: str
    name: str
    """How the user calls it: an expression, or the name of a file."""
    hash: str = ""
    """SHA-256 of the content, in hexadecimal; empty for one that is sent by its address."""
    at: int = 0
    """Place in the message's text, in characters."""
    size: int = 0
    """Bytes of the content."""
    width: int = 0
    height: int = 0
    pages: int = 0
    """Of a document, as far as they can be counted."""
    url: str = ""
    """Its address, where the provider is to fetch it."""
    remark: str = ""
    """What was done to it, such as that only the first of several frames is sent."""
    data: bytes = field(default=b"", repr=False, compare=False, metadata={"saved": False})
    """The content; empty where it is kept no longer."""
    thumbnail: bytes = field(default=b"", repr=False, compare=False, metadata={"saved": False})
    """A small form of a picture, PNG or JPEG; empty where none could be made."""

    @property
    def tokens(self) -> int:
        """Approximate input tokens that it takes; 0 for a video, whose length nobody here knows."""
        if self.kind == "video":
            return 0
        if self.kind == "file":
            return PAGE_TOKENS * max(1, self.pages)
        width, height = self.width or UNSEEN_SIDE, self.height or UNSEEN_SIDE
        squares = -(-width // PATCH_PIXELS) * -(-height // PATCH_PIXELS)
        return max(FEWEST_TOKENS, min(squares, MOST_TOKENS))

    @property
    def sides(self) -> str:
        """Width and height for a reader; empty where they are not known."""
        return f"{self.width} × {self.height}" if self.width else ""

    @property
    def is_there(self) -> bool:
        """Whether it can be sent: its content is kept, or it goes by its address."""
        return bool(self.data or self.url)

    @property
    def base64(self) -> str:
        """The content as text."""
        return _base64(self.data)

    @property
    def data_uri(self) -> str:
        """The content as an address that holds it."""
        return f"data:{self.media_type};base64,{self.base64}"

    @property
    def stand_in(self) -> str:
        """What a model reads in its place, where it is not sent."""
        sides = f", {self.width}×{self.height}" if self.width else ""
        return f"[{self.kind}: {self.name}{sides}; not shown here]"

    def moved(self, count: int) -> Attachment:
        """Return the same so many characters further on in the text."""
        return replace(self, at=self.at + count)


def hash_of(data: bytes) -> str:
    """Return the name under which a content is kept."""
    return hashlib.sha256(data).hexdigest()


@lru_cache(maxsize=8)
def _base64(data: bytes) -> str:
    # A picture goes with every later turn of its conversation, and the bodies of those are kept.
    return base64.b64encode(data).decode()


def read_address(address: str) -> tuple[str, bytes] | None:
    """Return the media type and the content that an address holds, as far as it holds any.

    Parameters
    ----------
    address : str
        ``data:image/png;base64,…``, or base64 alone, whose media type is then empty.

    Raises
    ------
    ValueError
        It is neither.
    """
    if address[:8].lower().startswith(("http://", "https://")):
        return None
    head, _, content = address.rpartition(",")
    if head and not (head.startswith("data:") and head.endswith(";base64")):
        raise ValueError(head)
    media_type = head.removeprefix("data:").removesuffix(";base64")
    return media_type, base64.b64decode(content, validate=True)


def parts_of(text: str, attachments: Iterable[Attachment]) -> Iterator[str | Attachment]:
    """Yield a message's text and its attachments in the order in which they stand."""
    start = 0
    for attachment in sorted(attachments, key=lambda one: one.at):
        if attachment.at > start:
            yield text[start : attachment.at]
            start = attachment.at
        yield attachment
    if start < len(text):
        yield text[start:]


def by_hash(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body with each content under its hash: ``data:image/png;sha256,…``.

    So it is compared, kept on a tape, and shown.
    """
    inner = body.get("input")
    if isinstance(inner, Mapping):  # the native form of Model Studio nests the messages
        return {**body, "input": by_hash(inner)}
    messages = body.get("messages")
    if not isinstance(messages, list | tuple):
        return dict(body)
    return {**body, "messages": [_message_by_hash(message) for message in messages]}


def _message_by_hash(message: Any) -> Any:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list):
        return message
    return {**message, "content": [_part_by_hash(part) for part in content]}


def _part_by_hash(part: Any) -> Any:
    addresses = _addresses_in(part)
    if not addresses:
        return part
    named = {name: _by_hash(address) for name, address in addresses.items()}
    return {**part, part["type"]: {**part[part["type"]], **named}}


def inside_of(part: Any) -> Mapping[str, Any]:
    """Return what a part of a message in the OpenAI form holds under the name of its type."""
    inside = part.get(str(part.get("type"))) if isinstance(part, Mapping) else None
    return inside if isinstance(inside, Mapping) else {}


def _addresses_in(part: Any) -> dict[str, str]:
    """Return the addresses of a part by their fields; they may hold the content themselves."""
    inside = inside_of(part)
    return {name: inside[name] for name in _ADDRESSES if isinstance(inside.get(name), str)}


@lru_cache(maxsize=2)
def _by_hash(address: str) -> str:
    try:
        content = read_address(address)
    except ValueError:  # a caller's own part
        return address
    if content is None:
        return address
    media_type, data = content
    return f"data:{media_type};sha256,{hash_of(data)}" if data else address


def messages_in(body: Mapping[str, Any]) -> Sequence[Any]:
    """Return the messages of a request's body, in whichever protocol it is."""
    inner = body.get("input")
    return (inner if isinstance(inner, Mapping) else body).get("messages") or ()


def contents_in(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the content of each picture and file in a request's body, in base64, by its hash."""
    messages = (message for message in messages_in(body) if isinstance(message, Mapping))
    contents = (message.get("content") for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    addresses = (address for part in parts for address in _addresses_in(part).values())
    named = ((_by_hash(address), address.rpartition(",")[2]) for address in addresses)
    return {name: content for name, content in named if ";sha256," in name}


def with_names(text: str, attachments: Iterable[Attachment]) -> str:
    """Return a message as a person reads it: each attachment by its name."""
    parts = parts_of(text, attachments)
    return "".join(part if isinstance(part, str) else f"[{part.name}]" for part in parts)
