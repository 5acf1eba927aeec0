"""The Python interface: one-shot questions, streamed or whole, synchronous or not."""

from __future__ import annotations

import asyncio
from typing import Unpack

from .engine.compare import Comparison, Lanes, lanes_of
from .engine.keywords import Asking, Prompt, asks, messages_of, options_of
from .engine.prepare import prepare
from .engine.reply import Reply
from .engine.stream import AsyncStream, Stream

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


@asks
def stream(prompt: Prompt, **asking: Unpack[Asking]) -> Stream:
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
    return Stream(prepare(messages_of(prompt), options_of(asking)))


@asks
def ask(prompt: Prompt, **asking: Unpack[Asking]) -> Reply:
    """Ask, and wait for the whole reply.

    Reads and writes no session.

    Returns
    -------
    Reply
        The answer, the reasoning and what they cost.

    Raises
    ------
    GlmError
        The request was refused or failed; ``error.turn`` holds what had arrived.
    """
    with stream(prompt, **asking) as opened:
        opened.wait()
        opened.raise_error()
        return opened.reply


@asks
def compare(prompt: Prompt, axes: str, **asking: Unpack[Asking]) -> Comparison:
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
    messages, ways = messages_of(prompt), lanes_of([axes], options_of(asking))
    calls = [prepare(messages, way.options) for way in ways]
    lanes = Lanes([way.label for way in ways], [Stream(call) for call in calls])
    try:
        lanes.wait()
    finally:
        lanes.close()
    lanes.raise_error()
    return Comparison(lanes)


@asks
def astream(prompt: Prompt, **asking: Unpack[Asking]) -> AsyncStream:
    """Ask, and read the reply as it arrives: ``async with glm.astream(…) as s: async for …``.

    Reads and writes no session.

    Returns
    -------
    AsyncStream
        Nothing is sent before its block is entered.
    """
    messages, options = messages_of(prompt), options_of(asking)
    return AsyncStream(lambda: Stream(prepare(messages, options)))


@asks
async def aask(prompt: Prompt, **asking: Unpack[Asking]) -> Reply:
    """Ask without blocking the event loop, and wait for the whole reply.

    Reads and writes no session.

    Returns
    -------
    Reply
        The answer, the reasoning and what they cost.

    Raises
    ------
    GlmError
        The request was refused or failed; ``error.turn`` holds what had arrived.
    """
    async with astream(prompt, **asking) as opened:
        async for _ in opened:
            pass
        return opened.reply


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
