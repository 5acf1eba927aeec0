"""A conversation whose turns are what the notebook shows."""

from __future__ import annotations

import threading
from typing import Any, Unpack

from ..core.errors import UnavailableError
from ..core.messages import Message
from ..core.price import CostTotal
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.asking import Asking, asks, options_of
from ..engine.async_stream import AsyncStream
from ..engine.call import Call
from ..engine.options import Options
from ..engine.prepare import prepare
from ..engine.reply import Reply
from ..engine.stream import Stream
from . import cell_key
from .cell_key import SlotKey
from .slots import Slots, context_of


class Session:
    """A conversation: each question is answered from the turns before it.

    Asked again from the same notebook cell, a question replaces that cell's own turn and is
    answered from the turns before it. Anywhere else, every question is a new turn.

    Parameters
    ----------
    name : str
        Name of the session.
    **asking
        Options for every turn, the same as those of `glm_magic.ask`; a turn's own win.
    """

    def __init__(self, name: str = "default", **asking: Unpack[Asking]) -> None:
        self.name = name
        self.options = options_of(asking)
        self._slots = Slots()
        self._asked: list[Stream] = []
        self._lock = threading.Lock()

    @asks
    def ask(self, prompt: str, **asking: Unpack[Asking]) -> Reply:
        """Ask the next question, and wait for the whole reply.

        Returns
        -------
        Reply
            The answer, the reasoning and what they cost.

        Raises
        ------
        GlmError
            The request was refused or failed; a turn that failed stays visible but is not sent.
        """
        with self.stream(prompt, **asking) as opened:
            opened.wait()
            opened.raise_error()
            return opened.reply

    @asks
    async def aask(self, prompt: str, **asking: Unpack[Asking]) -> Reply:
        """Ask the next question without blocking the event loop.

        Returns
        -------
        Reply
            The answer, the reasoning and what they cost.
        """
        key, options = cell_key.slot_key(), options_of(asking)
        async with AsyncStream(lambda: self.open(prompt, options, key)) as opened:
            async for _ in opened:
                pass
            return opened.reply

    @asks
    def stream(self, prompt: str, **asking: Unpack[Asking]) -> Stream:
        """Ask the next question, and read the reply as it arrives.

        Returns
        -------
        Stream
            It takes its place in the session at once; nothing is sent before its block is entered.
        """
        return self.open(prompt, options_of(asking), cell_key.slot_key())

    def open(self, prompt: str, options: Options, key: SlotKey | None = None) -> Stream:
        """Put a question in the slot of `key`, and return its stream."""
        with self._lock:
            stream = Stream(self.plan(prompt, options, key))
            self._slots.add(key, stream)
            self._asked.append(stream)
        return stream

    def plan(
        self, prompt: str, options: Options, key: SlotKey | None = None, *, start_local: bool = True
    ) -> Call:
        """Return the call that a question would send, without asking it."""
        messages = [*self.context(key), Message("user", prompt)]
        return prepare(messages, options.over(self.options), start_local=start_local)

    def context(self, key: SlotKey | None = None) -> list[Message]:
        """Return the messages of earlier turns that a question under `key` would be sent with."""
        return context_of(self._slots.before(key))

    @property
    def turns(self) -> list[Turn]:
        """The turns, each as it stands now."""
        return [slot.turn for slot in self._slots]

    @property
    def streams(self) -> list[Stream]:
        """The stream of each turn, in the same order."""
        return [slot.variants[-1] for slot in self._slots]

    @property
    def asked(self) -> list[Stream]:
        """Every call so far, replaced and undone ones included."""
        return list(self._asked)

    @property
    def usage(self) -> Usage:
        """Tokens of every call so far, replaced and undone turns included, as reported."""
        return sum((stream.turn.usage or Usage() for stream in self._asked), Usage())

    @property
    def cost(self) -> CostTotal:
        """Cost of every call so far, replaced and undone turns included, per currency."""
        finished = [stream.turn for stream in self._asked if stream.done]
        return CostTotal.of(step.cost for turn in finished for step in turn.steps)

    def to_frame(self) -> Any:
        """Return the turns as a pandas DataFrame, one row each.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise UnavailableError(
                "a DataFrame needs pandas, which is not installed", hint="pip install pandas"
            ) from None
        return pd.DataFrame(
            [_row(turn) for turn in self.turns],
        )

    def undo(self, count: int = 1) -> int:
        """Take back the last turns; return how many there were to take."""
        with self._lock:
            return self._slots.undo(count)

    def reset(self) -> None:
        """Forget every turn; options and totals stay."""
        with self._lock:
            self._slots.clear()

    def fork(self, name: str) -> Session:
        """Return a session of another name that goes on from the same turns."""
        other = Session(name)
        other.options = self.options
        with self._lock:
            other._slots = self._slots.copy()
        return other

    def __len__(self) -> int:
        return len(self._slots)

    def __repr__(self) -> str:
        turns = len(self)
        return f"<Session {self.name!r}: {turns} turn{'' if turns == 1 else 's'}, cost {self.cost}>"


def _row(turn: Turn) -> dict[str, Any]:
    usage, cost = turn.usage or Usage(), turn.cost
    return {
        "prompt": turn.prompt,
        "answer": turn.answer,
        "reasoning": turn.reasoning,
        "status": turn.status,
        "model": turn.model,
        "provider": turn.provider,
        "input": usage.input,
        "output": usage.output,
        "reasoning_tokens": usage.reasoning,
        "cached": usage.cached,
        "cost": cost.amount if cost else None,
        "currency": cost.currency if cost else None,
        "thinking_s": turn.timing.thinking_s,
        "total_s": turn.timing.total_s,
    }
