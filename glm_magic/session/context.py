"""What earlier turns bring into a later prompt's context."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.messages import Message
from ..core.transcript import turn_messages
from ..core.turn import Turn
from .slots import Slot


def messages_of(turn: Turn) -> tuple[Message, ...]:
    """Return the messages by which later prompts are told of a turn."""
    if turn.asks_caller:
        return ()  # calls that nobody answered are refused by every provider
    return tuple(turn_messages(turn))


def context_of(slots: Iterable[Slot]) -> list[Message]:
    """Return the messages that slots bring into a later prompt's context."""
    return [message for slot in slots if slot.is_sent for message in messages_of(slot.turn)]
