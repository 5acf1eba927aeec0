"""Calls that a model wrote in its own syntax, and its server left in the text.

Notes
-----
A server that runs without a tool-call parser, or with one that does not fit, hands on what GLM
wrote: ``<tool_call>NAME``, then ``<arg_key>…</arg_key><arg_value>…</arg_value>`` for each argument,
with line ends between them (GLM-4.5, 4.6) or without (4.7 and later), then ``</tool_call>``. Other
templates have the arguments as a JSON object after the name, or all of it as one with ``name`` and
``arguments``. Where the model never closed its thinking, all of this is in the reasoning. Chat
templates of the open weights, and reports at vLLM, vllm-ascend and SGLang, seen 2026-11.

It counts only in the reply to a request that offered functions, for one of these, outside code,
and where the reply brings no call of its own. Text is held back from ``<tool_call>`` on: until it
cannot be a call any more, or else until the reply ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..core.calls import MAX_NAME_CHARS, arguments_text, function_name, typed_value
from ..core.events import ContentDelta, ContentWasReasoning, Event, ReasoningDelta
from .think_tags import CodeSpans

START, END = "<tool_call>", "</tool_call>"
_KEY, _KEY_END = "<arg_key>", "</arg_key>"
_VALUE, _VALUE_END = "<arg_value>", "</arg_value>"
_MOST_ENDS = 16
"""Closing tags inside the strings of a JSON call that are passed over."""
_AFTER_NAME = re.compile(r"[<{]")
_ONE_WORD = re.compile(r"\S*\s*")
_SPACE = re.compile(r"\s*")


class WrittenCall(NamedTuple):
    """A call as it stood in the text."""

    name: str
    arguments: str
    """A JSON object."""


class CallsInText:
    """Finds the calls in the texts of one reply.

    Parameters
    ----------
    functions : mapping
        The functions of the request: name to the JSON schema of its parameters. Without any,
        everything passes.
    """

    def __init__(self, functions: Mapping[str, Mapping[str, Any]]) -> None:
        self.is_on = bool(functions)
        """Whether text may turn out a call."""
        self._reasoning = _Reader(functions)
        self._content = _Reader(functions)

    def feed(self, events: list[Event]) -> list[Event]:
        """Return events without the text that may be a call."""
        if not self.is_on:
            return events
        passed: list[Event] = []
        for event in events:
            passed += self._event(event)
        return passed

    def _event(self, event: Event) -> list[Event]:
        match event:
            case ReasoningDelta(text):
                return _thought(self._reasoning.feed(text))
            case ContentDelta(text):
                # what was written before an answer was a draft
                before = _thought(self._reasoning.release()) if not text.isspace() else []
                return [*before, *_answer(self._content.feed(text))]
            case ContentWasReasoning():
                return [*_answer(self._content.release()), event]
            case _:
                return [event]

    def give_up(self) -> list[Event]:
        """Return all text that was held back: the reply has calls of its own."""
        self.is_on = False
        return [*_thought(self._reasoning.release()), *_answer(self._content.release())]

    def finish_with(self, last: list[Event]) -> tuple[list[Event], list[WrittenCall]]:
        """Take in the last events; return those that are text, held back or not, and the calls."""
        passed = self.feed(last)
        thought, drafts = self._reasoning.finish()
        answer, calls = self._content.finish()
        self.is_on = False
        return [*passed, *_thought(thought), *_answer(answer)], [*drafts, *calls]


def _thought(text: str) -> list[Event]:
    return [ReasoningDelta(text)] if text else []


def _answer(text: str) -> list[Event]:
    return [ContentDelta(text)] if text else []


@dataclass(frozen=True, slots=True)
class _Held:
    """A piece of what was held back."""

    text: str
    call: WrittenCall | None = None
    """The call that the text is."""


class _Reader:
    """Reads one text; each character is looked at once, wherever the text is cut."""

    def __init__(self, functions: Mapping[str, Mapping[str, Any]]) -> None:
        self._functions = functions
        self._reset()

    def _reset(self) -> None:
        self._code = CodeSpans()
        self._state = self._in_text
        self._rest = ""
        """What may be the beginning of a tag."""
        self._held: list[_Held] = []
        """From the first call on."""
        self._shown: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self._markup: list[str] = []
        """Of the call that is being read, everything."""
        self._field: list[str] = []
        self._name = self._key = ""
        self._arguments: dict[str, Any] = {}
        self._ends = 0

    def feed(self, text: str) -> str:
        """Return what of a piece can be shown now."""
        text, self._rest = self._rest + text, ""
        at: int | None = 0
        while at is not None and at < len(text):
            at = self._state(text, at)
        return self._take_shown()

    def release(self) -> str:
        """Return everything that was held back, as text, and begin anew."""
        text = "".join((*(held.text for held in self._held), *self._markup, self._rest))
        self._reset()
        return text

    def finish(self) -> tuple[str, list[WrittenCall]]:
        """Return the text of what was held back, and the calls."""
        calls = [held.call for held in self._held if held.call is not None]
        if not calls:
            return self.release(), []
        texts = [held.text for held in self._held if held.call is None]
        text = "".join((*texts, *self._markup, self._rest))
        self._reset()
        return "" if text.isspace() else text, calls

    def _take_shown(self) -> str:
        shown, self._shown = "".join(self._shown), []
        return shown

    # Each state takes a text and a position; it returns where to go on, or None for more text.

    def _in_text(self, text: str, at: int) -> int | None:
        start = text.find(START, at)
        if start < 0:
            keep = _overlap(text, at, START)
            self._pass(text[at : len(text) - keep])
            self._rest = text[len(text) - keep :]
            return None
        self._pass(text[at:start])
        if self._code.open:
            self._pass(START)
        else:
            self._markup.append(START)
            self._state = self._at_name
        return start + len(START)

    def _at_name(self, text: str, at: int) -> int | None:
        at = self._skip(text, at)
        if at < len(text):
            self._state = self._in_json if text[at] == "{" else self._in_name
        return at

    def _in_name(self, text: str, at: int) -> int | None:
        mark = _AFTER_NAME.search(text, at)
        end = mark.start() if mark else len(text)
        self._take(text[at:end])
        written = "".join(self._field)
        if len(written) > MAX_NAME_CHARS or not _ONE_WORD.fullmatch(written):
            return self._reject(end)
        if end == len(text):
            return None
        self._name = function_name(written.strip(), self._functions)
        if self._name not in self._functions:
            return self._reject(end)
        if text[end] == "{":
            self._field = []
            self._state = self._in_json
            return end
        return self._tag(text, end, {_KEY: self._in_key, END: None})

    def _in_key(self, text: str, at: int) -> int | None:
        end, is_found = self._until(text, at, _KEY_END)
        if sum(map(len, self._field)) > MAX_NAME_CHARS:
            return self._reject(end)
        if not is_found:
            return None
        self._key = "".join(self._field[:-1]).strip()
        self._state = self._before_value
        return end

    def _before_value(self, text: str, at: int) -> int | None:
        return self._tag(text, self._skip(text, at), {_VALUE: self._in_value})

    def _in_value(self, text: str, at: int) -> int | None:
        end, is_found = self._until(text, at, _VALUE_END)
        if not is_found:
            return None
        written = "".join(self._field[:-1])
        self._arguments[self._key] = typed_value(written, self._functions[self._name], self._key)
        self._state = self._after_value
        return end

    def _after_value(self, text: str, at: int) -> int | None:
        return self._tag(text, self._skip(text, at), {_KEY: self._in_key, END: None})

    def _in_json(self, text: str, at: int) -> int | None:
        end, is_found = self._until(text, at, END)
        if not is_found:
            return None
        self._ends += 1
        call = _json_call("".join(self._field[:-1]), self._functions, self._name)
        if call is not None:
            self._hold(call)
        elif self._ends >= _MOST_ENDS:
            return self._reject(end)
        return end

    def _pass(self, text: str) -> None:
        self._code.feed(text)
        if self._held:
            self._held.append(_Held(text))
        else:
            self._shown.append(text)

    def _take(self, text: str) -> None:
        self._field.append(text)
        self._markup.append(text)

    def _skip(self, text: str, at: int) -> int:
        match = _SPACE.match(text, at)
        end = match.end() if match else at
        self._markup.append(text[at:end])
        return end

    def _until(self, text: str, at: int, tag: str) -> tuple[int, bool]:
        """Take a field up to and with its closing tag, or as much of it as there is."""
        end = text.find(tag, at)
        if end >= 0:
            self._take(text[at:end])
            self._take(tag)
            return end + len(tag), True
        keep = _overlap(text, at, tag)
        self._take(text[at : len(text) - keep])
        self._rest = text[len(text) - keep :]
        return len(text), False

    def _tag(self, text: str, at: int, states: Mapping[str, Any]) -> int | None:
        """Go on after a tag: to its state, or, where it has none, with the call complete."""
        for tag, state in states.items():
            if text.startswith(tag, at):
                self._markup.append(tag)
                self._field = []
                if state is None:
                    arguments = json.dumps(self._arguments, ensure_ascii=False)
                    self._hold(WrittenCall(self._name, arguments))
                else:
                    self._state = state
                return at + len(tag)
        if any(tag.startswith(text[at : at + len(tag)]) for tag in states):
            self._rest = text[at:]
            return None
        return self._reject(at)

    def _hold(self, call: WrittenCall) -> None:
        self._held.append(_Held("".join(self._markup), call))
        self._begin()
        self._state = self._in_text

    def _reject(self, at: int) -> int:
        """Pass what was read of a call as text; it is none."""
        markup = "".join(self._markup)
        self._begin()
        self._state = self._in_text
        self._pass(markup)
        return at


def _overlap(text: str, at: int, tag: str) -> int:
    """Return how many characters at the end of `text`, after `at`, may begin a tag."""
    start = text.rfind("<", max(at, len(text) - len(tag) + 1))
    return len(text) - start if start >= 0 and tag.startswith(text[start:]) else 0


def _json_call(text: str, functions: Mapping[str, Any], name: str) -> WrittenCall | None:
    """Return the call that JSON is: the arguments of a name that stood before it, or all of it."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if name:
        return WrittenCall(name, arguments_text(value))
    written = value.get("name") if isinstance(value, dict) else None
    name = function_name(written, functions) if isinstance(written, str) else ""
    if name not in functions:
        return None
    return WrittenCall(name, arguments_text(value.get("arguments", value.get("parameters"))))
