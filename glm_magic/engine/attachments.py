"""Pictures and files on their way into a request: joined to its prompt, checked, counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import seeing
from ..catalogue.schema import Offer
from ..core.attachments import Attachment, Kind, inside_of
from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import Text, joined, plural, tr
from ..core.messages import Message, Request
from ..core.spelled import body_tokens
from ..core.turn import Notice
from ..core.usage import TokenEstimate
from ..dialects.attachments import Shown
from ..pictures.values import attachment_of, of_address
from ..wire.request import WireRequest

_MOST_NAMED = 3
"""Models that an error names."""


def attachments_of(values: Any) -> tuple[Attachment, ...]:
    """Return what a caller attaches: one value, or a list of them.

    Raises
    ------
    InvalidValueError
        Nothing of one of them can be sent.
    UnavailableError
        One has to be converted first, and Pillow is not installed.
    """
    several = isinstance(values, list | tuple)
    return tuple(attachment_of(value) for value in (values if several else [values]))


def with_attachments(message: Message, attachments: Iterable[Attachment]) -> Message:
    """Return a message with what is attached to it: pictures first, then files that are text.

    A text file joins the prompt's own text, under its name.
    """
    files = [one for one in attachments if one.kind == "text"]
    text = "".join(f"{_text(one)}\n\n" for one in files)
    shown = [replace(one, at=0) for one in attachments if one.kind != "text"]
    placed = [one.moved(len(text)) for one in message.attachments]
    return replace(message, content=text + message.content, attachments=(*shown, *placed))


def _text(attachment: Attachment) -> str:
    content = attachment.data.decode()
    fence = "```"
    while fence in content:
        fence += "`"
    return f"{attachment.name}:\n{fence}\n{content.rstrip()}\n{fence}"


def read_parts(parts: Sequence[Any]) -> tuple[str, tuple[Attachment, ...]]:
    """Return a message's text and attachments, from parts in the OpenAI form or from values.

    Raises
    ------
    InvalidValueError
        A part is none.
    """
    text = ""
    attachments: list[Attachment] = []
    for part in parts:
        if isinstance(part, str):
            text += part
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            text += part["text"]
        elif (attachment := _read_part(part)).kind == "text":
            text += _text(attachment)
        else:
            attachments.append(attachment.moved(len(text)))
    return text, tuple(attachments)


def _read_part(part: Any) -> Attachment:
    if not isinstance(part, Mapping):
        return attachment_of(part)
    inside = inside_of(part)
    address = inside.get("url") or inside.get("file_data")
    if not isinstance(address, str):
        raise InvalidValueError(
            tr("not a part of a message: {part}", part=str(part)[:80]),
            hint=tr('a part is a text, a value, or {{"type": "image_url", "image_url": …}}'),
        )
    attachment = of_address(address, str(inside.get("filename") or ""))
    kinds: dict[Any, Kind] = {"file": "file", "file_url": "file", "video_url": "video"}
    kind = kinds.get(part["type"], attachment.kind)
    return replace(attachment, kind=kind) if attachment.url else attachment


def check_attachments(message: Message, offer: Offer) -> None:
    """Refuse what a prompt shows a model that cannot see it.

    Raises
    ------
    InvalidValueError
        There are more pictures than the model takes.
    UnsupportedError
        The model does not see, or the provider does not take it in this form.
    """
    pictures = [one for one in message.attachments if one.kind == "picture"]
    values = {"model": offer.model.id, "provider": offer.provider.title}
    if pictures and offer.images == "no":
        raise _unsupported(
            tr("{model} at {provider} does not see pictures", **values),
            _choose(offer, "images"),
            offer,
        )
    if offer.max_images is not None and len(pictures) > offer.max_images:
        raise InvalidValueError(
            tr("{model} at {provider} takes {most} pictures at most, not {count}",
               most=offer.max_images, count=len(pictures), **values),
            hint=tr("leave some out, or join several in one picture"),
            provider=offer.provider.name,
        )  # fmt: skip
    if not offer.provider.image_urls and any(one.url for one in pictures):
        raise _unsupported(
            tr("{provider} does not fetch pictures from an address", **values),
            tr("save the picture as a file, and attach that"),
            offer,
        )
    for one in message.attachments:
        if one.kind == "file":
            _check_file(one, offer)
        elif one.kind == "video" and offer.video != "yes":
            raise _unsupported(
                tr("{model} at {provider} does not see videos", **values),
                _choose(offer, "video"),
                offer,
            )


def _check_file(file: Attachment, offer: Offer) -> None:
    forms = offer.provider.file_forms
    values = {"model": offer.model.id, "provider": offer.provider.title, "file": file.name}
    reads = offer.files == "yes" or "data" in forms
    if not forms or not reads:
        text = tr("{model} at {provider} does not read {file}", **values)
        raise _unsupported(text, _choose(offer, "files"), offer)
    if not file.url and "data" not in forms:
        raise _unsupported(
            tr("{provider} takes {file} by its address alone", **values),
            tr("attach its https:// address, its pages as pictures, or ask at openrouter"),
            offer,
        )


def _unsupported(message: Text, hint: Text, offer: Offer) -> UnsupportedError:
    return UnsupportedError(message, hint=hint, provider=offer.provider.name)


def _choose(offer: Offer, ability: str) -> Text:
    names = seeing(catalogue(), offer, ability)
    if not names:
        return tr("leave it out")
    others = ", ".join(names[1:_MOST_NAMED])
    first = tr("choose a model that can: -m {model}", model=names[0])
    return joined([first, tr("or {names}", names=others)], ", ") if others else first


def size_of(request: Request, wire: WireRequest, offer: Offer) -> TokenEstimate:
    """Return the approximate size of a request, with everything that it shows."""
    shown = Shown(request.messages, offer)
    return TokenEstimate(body_tokens(wire.body) + shown.tokens)


def left_out_notices(request: Request, offer: Offer) -> Iterable[Notice]:
    """Yield a notice of what earlier turns showed, and this request does not show again."""
    names = [one.name for one in Shown(request.messages, offer).left_out]
    if names:
        text = plural(
            len(names),
            "a picture or file of an earlier turn is not shown to {model}: {names}",
            "{count} pictures and files of earlier turns are not shown to {model}: {names}",
            model=offer.model.id,
            names=", ".join(dict.fromkeys(names)),
        )
        yield Notice("not-shown", text)
