"""The same stream for a program that has an asyncio loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Self

from ..core.events import Event
from ..core.turn import Turn
from .reply import Reply
from .stream import Stream


class AsyncStream:
    """One reply as it arrives, without blocking the caller's loop.

    Parameters
    ----------
    prepare : callable
        Makes the stream; it may start a local server, so it runs on a worker thread.
    """

    def __init__(self, prepare: Callable[[], Stream]) -> None:
        self._prepare = prepare
        self._stream: Stream | None = None

    async def __aenter__(self) -> Self:
        (await self._ready()).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._stream is not None:
            await asyncio.to_thread(self._stream.close)

    async def __aiter__(self) -> AsyncIterator[Event]:
        stream = await self._ready()
        async for event in stream.aevents():
            yield event

    async def _ready(self) -> Stream:
        if self._stream is None:
            self._stream = await asyncio.to_thread(self._prepare)
        return self._stream

    @property
    def stream(self) -> Stream:
        """The stream underneath, once the block is entered."""
        if self._stream is None:
            raise RuntimeError("use it as: async with glm.astream(…) as s")
        return self._stream

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        return self.stream.turn

    @property
    def reply(self) -> Reply:
        """The whole reply, after the last event."""
        return self.stream.reply

    def cancel(self) -> None:
        """Stop the reply and close its connection; what has arrived stays."""
        self.stream.cancel()
