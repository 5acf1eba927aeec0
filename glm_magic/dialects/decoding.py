"""What all decoders share: parts of a reply become events, whatever the provider calls them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..core.calls import offered_functions
from ..core.errors import EmptyReplyError
from ..core.events import (
    ContentDelta,
    ContentWasReasoning,
    Event,
    Finish,
    ReasoningDelta,
    Started,
    StreamError,
    UsageReport,
    WebResults,
)
from ..core.finish_reasons import is_at_limit, kind_of
from ..core.i18n import tr
from ..core.messages import WebLink
from ..core.text import SurrogateJoiner, join_surrogates
from ..core.tokens import Part
from ..core.turn import Notice
from ..core.usage import Usage
from .call_markup import CallsInText
from .error_classes import finish_error
from .logprobs import TokenReader
from .parts import BoxMarkers, Kind, Piece, joined, pieces_of, reasoning_of
from .think_tags import ThinkTags
from .tool_calls import ToolCalls

Counts = tuple[int | None, int | None, int | None, int | None]
"""The fields of a `Usage`."""
_NO_COUNTS: Counts = (None, None, None, None)
MAX_COUNT = 10**12
"""More tokens than any reply has, and few enough that sums fit into 64 bits."""
_NO_OPTIONS: Mapping[str, Any] = {}
_CALL_REASONS = ("tool_calls", "function_call")
_NO_CALL = tr(
    "the server says that the model called a function, but sent no call; run the cell again, "
    "or check its tool-call parser"
)


class ReplyDecoding:
    """The state of one reply; turns its parts into events.

    Parameters
    ----------
    tags : ThinkTags
        Finds reasoning inside the text.
    options : Mapping
        The part of the request body that holds ``tools``; calls are held against it.
    tool_parser : str
        How the server is started so that it reads calls itself; empty: not known.
    boxes : bool
        Whether the model may put marks around its answer, as those do that see.
    """

    def __init__(
        self,
        tags: ThinkTags,
        options: Mapping[str, Any] = _NO_OPTIONS,
        tool_parser: str = "",
        *,
        boxes: bool = False,
    ) -> None:
        self._boxes = {"reasoning": BoxMarkers(), "content": BoxMarkers()} if boxes else {}
        self.finish_reason: str | None = None
        self._tags = tags
        self.has_started = False
        """Whether `Started` was returned."""
        self._ended = False
        self._joiners = {"reasoning": SurrogateJoiner(), "content": SurrogateJoiner()}
        functions = offered_functions(options.get("tools"))
        self._calls = ToolCalls(functions)
        self._markup = CallsInText(functions if options.get("tool_choice") != "none" else {})
        self._tool_parser = tool_parser
        self._has_written_calls = False
        self._counts: Counts | None = None
        self._has = {"reasoning": False, "content": False}
        self._has_field = False
        self._detail = ""
        self._tokens: TokenReader | None = None
        self.has_refused = False
        """Whether some of the text came as a refusal."""

    @property
    def has_text(self) -> bool:
        """Whether reasoning, an answer or a tool call has come."""
        return self._has["reasoning"] or self._has["content"] or self._calls.any

    def start(self, id_: Any, model: Any) -> list[Event]:
        """Return `Started`, the first time."""
        if self.has_started:
            return []
        self.has_started = True
        return [Started(_word(id_), _word(model))]

    def message(
        self, message: Mapping[str, Any], new: Callable[[str, str], str] | None = None
    ) -> list[Event]:
        """Return the events of the texts in a message or delta.

        Parameters
        ----------
        message : mapping
            A delta, or a whole message.
        new : callable, optional
            Takes the kind of a text and the text so far, and returns what is new in it; for replies
            in which each message repeats what came before.
        """
        content = message.get("content")
        thought = self._thought(message, repeats=new is not None)
        is_plain = new is None and (content is None or isinstance(content, str))
        if is_plain and not message.get("refusal"):  # as nearly all are
            events = self.reasoning(thought) if thought else []
            return events + self.content(content) if content else events
        pieces = pieces_of(content)
        if thought:
            if pieces and joined(pieces) == thought:
                pieces = [piece for piece in pieces if piece[0] != "reasoning"]
            pieces.insert(0, ("reasoning", thought))
        if refusal := message.get("refusal"):
            pieces += self._refusal(refusal, pieces)
        if new is not None:
            pieces = [(kind, new(kind, joined(pieces, kind))) for kind in _kinds_of(pieces)]
        events = []
        for kind, text in pieces:
            events += self.reasoning(text) if kind == "reasoning" else self.content(text)
            self.has_refused = self.has_refused or kind == "refusal"
        return events

    def _refusal(self, refusal: Any, pieces: list[Piece]) -> list[Piece]:
        """Return what a message refuses with, unless its content says the same."""
        refused = pieces_of(refusal, "refusal")
        self.has_refused = self.has_refused or bool(refused)
        same = joined(refused, "refusal") == joined(pieces, "content")
        return [] if same else refused

    def _thought(self, message: Mapping[str, Any], *, repeats: bool) -> str:
        """Return the reasoning in a message's own fields; details say the same once more."""
        if thought := reasoning_of(message):
            self._has_field = True
            again, self._detail = thought == self._detail and not repeats, ""
            return "" if again else thought
        if self._has_field or not message.get("reasoning_details"):
            return ""
        self._detail = joined(pieces_of(message["reasoning_details"], "reasoning"))
        return self._detail

    def reasoning(self, text: str) -> list[Event]:
        """Return the events of a piece of reasoning that came marked as such."""
        shown = self._read("reasoning", text)
        if not shown:
            return []
        events = [] if shown.isspace() else self._tags.note_reasoning()
        if self._has["reasoning"] and not (events or self._markup.is_on):
            return [ReasoningDelta(shown)]
        return self._noting(self._markup.feed([*events, ReasoningDelta(shown)]))

    def content(self, text: str) -> list[Event]:
        """Return the events of a piece of the answer, which may hold think tags."""
        shown = self._read("content", text)
        if not shown:
            return []
        if self._has["content"] and self._tags.is_plain and not self._markup.is_on:
            return [ContentDelta(shown)]
        return self._noting(self._markup.feed(self._tags.feed(shown)))

    def _read(self, kind: Kind, text: str) -> str:
        """Return what a piece adds to a text, as a reader is to see it."""
        whole = self._joiners[kind].feed(text) if text else ""
        return self._boxes[kind].feed(whole) if kind in self._boxes else whole

    def _rest(self, kind: Kind) -> str:
        """Return what is held back of a text, at its end."""
        rest = self._joiners[kind].finish()
        boxes = self._boxes.get(kind)
        return boxes.feed(rest) + boxes.finish() if boxes else rest

    def tool_calls(self, fragments: Any) -> list[Event]:
        """Return the events of a list of tool-call fragments."""
        calls = list(self._calls.feed(fragments)) if isinstance(fragments, list) else []
        if not calls:
            return []
        held = [*self._markup.feed(self._tags.settle()), *self._markup.give_up()]
        return [*self._noting(held), *calls]

    def tokens(
        self, choice: Mapping[str, Any], message: Any, *, repeats: bool = False
    ) -> list[Event]:
        """Return what a choice reports about the tokens of its message, see `TokenReader.read`."""
        self._tokens = self._tokens or TokenReader()
        fields = message if isinstance(message, Mapping) else {}
        part: Part | None = "answer" if self._has_field and fields.get("content") else None
        return list(self._tokens.read(choice, part, repeats=repeats))

    def web_results(self, value: Any) -> list[Event]:
        """Return the pages that the provider's web search listed."""
        pages = value if isinstance(value, list) else []
        pages = [page for page in pages if isinstance(page, Mapping)]
        links = tuple(_link(page) for page in pages if _web_address(page.get("link")))
        return [WebResults(links)] if links else []

    def usage(self, counts: Counts) -> list[Event]:
        """Return a report, when the counts are new; a report without counts erases nothing."""
        if counts in (self._counts, _NO_COUNTS):
            return []
        self._counts = counts
        return [UsageReport(Usage(*counts))]

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

    def end(self, notices: Iterable[Notice] = ()) -> list[Event]:
        """Return the last events of the reply, once; `notices` join its own."""
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
        return [*events, *self._notices(), *notices, Finish(self.finish_reason)]

    @property
    def _is_answered(self) -> bool:
        return self._has["content"] or self._calls.any

    def _has_anything(self) -> bool:
        """Whether anything came after the reply began."""
        return self.has_text or self.finish_reason is not None or self._counts is not None

    def _flush(self) -> list[Event]:
        rest = self._rest("reasoning")
        events: list[Event] = [ReasoningDelta(rest)] if rest else []
        rest = self._rest("content")
        events += self._tags.feed(rest) if rest else []
        events += self._tags.finish()
        texts, calls = self._markup.finish_with(events)
        self._has_written_calls = bool(calls)
        written = [{"index": n, "function": call._asdict()} for n, call in enumerate(calls)]
        return self._noting([*texts, *self._calls.feed(written), *self._calls.finish()])

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
        if self._has_written_calls:
            yield Notice("tool-parser", self._no_parser())
        if reason in _CALL_REASONS and not self._calls.any:
            yield Notice("no-call", _NO_CALL)
            return
        if self._is_answered:
            return
        if self._has["reasoning"] and is_at_limit(reason):
            yield Notice(
                "no-answer", tr("all tokens went into the reasoning; there was none left to answer")
            )
        elif self._has["reasoning"] and self.finish_reason is not None:
            yield Notice(
                "no-answer",
                tr(
                    "the reply holds reasoning but no answer; a reasoning parser that does not fit "
                    "the model puts the whole answer there"
                ),
            )
        elif self.finish_reason is not None:
            yield Notice("no-answer", tr("the model ended its reply without writing anything"))

    def _no_parser(self) -> str:
        if not self._tool_parser:
            return tr(
                "the call was read from the text, where the server had left it: its tool-call "
                "parser (--tool-call-parser at vLLM and SGLang) does not fit the model"
            )
        return tr(
            "the call was read from the text, where the server had left it; start it with {flags}",
            flags=self._tool_parser,
        )


def count(value: Any) -> int | None:
    """Return a token count of 0 to `MAX_COUNT`, or ``None`` for anything that is not one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


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


def _kinds_of(pieces: list[Piece]) -> dict[Kind, None]:
    """Return the kinds of texts, each once, in order."""
    return dict.fromkeys(kind for kind, _ in pieces)


def _arguments(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else ""
