"""The messages of request bodies: each is spelled, counted and written once.

A conversation sends all its messages again with every prompt. What a prompt costs by itself must
not grow with them, so what is known of a message, and of all messages up to one, is kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .attachments import messages_in
from .text import json_content
from .usage import estimate, estimate_message


class SpelledMessage(dict[str, Any]):
    """A message as the bodies of requests have it; all of them the same one, so never changed."""

    __slots__ = ("_content", "_tokens", "transcripts")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self._content: bytes | None = None
        self._tokens: int | None = None
        self.transcripts: list[Transcript] = []
        """Those that end with it, to be gone on with."""

    @property
    def content(self) -> bytes:
        """It as JSON."""
        if self._content is None:
            self._content = json_content(self)
        return self._content

    def let_go(self) -> bool:
        """Forget the JSON, which is made anew when it is asked for; True if there was any."""
        had_any, self._content = self._content is not None, None
        self.transcripts.clear()
        return had_any

    @property
    def tokens(self) -> int:
        """Its approximate size."""
        if self._tokens is None:
            self._tokens = estimate_message(self)
        return self._tokens

    def __reduce__(self) -> tuple[Any, ...]:
        return SpelledMessage, (dict(self),)


class Transcript:
    """The messages with which the bodies of many requests begin, counted and written once.

    It grows at its end. Each body has all of it, or the first few messages.
    """

    __slots__ = ("_content", "_ends", "_lock", "_sources", "_tokens", "names", "spelled")

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = names
        """The functions that its requests offer: a call is spelled by them."""
        self.spelled: list[SpelledMessage] = []
        """The messages, in order."""
        self._sources: list[object] = []
        """What each is the spelling of."""
        self._content = bytearray()
        """Of as many messages as were written: all of a long conversation are only counted."""
        self._ends = [0]
        """Where the first so many messages end in the content."""
        self._lock = threading.Lock()
        self._tokens = [0]
        """Approximate size of the first so many messages."""

    def __len__(self) -> int:
        return len(self.spelled)

    def begins(self, sources: Sequence[object]) -> bool:
        """Whether these are the spellings of the first of some messages."""
        # the same objects nearly always, which are compared in no time
        return list(sources[: len(self._sources)]) == self._sources

    def add(self, source: object, spelled: SpelledMessage) -> None:
        """Take in the next message."""
        self._sources.append(source)
        self.spelled.append(spelled)
        self._tokens.append(self._tokens[-1] + spelled.tokens)

    def content(self, count: int) -> bytes:
        """Return the first `count` messages as JSON, with commas between them."""
        with self._lock:  # of two requests under way, each may be the first to write some
            for spelled in self.spelled[len(self._ends) - 1 : count]:
                self._content += b"," + spelled.content if self._content else spelled.content
                self._ends.append(len(self._content))
            return bytes(self._content[: self._ends[count]])

    def tokens(self, count: int) -> int:
        """Return the approximate size of the first `count` messages."""
        return self._tokens[count]


class SpelledMessages(list[Any]):
    """The messages of one body, of which the first may be those of a transcript."""

    __slots__ = ("_count", "transcript")

    def __init__(self, messages: Iterable[Any] = ()) -> None:
        super().__init__(messages)
        self.transcript = Transcript()
        """What it shares with the bodies of other requests."""
        self._count = 0

    def begin_with(self, transcript: Transcript) -> None:
        """Note that the first messages are those that a transcript has now."""
        self.transcript, self._count = transcript, len(transcript)

    @property
    def content(self) -> bytes:
        """They as JSON."""
        first = self.transcript.content(self._count)
        return b"[" + b",".join([*filter(None, [first]), *map(_content, self._rest)]) + b"]"

    @property
    def tokens(self) -> int:
        """Their approximate size."""
        return self.transcript.tokens(self._count) + sum(map(_tokens, self._rest))

    @property
    def _rest(self) -> list[Any]:
        return self[self._count :]

    def __reduce__(self) -> tuple[Any, ...]:
        return SpelledMessages, (list(self),)


def body_content(body: Mapping[str, Any]) -> bytes:
    """Return the body of a request as JSON; of messages that were sent before, it is there."""
    fields = (json_content(name) + b":" + _content(value) for name, value in body.items())
    return b"{" + b",".join(fields) + b"}"


def _content(value: Any) -> bytes:
    if isinstance(value, SpelledMessage | SpelledMessages):
        return value.content
    if isinstance(value, Mapping) and isinstance(value.get("messages"), SpelledMessages):
        return body_content(value)
    return json_content(value)


def _tokens(message: Any) -> int:
    return message.tokens if isinstance(message, SpelledMessage) else estimate_message(message)


def body_tokens(body: Mapping[str, Any]) -> int:
    """Return the approximate input tokens of a request: its messages and tool schemas.

    Pictures and files count nothing here: a body does not say how large they are.
    """
    options = body.get("parameters")
    tools = (options if isinstance(options, Mapping) else body).get("tools")
    messages = messages_in(body)
    if not isinstance(messages, SpelledMessages):
        messages = SpelledMessages(messages)
    return messages.tokens + (estimate(json.dumps(tools, ensure_ascii=False)) if tools else 0)
