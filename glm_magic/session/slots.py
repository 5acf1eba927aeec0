"""The turns of a session, in the order in which the notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.messages import Message
from ..core.turn import Turn
from ..engine.stream import Stream
from .cell_key import SlotKey


@dataclass(slots=True)
class Slot:
    """One prompt cell, and the variants that running it produced."""

    key: SlotKey | None
    """``None`` where the host tells nothing about cells; every run is then a slot of its own."""
    variants: list[Stream] = field(default_factory=list)

    @property
    def turn(self) -> Turn:
        """The newest variant's turn, as it stands now."""
        return self.variants[-1].turn


class Slots:
    """An ordered list of slots."""

    def __init__(self) -> None:
        self._slots: list[Slot] = []

    def __iter__(self) -> Iterator[Slot]:
        return iter(list(self._slots))

    def __len__(self) -> int:
        return len(self._slots)

    def before(self, key: SlotKey | None) -> list[Slot]:
        """Return the slots that a run under `key` is answered from."""
        return self._slots[: self._place(key)]

    def add(self, key: SlotKey | None, stream: Stream) -> None:
        """Put a run in its slot, as the newest variant."""
        place = self._place(key)
        if place == len(self._slots):
            self._slots.append(Slot(key))
        self._slots[place].variants.append(stream)

    def undo(self, count: int = 1) -> int:
        """Take back the last `count` slots; return how many there were to take."""
        taken = min(count, len(self._slots))
        del self._slots[len(self._slots) - taken :]
        return taken

    def clear(self) -> None:
        """Forget every slot."""
        self._slots.clear()

    def copy(self) -> Slots:
        """Return the same slots as a list of its own."""
        other = Slots()
        other._slots = [Slot(slot.key, list(slot.variants)) for slot in self._slots]
        return other

    def _place(self, key: SlotKey | None) -> int:
        for place, slot in enumerate(self._slots):
            if key is not None and slot.key == key:
                return place
        return len(self._slots)


def context_of(slots: list[Slot]) -> list[Message]:
    """Return the messages that slots bring into a later prompt's context."""
    messages: list[Message] = []
    for slot in slots:
        turn = slot.turn
        if turn.status == "streaming" or not turn.is_context or turn.tool_calls:
            continue
        messages.append(Message("user", turn.prompt))
        messages.append(
            Message(
                "assistant", turn.answer, reasoning=turn.reasoning, reasoning_from=turn.provider
            )
        )
    return messages
