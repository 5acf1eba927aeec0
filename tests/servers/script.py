"""What a server shall answer, told once and spoken in any vendor's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Text = str | tuple[str, ...]
"""A text to be cut into pieces, or the pieces themselves."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model makes."""

    name: str
    arguments: str
    """JSON text."""
    id: str = "call_7f3a"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the reply is said to have used; ``None``: the vendor leaves the figure out."""

    input: int = 11
    output: int = 29
    reasoning: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, to be told in the vendor's own shape."""

    status: int
    code: str | int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """One reply.

    A model that is told not to think leaves `reasoning` out, and one that is given no tools
    leaves `calls` out, as the real ones do.
    """

    answer: Text = "Because short waves scatter more."
    reasoning: Text = ""
    calls: tuple[Call, ...] = ()
    pages: tuple[dict[str, str], ...] = ()
    """What BigModel's own web search finds, if the request asks for it."""
    tokens: Tokens | None = field(default_factory=Tokens)
    finish: str | None = "stop"
    """The finish reason; ``None``: the body ends without one."""
    model: str | None = None
    """The model that the server says it ran; ``None``: the one asked for."""
    piece_chars: int = 5
    """Length of the pieces that a text is cut into."""
    pause_s: float = 0.0
    """Wait between records."""
    first_pause_s: float = 0.0
    """Wait before the first record, after the response head."""
    head_pause_s: float = 0.0
    """Wait before the response head."""
    comments: int = 0
    """How many comment lines come before the first record."""
    refusal: Failure | None = None
    """Fail before anything is generated."""
    failure: Failure | None = None
    """Fail after the texts, in the middle of the stream."""
    stall_after: int | None = None
    """Send so many records, then nothing until the client leaves or the server is released."""
    cut_after: int | None = None
    """Send so many records, then reset the connection."""
    done: bool = True
    """Whether ``[DONE]`` is sent, where the protocol has it."""
    running: Literal["absent", "null", "none"] = "absent"
    """How the native protocol spells a finish reason that is still to come."""
    reports_tokens: bool = True
    """Whether ``logprobs`` has an effect, where the protocol has it."""
    tags: Literal["no", "both", "close", "open"] = "no"
    """Self-hosted only: reasoning inside the content, with both think tags, or one of them."""

    @property
    def reasoning_pieces(self) -> tuple[str, ...]:
        """The reasoning in the pieces that are sent."""
        return pieces(self.reasoning, self.piece_chars)

    @property
    def answer_pieces(self) -> tuple[str, ...]:
        """The answer in the pieces that are sent."""
        return pieces(self.answer, self.piece_chars)

    def as_asked(self, *, thinks: bool, has_tools: bool) -> Script:
        """Return what a model says that was (not) told to think and (not) given tools."""
        script = self if thinks else replace(self, reasoning="", tags="no")
        if not has_tools:
            return replace(script, calls=())
        return replace(script, finish="tool_calls") if self._ends_in_calls else script

    @property
    def _ends_in_calls(self) -> bool:
        return bool(self.calls) and self.finish == "stop"


def token_report(text: str | None, options: Mapping[str, Any], script: Script) -> Any:
    """Return what a choice reports about the token that its text is, in the form of OpenAI's."""
    if not (text and options.get("logprobs") and script.reports_tokens):
        return None
    odds = [(text, -0.5), ("<b>or</b>", -1.25), ("\0", -2.5), (" else", -4.0)]
    top = [_entry(*pair) for pair in odds[: options.get("top_logprobs") or 0]]
    return {"content": [{**_entry(*odds[0]), "top_logprobs": top}]}


def _entry(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def pieces(text: Text, length: int) -> tuple[str, ...]:
    """Cut a text into pieces of `length` characters; pieces stay as they are."""
    if isinstance(text, tuple):
        return text
    return tuple(text[i : i + length] for i in range(0, len(text), length))
