"""Pictures and files of a message as the content parts of the OpenAI-style grammar.

A message without any keeps its content as one string, as every server takes it. With some, it is a
list of parts in the order in which they stand. What the model cannot be shown, or not again, is
named in the text instead.

Notes
-----
``{"type": "image_url", "image_url": {"url": …}}`` is the same at BigModel, Z.ai, OpenRouter, vLLM,
SGLang, llama.cpp, Ollama and LM Studio, with an address or ``data:image/png;base64,…``, which the
clients of BigModel and Z.ai send without its head. A document
is ``file_url`` at BigModel and Z.ai, by its address alone, and ``file`` at OpenRouter; a video is
``video_url``, by its address. Pictures of
a tool's result follow in a message of the user: the content of a ``tool`` message is a text at
BigModel and Z.ai. Documentation of the services, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..catalogue.schema import Offer
from ..core.attachments import Attachment, parts_of
from ..core.messages import Message
from ..core.spelled import SpelledMessage

Part = dict[str, Any]
Content = str | list[Part]

OF_TOOL = "What the function returned:"
"""Stands before the pictures of a tool's result."""


class Shown:
    """Which attachments of a request's messages the model is shown.

    Every request carries the pictures of the turns before it, because a service keeps nothing
    between two of them; where it takes fewer, the newest are shown.

    Parameters
    ----------
    messages : sequence of Message
        The request's.
    offer : Offer
        The model, and how many pictures it takes.
    """

    def __init__(self, messages: Sequence[Message], offer: Offer) -> None:
        self._offer, self.provider = offer, offer.provider
        messages = [message for message in messages if message.attachments]
        newest = [one for message in reversed(messages) for one in reversed(message.attachments)]
        able = [one for one in newest if self._is_able(one)]
        pictures = [one for one in able if one.kind == "picture"][: offer.max_images]
        self._shown = [*pictures, *(one for one in able if one.kind != "picture")]
        self._ids = set(map(id, self._shown))
        self._messages = messages
        self.left_out = [one for one in reversed(newest) if one not in self]
        """What is named in the text instead, oldest first."""

    def __contains__(self, attachment: Attachment) -> bool:
        return id(attachment) in self._ids

    @property
    def in_order(self) -> list[Attachment]:
        """What is shown, in the order in which the request has it."""
        return [
            one
            for message in self._messages
            for one in sorted(message.attachments, key=lambda one: one.at)
            if one in self
        ]

    @property
    def tokens(self) -> int:
        """Approximate tokens of everything that is shown."""
        return sum(attachment.tokens for attachment in self._shown)

    def _is_able(self, attachment: Attachment) -> bool:
        provider = self.provider
        if attachment.kind == "picture":
            sees = self._offer.images != "no"
            return sees and bool(attachment.data or (attachment.url and provider.image_urls))
        if attachment.kind == "video":
            return bool(attachment.url) and self._offer.video == "yes"
        form = "url" if attachment.url else "data"
        reads = self._offer.files == "yes" or "data" in provider.file_forms
        return reads and attachment.is_there and form in provider.file_forms


def encode_content(message: Message, shown: Shown) -> Content:
    """Spell the content of a message: a string, or parts where it has something to show."""
    if message.role == "tool":
        names = [one.stand_in for one in message.attachments if one not in shown]
        return "\n".join([message.content, *names])
    if not message.attachments:
        return message.content
    parts = [
        part if isinstance(part, str) or part in shown else part.stand_in
        for part in parts_of(message.content, message.attachments)
    ]
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return [encoded for part in _joined(parts) for encoded in _encoded(part, shown)]


def result_pictures(results: Iterable[Message], shown: Shown) -> list[SpelledMessage]:
    """Return the message that shows what functions returned; none where there is no picture."""
    pictures = [one for message in results for one in message.attachments if one in shown]
    if not pictures:
        return []
    parts = [part for one in pictures for part in _encoded(one, shown)]
    content = [{"type": "text", "text": OF_TOOL}, *parts]
    return [SpelledMessage({"role": "user", "content": content})]


def _joined(parts: Sequence[str | Attachment]) -> Iterator[str | Attachment]:
    """Yield parts with neighbouring texts as one."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text:
        yield text


def _encoded(part: str | Attachment, shown: Shown) -> Iterator[Part]:
    if isinstance(part, str):
        if part.strip():  # an empty text is refused by some
            yield {"type": "text", "text": part}
        return
    address = part.url or part.data_uri
    if part.kind == "picture":
        if shown.provider.bare_images and not part.url:
            address = part.base64
        yield {"type": "image_url", "image_url": {"url": address}}
    elif part.kind == "video":
        yield {"type": "video_url", "video_url": {"url": address}}
    elif "data" in shown.provider.file_forms:
        yield {"type": "file", "file": {"filename": part.name, "file_data": address}}
    else:
        yield {"type": "file_url", "file_url": {"url": address}}
