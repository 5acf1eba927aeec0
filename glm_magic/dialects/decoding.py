"""What all decoders share: parts of a reply become events, whatever the provider calls them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import EmptyReplyError
from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    ToolCallDelta,
    UsageReport,
    WebResults,
)
from ..core.finish_reasons import is_at_limit, kind_of
from ..core.i18n import tr
from ..core.messages import WebLink
from ..core.text import SurrogateJoiner, join_surrogates
from ..core.turn import Notice
from ..core.usage import Usage
from .finish_failures import finish_error
from .think_tags import ThinkTags

_NO_COUNTS = Usage()


class ReplyDecoding:
    """The state of one reply; turns its parts into events.

    Parameters
    ----------
    tags : ThinkTags
        Finds reasoning inside the text.
    """

    def __init__(self, tags: ThinkTags) -> None:
        self.finish_reason: str | None = None
        self._tags = tags
        self._started = False
        self._ended = False
        self._joiners = {"reasoning": SurrogateJoiner(), "content": SurrogateJoiner()}
        self._calls = ToolCalls()
        self._usage: Usage | None = None
        self._has = {"reasoning": False, "content": False}

    def start(self, id_: Any, model: Any) -> list[Event]:
        """Return `Started`, the first time."""
        if self._started:
            return []
        self._started = True
        return [Started(_word(id_), _word(model))]

    def reasoning(self, text: Any) -> list[Event]:
        """Return the events of a piece of reasoning that came in a field for it."""
        if not isinstance(text, str) or not text:
            return []
        self._tags.ignore_tags()
        shown = self._joiners["reasoning"].feed(text)
        if not shown:
            return []
        self._has["reasoning"] = True
        return [ReasoningDelta(shown)]

    def content(self, text: Any) -> list[Event]:
        """Return the events of a piece of the answer, which may hold think tags."""
        text = _joined_parts(text)
        if not text:
            return []
        shown = self._joiners["content"].feed(text)
        return self._noting(self._tags.feed(shown) if shown else [])

    def tool_calls(self, fragments: Any) -> list[Event]:
        """Return the events of a list of tool-call fragments."""
        return list(self._calls.feed(fragments)) if isinstance(fragments, list) else []

    def web_results(self, value: Any) -> list[Event]:
        """Return the pages that the provider's web search listed."""
        pages = value if isinstance(value, list) else []
        pages = [page for page in pages if isinstance(page, Mapping)]
        links = tuple(_link(page) for page in pages if _web_address(page.get("link")))
        return [WebResults(links)] if links else []

    def usage(self, usage: Usage | None) -> list[Event]:
        """Return a report, when the counts are new; a report without counts erases nothing."""
        if usage is None or usage in (self._usage, _NO_COUNTS):
            return []
        self._usage = usage
        return [UsageReport(usage)]

    def reason(self, value: Any) -> None:
        """Remember why the reply ended; a later reason replaces an earlier one."""
        if isinstance(value, str) and value and value != "null":
            self.finish_reason = join_surrogates(value)

    def fail(self, error: Any) -> list[Event]:
        """Return what was held back and the error that ends the reply."""
        if self._ended:
            return []
        events = self._flush()
        self._ended = True
        return [*events, StreamError(error)]

    def end(self) -> list[Event]:
        """Return the last events of the reply, once."""
        if self._ended:
            return []
        events = self._flush()
        self._ended = True
        if not self._has_anything():
            error = EmptyReplyError(
                tr("the server reported success but sent an empty reply"),
                hint=tr(
                    "run the cell again; if it stays empty, check the base URL and the model name"
                ),
                retryable=True,
            )
            return [StreamError(error)]
        failure = finish_error(self.finish_reason, answered=self._is_answered)
        if failure is not None:
            return [*events, StreamError(failure, self.finish_reason)]
        return [*events, *self._notices(), Finish(self.finish_reason)]

    @property
    def _is_answered(self) -> bool:
        return self._has["content"] or self._calls.any

    def _has_anything(self) -> bool:
        """Whether anything came after the reply began."""
        has_parts = self._has["reasoning"] or self._has["content"] or self._calls.any
        return has_parts or self.finish_reason is not None or self._usage is not None

    def _flush(self) -> list[Event]:
        rest = self._joiners["reasoning"].finish()
        events: list[Event] = [ReasoningDelta(rest)] if rest else []
        rest = self._joiners["content"].finish()
        events += self._tags.feed(rest) if rest else []
        events += self._tags.finish()
        return self._noting([*events, *self._calls.finish()])

    def _noting(self, events: list[Event]) -> list[Event]:
        for event in events:
            if isinstance(event, ReasoningDelta):
                self._has["reasoning"] = True
            elif isinstance(event, ContentDelta):
                self._has["content"] = self._has["content"] or not event.text.isspace()
            elif isinstance(event, ContentWasReasoning):
                self._has = {"reasoning": True, "content": False}
        return events

    def _notices(self) -> Iterable[Notice]:
        reason = self.finish_reason or ""
        if kind_of(reason) == "window":
            yield Notice(reason, tr("the reply was cut: the model's context window is full"))
        elif is_at_limit(reason):
            text = tr(
                "the reply was cut at the token limit; a larger --max-tokens gives it more room"
            )
            yield Notice(reason, text)
        if self._is_answered:
            return
        if self._has["reasoning"] and is_at_limit(reason):
            yield Notice(
                "no-answer", tr("all tokens went into the reasoning; there was none left to answer")
            )
        elif self._has["reasoning"]:
            yield Notice(
                "no-answer",
                tr(
                    "the reply holds reasoning but no answer; a reasoning parser that does not fit "
                    "the model puts the whole answer there"
                ),
            )
        elif self.finish_reason is not None:
            yield Notice("no-answer", tr("the model ended its reply without writing anything"))


