"""The events of a reply without the key, wherever a service repeats it.

The answer and the reasoning arrive in pieces, and a piece may end within the key. What may be the
key's beginning is held back until the next piece, or the end, shows what it is; all other text goes
on at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..core.errors import GlmError
from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    TokenReport,
    ToolCallDelta,
    UsageReport,
    WebResults,
)
from ..core.i18n import Text
from ..core.messages import WebLink
from ..core.secret import Secret
from ..core.spellings import MIN_BEGINNING, REPLACEMENT, Spellings
from ..core.tokens import Token
from ..core.turn import Notice


class _TextFilter:
    """One text that arrives in pieces, without the secrets in it."""

    __slots__ = ("_secrets", "_shown", "_tail")

    def __init__(self, secrets: Spellings) -> None:
        self._secrets = secrets
        self._tail = ""
        """The end of the text so far, from where a secret may begin."""
        self._shown = 0
        """How many characters of it were handed on already."""

    def feed(self, piece: str) -> str:
        """Return what can be handed on now."""
        text, shown = self._tail + piece, self._shown
        spans = self._secrets.spans(text)
        if not (spans or self._tail) and self._secrets.begins_at(text)[0] == len(text):
            return piece
        result, at = [], 0
        for left, right in spans:
            result += [text[max(at, shown) : left], REPLACEMENT]
            at = right
        start, is_held = self._secrets.begins_at(text, at)
        result.append(text[max(at, shown) : start if is_held else len(text)])
        self._tail = text[start:]
        self._shown = max(0, shown - start) if is_held else len(self._tail)
        return "".join(result)

    @property
    def holds_some(self) -> bool:
        """Whether a secret may have begun."""
        return bool(self._tail)

    def release(self) -> str:
        """Return what is held back, because another text goes on; it may still turn out a secret.

        A longer beginning stays back.
        """
        if len(self._tail) >= MIN_BEGINNING:
            return ""
        text, self._shown = self._tail[self._shown :], len(self._tail)
        return text

    def finish(self) -> str:
        """Return what is held back, at the end; most of a secret is hidden as the whole."""
        text, is_known = self._tail[self._shown :], self._secrets.may_begin(self._tail)
        self._tail, self._shown = "", 0
        return REPLACEMENT if is_known else text


class _TokenFilter:
    """The tokens that a reply reports, without those that spell a secret.

    They are held back while they may begin one.
    """

    __slots__ = ("_held", "_secrets")

    def __init__(self, secrets: Spellings) -> None:
        self._secrets = secrets
        self._held: list[Token] = []

    def feed(self, tokens: Iterable[Token]) -> list[Event]:
        """Return the tokens that can be handed on now."""
        self._held += map(self._without_key, tokens)
        text = "".join(token.text for token in self._held)
        if self._secrets.spans(text):
            self._held = []
        may_begin = self._secrets.begins_at(text)[0] < len(text)
        return [] if may_begin else self._release()

    def finish(self) -> list[Event]:
        """Return the tokens that are held back, at the end, unless they spell most of a secret."""
        text = "".join(token.text for token in self._held)
        return [] if self._secrets.may_begin(text) else self._release()

    def _without_key(self, token: Token) -> Token:
        cut = self._secrets.cut
        others = (a for a in token.alternatives if cut(a.text) == a.text)
        return token._replace(alternatives=tuple(others))

    def _release(self) -> list[Event]:
        tokens, self._held = tuple(self._held), []
        return [TokenReport(tokens)] if tokens else []


class EventFilter:
    """Takes the secrets out of the events of one reply.

    Parameters
    ----------
    key : Secret, optional
        The key that was sent, with the login of the address.
    """

    def __init__(self, key: Secret | None) -> None:
        self._secrets = key.spellings if key is not None else None
        self._texts: dict[Any, _TextFilter] = {}
        self._tokens = _TokenFilter(self._secrets) if self._secrets is not None else None

    def feed(self, events: Iterable[Event]) -> list[Event]:
        """Return events without secrets; held text comes with a later call."""
        if self._secrets is None:
            return list(events)
        secrets, is_clear = self._secrets, self._secrets.is_clear
        holds_some = self._holds_some
        result: list[Event] = []
        for event in events:
            if isinstance(event, (ContentDelta, ReasoningDelta)):
                if not holds_some and is_clear(event.text):  # as nearly all are
                    result.append(event)
                    continue
                result += self._delta(event, secrets)
            elif isinstance(event, UsageReport):  # nothing but numbers
                result.append(event)
                continue
            else:
                result += self._filtered(event, secrets)
            holds_some = self._holds_some
        return result

    @property
    def _holds_some(self) -> bool:
        return any(text_filter.holds_some for text_filter in self._texts.values())

    def finish(self) -> list[Event]:
        """Return what is still held back."""
        tokens = self._tokens.finish() if self._tokens else []
        return [*self._flush(_TextFilter.finish), *tokens]

    def _delta(self, event: ContentDelta | ReasoningDelta, secrets: Spellings) -> list[Event]:
        kind, text = type(event), event.text
        goes_on = kind in self._texts and len(self._texts) == 1
        events = [] if goes_on else self._flush(_TextFilter.release, kind)
        passed = self._text(kind, secrets).feed(text)
        if passed == text:
            events.append(event)
        elif passed:
            events.append(kind(passed))
        return events

    def _filtered(self, event: Event, secrets: Spellings) -> list[Event]:
        match event:
            case ToolCallDelta():
                return self._tool_call(event, secrets)
            case TokenReport(tokens):
                return self._tokens.feed(tokens) if self._tokens else []
            case ContentWasReasoning():
                return [*self._flush(_TextFilter.finish), event]
            case Finish(reason):
                reason = secrets.cut(reason) if reason else reason
                return [*self.finish(), replace(event, reason=reason)]
            case StreamError(error):
                return [*self.finish(), replace(event, error=without_key(error, secrets))]
            case _:
                return [_redacted(event, secrets)]

    def _tool_call(self, event: ToolCallDelta, secrets: Spellings) -> list[Event]:
        index = event.index
        before = self._flush(_TextFilter.release, index)
        arguments = self._text(index, secrets).feed(event.arguments) if event.arguments else ""
        name = event.name
        if name:
            # What no name can hold was taken out of it: a divided key has lost some of its letters.
            name = REPLACEMENT if secrets.spans(name) or secrets.are_part(name) else name
        id_ = secrets.cut(event.id) if event.id else event.id
        return [*before, replace(event, arguments=arguments, name=name, id=id_)]

    def _text(self, channel: Any, secrets: Spellings) -> _TextFilter:
        if channel not in self._texts:
            self._texts[channel] = _TextFilter(secrets)
        return self._texts[channel]

    def _flush(
        self, take: Callable[[_TextFilter], str], channel_that_goes_on: Any = None
    ) -> list[Event]:
        events: list[Event] = []
        for channel, text_filter in self._texts.items():
            if channel == channel_that_goes_on or not text_filter.holds_some:
                continue
            if text := take(text_filter):
                is_call = isinstance(channel, int)
                events.append(ToolCallDelta(channel, text) if is_call else channel(text))
        return events


def _redacted(event: Event, secrets: Spellings) -> Event:
    match event:
        case Started(id_, model):
            return Started(id_ and secrets.cut(id_), model and secrets.cut(model))
        case Notice():
            return replace(event, message=_cut(event.message, secrets))
        case WebResults(links):
            return WebResults(tuple(_link(link, secrets) for link in links))
        case _:
            return event


def _link(link: WebLink, secrets: Spellings) -> WebLink:
    values = ((name, getattr(link, name)) for name in link.__dataclass_fields__)
    return replace(
        link, **{name: secrets.cut(text) for name, text in values if isinstance(text, str)}
    )


def _cut(text: str, secrets: Spellings) -> str:
    return text.mapped(secrets.cut) if isinstance(text, Text) else secrets.cut(text)


def without_key(error: GlmError, secrets: Spellings) -> GlmError:
    """Return an error with the secrets taken out of everything that it shows."""
    error.args = (_cut(error.message, secrets),)
    error.hint = _cut(error.hint, secrets)
    error.code = error.code and secrets.cut(error.code)
    error.request_id = error.request_id and secrets.cut(error.request_id)
    return error
