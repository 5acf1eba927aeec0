"""What a record of a body holds: objects, the end, nothing, or something that no reader expects.

Notes
-----
Seen on the wire: keep-alives of every form (``data: null``, ``ping``, ``{"type": "ping"}``); a
frame that was cut off, with the next one glued to it, ``data:`` included; an error as a bare line,
as plain text or as a gateway's web page in an open event stream. What cannot be read is skipped,
and kept in case that the end of the reply needs explaining.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..core.errors import GlmError, ProtocolError
from ..core.i18n import tr
from ..wire.sse import Record
from .errors import Classifier, ErrorReply, one_line, page_title, read_payload, to_error

Object = Mapping[str, Any]

DONE = "[DONE]"
_REPLY_KEYS = frozenset({"choices", "output", "usage", "id", "model", "request_id", "web_search"})
"""An object with one of these is a part of a reply."""
_FRAME_KEYS = frozenset({"choices", "output", "usage", "error"})
"""An object inside a broken frame is a frame of its own when it has one of these."""
_MESSAGES = ("message", "msg", "detail")
_ERROR_NAMES = ("detail", "errors", "error_code", "error_msg", "error_message")
_PINGS = frozenset({"ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive"})
_NEXT_FRAME = re.compile(r"(?:\n|data:)[ \t]*(?=\{|\[DONE\])")
_BETWEEN = re.compile(r"\s*(?:data:[ \t]*)?")
_PAGE = re.compile(r"<(?:!doctype|html)\b", re.IGNORECASE)
_MAX_TRIES = 20
"""How often a broken frame is searched for a whole one: each try may read all of it."""
_MAX_KEPT = 20_000
"""Characters kept of what no reader expects."""
_decoder = json.JSONDecoder()


class Reading(NamedTuple):
    """What a record holds."""

    objects: list[Object]
    is_end: bool = False
    """Whether the sentinel of the stream stands here, after the objects."""
    broken: str = ""
    """The beginning of a frame of which something is lost."""
    words: str = ""
    """Text that is no JSON."""


_NOTHING = Reading([])


def part_of_reply(record: Record) -> Object | None:
    """Return the object that a record is, where it is a part of a reply; as nearly all are."""
    text = record.data
    try:
        value, end = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    is_object = end == len(text) and isinstance(value, dict) and record.kind != "line"
    return value if is_object and ("choices" in value or "output" in value) else None


def read_record(record: Record) -> Reading:
    """Return what a record holds; a record that says nothing has neither objects nor words."""
    text = record.data.strip()
    if text == DONE:
        return Reading([], is_end=True)
    try:
        value, end = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        return _not_json(record, text)
    if end < len(text):
        return _not_json(record, text)
    if isinstance(value, dict):
        return Reading([] if _is_ping(value, record) else [value])
    if record.event == "error":
        return Reading([{"error": value}])
    if isinstance(value, list):
        return Reading([item for item in value if isinstance(item, dict)])
    return _NOTHING if not isinstance(value, str) or _is_word(value) else Reading([], words=value)


def _not_json(record: Record, text: str) -> Reading:
    if record.event == "error":
        return Reading([{"error": record.data}])
    if not text or _is_word(text) or _is_word(record.event):
        return _NOTHING
    if text[0] == "<" or (text[0] not in "{[" and _NEXT_FRAME.search(text) is None):
        return Reading([], broken="" if record.cut else text[:60], words=text)
    reading = _salvaged(text)
    # A body that ended inside a record has lost no more than its end, which is noted elsewhere.
    return reading._replace(broken="") if record.cut and not reading.objects else reading


def _salvaged(text: str) -> Reading:
    """Return the whole frames inside a text that is not one, and what of it is lost."""
    objects: list[Object] = []
    broken, at, tries = "", _end_of(_BETWEEN, text, 0), 0
    while True:
        if text.startswith(DONE, at):
            return Reading(objects, is_end=True, broken=broken)
        value, end = _object_at(text, at)
        if value is not None:
            if value.keys() & _FRAME_KEYS:
                objects.append(value)
            at = _end_of(_BETWEEN, text, end)
            if at == len(text):
                return Reading(objects, broken=broken)
            if text[at] in "{[":
                continue
        tries += 1
        broken = broken or text[at : at + 60]
        following = _NEXT_FRAME.search(text, at)
        if following is None or tries > _MAX_TRIES:
            return Reading(objects, broken=broken)
        at = following.end()


def _object_at(text: str, at: int) -> tuple[Object | None, int]:
    if text.startswith("{", at):
        try:
            value, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None, at
        return value, end
    return None, at


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _is_word(value: Any) -> bool:
    """Whether a value is a word that servers send to keep a connection open."""
    return isinstance(value, str) and value.strip().lower() in _PINGS


def _is_ping(value: Object, record: Record) -> bool:
    if "choices" in value or not _FRAME_KEYS.isdisjoint(value) or record.event == "error":
        return False
    return any(map(_is_word, (record.event, *map(value.get, ("type", "event", "object")))))


def is_error(chunk: Object, record: Record) -> bool:
    """Whether a payload is an error, whatever its event is called."""
    if chunk.get("error") or record.event == "error" or chunk.get("object") == "error":
        return True
    if "choices" in chunk or "output" in chunk:
        return False
    if chunk.get("success") is False or chunk.get("code"):
        return True
    if record.kind != "document":
        return False  # kept, in case that the end of the reply needs explaining
    text = chunk.get("message") or chunk.get("msg")
    return isinstance(text, str) or any(chunk.get(name) for name in _ERROR_NAMES)


def is_of_reply(chunk: Object) -> bool:
    """Whether an object is a part of a reply."""
    return not _REPLY_KEYS.isdisjoint(chunk)


class Unexplained:
    """What came beside the reply, kept for the moment when nothing else explains its end."""

    __slots__ = ("_payload", "_size", "_texts", "broken")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._size = 0
        self._payload: Object | None = None
        self.broken = ""
        """The beginning of the first frame of which something was lost."""

    def add(self, text: str) -> None:
        """Keep a line, within bounds; remember the first that is an error."""
        if self._payload is None and text.lstrip().startswith("{"):
            self._payload = _error_in(text)
        if text and self._size < _MAX_KEPT:
            self._texts.append(text[: _MAX_KEPT - self._size])
            self._size += len(self._texts[-1]) + 1

    def add_object(self, chunk: Object) -> None:
        """Remember an object that is no part of a reply, when it may be an error."""
        if self._payload is None and _may_be_error(chunk):
            self._payload = chunk

    @property
    def words(self) -> str:
        """What a server or gateway wrote, for a message; a web page is told by its title."""
        text = self._text
        if _is_page(text):
            return page_title(text)
        return one_line(text) if any(letter.isalnum() for letter in text) else ""

    def reported_error(self, provider: str, classify: Classifier) -> GlmError | None:
        """Return the error that one of the lines, or all of them together, hold."""
        payload = self._payload or _error_in(self._text)
        if payload is None:
            return None
        return to_error(read_payload(payload, None), provider, classify)

    def inferred_error(self, provider: str, classify: Classifier) -> GlmError | None:
        """Return what explains a reply in which nothing came."""
        if words := self.words:
            reply = ErrorReply(words, is_page=_is_page(self._text))
            return to_error(reply, provider, classify)
        return _not_a_reply(self.broken) if self.broken else None

    @property
    def _text(self) -> str:
        return "\n".join(self._texts)


def _error_in(text: str) -> Object | None:
    """Return the first error object in a text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        objects = _salvaged(text).objects if "{" in text else []
    else:
        objects = [value] if isinstance(value, dict) else []
    return next((value for value in objects if _may_be_error(value)), None)


def _may_be_error(chunk: Object) -> bool:
    if chunk.get("choices") or chunk.get("output"):
        return False
    texts = (chunk.get(name) for name in _MESSAGES)
    return bool(chunk.get("error")) or any(text and isinstance(text, str | list) for text in texts)


def _is_page(text: str) -> bool:
    return text.lstrip().startswith("<") or _PAGE.search(text) is not None


def _not_a_reply(text: str) -> GlmError:
    return ProtocolError(
        tr("the server sent something that is not JSON: {text!r}", text=text[:60]),
        hint=tr("what had arrived is kept; %glm wire shows the raw reply"),
    )