class ToolCalls:
    """Turns the tool-call fragments of any provider into deltas with a reliable index.

    Notes
    -----
    Seen on the wire: ids missing, empty or only on the first fragment; names repeated in every
    fragment; an index that is missing (the fragment is then the whole call so far) or shared by
    two calls with different ids; arguments as an object instead of a string.
    """

    def __init__(self) -> None:
        self._slots: dict[Any, int] = {}
        self._ids: list[str] = []
        self._named: list[bool] = []
        self._arguments: list[list[str]] = []
        self._lengths: list[int] = []
        self._joiners: list[SurrogateJoiner] = []

    @property
    def any(self) -> bool:
        """Whether there was any call."""
        return bool(self._ids)

    def feed(self, fragments: list[Any]) -> Iterable[ToolCallDelta]:
        """Return one delta for each fragment that adds something."""
        for fragment in fragments:
            if isinstance(fragment, dict):
                yield from self._fragment(fragment)

    def finish(self) -> Iterable[ToolCallDelta]:
        """Return a delta for each call whose text ended in half a character."""
        for number, joiner in enumerate(self._joiners):
            rest = joiner.finish()
            if rest:
                yield ToolCallDelta(number, rest)

    def _fragment(self, fragment: Mapping[str, Any]) -> Iterable[ToolCallDelta]:
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        id_, name = _word(fragment.get("id")) or "", _word(function.get("name")) or ""
        arguments = _arguments(function.get("arguments"))
        index = fragment.get("index")
        whole = not isinstance(index, int)
        number = self._number(None if whole else index, id_, name)
        if whole:
            arguments = self._new_of_snapshot(number, arguments)
        is_new_id = bool(id_) and not self._ids[number]
        is_new_name = bool(name) and not self._named[number]
        self._ids[number] = self._ids[number] or id_
        self._named[number] = self._named[number] or bool(name)
        arguments = self._joiners[number].feed(arguments)
        if arguments or is_new_id or is_new_name:
            yield ToolCallDelta(
                number, arguments, id_ if is_new_id else None, name if is_new_name else None
            )

    def _new_of_snapshot(self, number: int, arguments: str) -> str:
        """Return what a snapshot adds to the arguments so far; a mere fragment is all new."""
        parts = self._arguments[number]
        if len(arguments) >= self._lengths[number]:
            before = "".join(parts)
            arguments = arguments.removeprefix(before)
        if arguments:
            parts.append(arguments)
            self._lengths[number] += len(arguments)
        return arguments

    def _number(self, index: int | None, id_: str, name: str) -> int:
        """Return the number of the call that a fragment belongs to."""
        if index is None and not id_ and not name and self._ids:
            return len(self._ids) - 1
        slot = index if index is not None else id_ or f"call {len(self._ids)}"
        number = self._slots.get(slot)
        if number is None or (id_ and self._ids[number] and id_ != self._ids[number]):
            number = self._slots[slot] = len(self._ids)
            self._ids.append("")
            self._named.append(False)
            self._arguments.append([])
            self._lengths.append(0)
            self._joiners.append(SurrogateJoiner())
        return number


def count(value: Any) -> int | None:
    """Return a token count, or ``None`` for anything that is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _web_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _link(page: Mapping[str, Any]) -> WebLink:
    def text(name: str) -> str:
        return _word(page.get(name)) or ""

    return WebLink(
        text("link"), text("title"), text("media"), text("publish_date"), text("content")
    )


def _word(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return join_surrogates(value) if isinstance(value, str) and value else None


def _joined_parts(content: Any) -> str:
    """Return the text; some servers send a list of parts even for plain text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _arguments(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else ""
