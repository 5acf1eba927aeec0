"""The Python interface: one-shot questions, streamed or whole, synchronous or not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack, overload

from .catalogue.load import Catalogue, catalogue
from .core.errors import InvalidValueError
from .core.i18n import tr
from .core.messages import Message
from .engine.compare import Comparison, Lanes, expand_axes
from .engine.keywords import AskKeywords, Prompt, messages_of, to_options, with_ask_keywords
from .engine.options import Options
from .engine.prepare import prepare
from .engine.prepared import PreparedRequest, check_alone
from .engine.reply import Reply
from .engine.stream import AsyncStream, Stream

if TYPE_CHECKING:  # what counts answers is loaded when some are counted
    from .many.scores import Key, VoteResult
    from .many.sweep import Vote

__all__ = [
    "AsyncStream",
    "Comparison",
    "Reply",
    "Stream",
    "aask",
    "ask",
    "astream",
    "compare",
    "enable_nested_asyncio",
    "stream",
]


@with_ask_keywords
def stream(prompt: Prompt, **keywords: Unpack[AskKeywords]) -> Stream:
    """Ask, and read the reply as it arrives: ``with glm.stream(…) as s: for event in s: …``.

    Reads and writes no session.

    Returns
    -------
    Stream
        Nothing is sent before its block is entered.

    Raises
    ------
    RefusedError
        The request is known not to work; nothing was sent.
    """
    return Stream(_prepared(messages_of(prompt), to_options(keywords)))


@overload
def ask(prompt: Prompt, **keywords: Unpack[AskKeywords]) -> Reply: ...


@overload
def ask(
    prompt: Prompt, *, samples: int, key: Key | None = None, **keywords: Unpack[AskKeywords]
) -> VoteResult: ...


@with_ask_keywords
def ask(
    prompt: Prompt,
    *,
    samples: int | None = None,
    key: Key | None = None,
    **keywords: Unpack[AskKeywords],
) -> Reply | VoteResult:
    """Ask, and wait for the whole reply.

    Reads and writes no session.

    Parameters
    ----------
    prompt : str or sequence of messages
        The question, or a whole conversation as dicts with ``role`` and ``content``.
    samples : int, optional
        How often it is asked; the answers are then counted.
    key : callable, optional
        Takes a reply, and returns what it is counted as; by default numbers and JSON are equal by
        value, and texts but for spaces, capitals and the stop at the end.

    Returns
    -------
    Reply or VoteResult
        The answer, the reasoning and what they cost. Under `samples`, ``vote`` maps each distinct
        answer to its count, and the answer is the most frequent one.

    Raises
    ------
    GlmError
        The request was refused or failed; ``error.turn`` holds what had arrived.
    """
    if samples is not None or key is not None:
        return _vote(prompt, samples, key, keywords).run()
    with stream(prompt, **keywords) as opened:
        opened.wait()
        opened.raise_error()
        return opened.reply


@with_ask_keywords
def compare(prompt: Prompt, axes: str, **keywords: Unpack[AskKeywords]) -> Comparison:
    """Ask the same in several ways at the same time: ``glm.compare("why?", "think=on,off")``.

    Reads and writes no session. The `axes` are ``AXIS=a,b``, several with spaces between them: each
    value of one with each of the others, six lanes at most.

    Returns
    -------
    Comparison
        Its ``lanes`` are the replies; ``to_frame()`` has one row for each.

    Raises
    ------
    GlmError
        A lane was refused, so nothing was sent; or every lane failed.
    """
    messages, ways = messages_of(prompt), expand_axes([axes], to_options(keywords))
    models = catalogue()
    calls = [_prepared(messages, way.options, models) for way in ways]
    lanes = Lanes([way.label for way in ways], [Stream(call) for call in calls])
    try:
        lanes.wait()
    finally:
        lanes.close()
    lanes.raise_error()
    return Comparison(lanes)


@with_ask_keywords
def astream(prompt: Prompt, **keywords: Unpack[AskKeywords]) -> AsyncStream:
    """Ask, and read the reply as it arrives: ``async with glm.astream(…) as s: async for …``.

    Reads and writes no session.

    Returns
    -------
    AsyncStream
        Nothing is sent before its block is entered.
    """
    messages, options = messages_of(prompt), to_options(keywords)
    return AsyncStream(lambda: Stream(_prepared(messages, options)))


@overload
async def aask(prompt: Prompt, **keywords: Unpack[AskKeywords]) -> Reply: ...


@overload
async def aask(
    prompt: Prompt, *, samples: int, key: Key | None = None, **keywords: Unpack[AskKeywords]
) -> VoteResult: ...


@with_ask_keywords
async def aask(
    prompt: Prompt,
    *,
    samples: int | None = None,
    key: Key | None = None,
    **keywords: Unpack[AskKeywords],
) -> Reply | VoteResult:
    """Ask without blocking the event loop, and wait for the whole reply.

    Reads and writes no session.

    Parameters
    ----------
    prompt, samples, key
        As for `ask`.

    Returns
    -------
    Reply or VoteResult
        The answer, the reasoning and what they cost, as `ask` returns them.

    Raises
    ------
    GlmError
        The request was refused or failed; ``error.turn`` holds what had arrived.
    """
    if samples is not None or key is not None:
        return await (await asyncio.to_thread(_vote, prompt, samples, key, keywords)).arun()
    async with astream(prompt, **keywords) as opened:
        async for _ in opened:
            pass
        return opened.reply


def _vote(prompt: Prompt, samples: int | None, key: Key | None, keywords: AskKeywords) -> Vote:
    from .many.sweep import Vote

    if samples is None:
        raise InvalidValueError(
            tr("key has no effect without samples: there is one answer"),
            hint=tr("say how often it is asked: samples=5"),
        )
    return Vote(prompt, to_options(keywords), samples, key)


def _prepared(
    messages: Sequence[Message], options: Options, models: Catalogue | None = None
) -> PreparedRequest:
    """Return a request whose input the model takes, as far as can be known before it is sent."""
    return check_alone(prepare(messages, options, catalogue=models))


def enable_nested_asyncio() -> None:
    """Let ``asyncio.run(glm.aask(…))`` work where a loop already runs, as in a notebook cell.

    It patches asyncio for the whole process, which is why nothing in glm_magic does it by itself;
    in a notebook ``await glm.aask(…)`` needs no patch. The maintained ``nest_asyncio2`` is
    preferred where it is installed.

    Notes
    -----
    On ipykernel 7 a nested loop can lose the next queued cell or widget message, and an interrupt
    does not stop what it runs (measured 2026-11). Use it for scripts that cannot be changed.
    """
    try:
        import nest_asyncio2 as nested
    except ImportError:
        import nest_asyncio as nested
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    nested.apply(loop)
