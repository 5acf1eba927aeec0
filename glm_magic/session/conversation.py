"""The turns of a conversation: what they are, what they cost, and what may be done with them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Sequence
from typing import Any

from ..core.price import CostTotal
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.options import Options
from ..engine.reply import turns_to_frame
from ..engine.stream import Stream
from . import autosave as journals
from . import repository
from .amounts import Amount
from .ledger import Entry, entries_of
from .notebook import SlotKey, followers
from .rows import all_rows, drop_rows, slot_rows
from .slots import Slot, Slots, Variant, cell_of, new_id
from .store import Statement

_numbers = itertools.count()


class Conversation:
    """A conversation without the asking; every change of it is written to disk.

    Parameters
    ----------
    name : str
        Name of the conversation.
    options : Options
        Options for every turn.
    """

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.id = new_id()
        self.persistent = True
        """False keeps what is said off the disk; what it costs is still counted."""
        self.budget: Amount | None = None
        """What all turns together may take; ``None``: no limit."""
        self.options = options
        self._slots = Slots()
        self._asked: list[Variant] = []
        self._past: list[Entry] = []
        self._lock = threading.RLock()
        self._number = next(_numbers)
        followers.add(self)

    def _join(self, name: str) -> bool:
        """Share the turns of a session of that name in this process; False when there is none."""
        alike = [s for s in _living() if s is not self and s.name == name and s.persistent]
        if not alike:
            return False
        other = max(alike, key=lambda session: session._number)
        self.id, self.budget, self._lock = other.id, other.budget, other._lock
        self._slots, self._asked, self._past = other._slots, other._asked, other._past
        self.options = self.options.over(other.options)
        return True

    def _twins(self) -> list[Conversation]:
        """Return every session that shares these turns, this one included."""
        return [session for session in _living() if session.id == self.id]

    @property
    def slots(self) -> list[Slot]:
        """The slots, in the order in which the notebook shows them."""
        return list(self._slots)

    @property
    def turns(self) -> list[Turn]:
        """The chosen turn of each slot, as it stands now."""
        return [slot.turn for slot in self._slots]

    @property
    def asked(self) -> list[Stream]:
        """Every stream that this kernel asked, replaced and undone ones included."""
        return [variant.stream for variant in self._asked if variant.stream]

    @property
    def entries(self) -> list[Entry]:
        """Every call so far, replaced and undone turns and earlier kernels included."""
        return self.entries_without("")

    def entries_without(self, run: str) -> list[Entry]:
        """Return every call so far but those of one run."""
        mine = {run, *(variant.id for variant in self._asked)}
        found = [entry for entry in self._past if entry.run not in mine]
        for variant in self._asked:
            stream = variant.stream
            if stream is not None and variant.id != run:
                size, price = stream.call.size, stream.call.offer.price
                found += entries_of(variant.id, self.name, variant.turn, size, price)
        return found

    @property
    def usage(self) -> Usage:
        """Tokens of every call so far, as reported; estimates are not part of it."""
        return sum((entry.usage for entry in self.entries if not entry.estimated), Usage())

    @property
    def cost(self) -> CostTotal:
        """Cost of every call so far, replaced and undone turns included, per currency."""
        return CostTotal.of(entry.cost for entry in self.entries)

    def to_frame(self) -> Any:
        """Return the turns as a pandas DataFrame, one row each.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        return turns_to_frame(self.turns)

    def slot_of(self, stream: Stream) -> Slot | None:
        """Return the slot that a stream of this session stands in."""
        return next((s for s in self._slots if any(v.stream is stream for v in s.variants)), None)

    def stale(self) -> set[Slot]:
        """Return the turns that were answered from something else than what is before them now."""
        with self._lock:
            return self._slots.stale()

    def set_budget(self, amount: Amount | None) -> None:
        """Limit what all turns together may take; ``None`` takes the limit away."""
        for session in self._twins():
            session.budget = amount
        if len(self):
            self._write([repository.session_row(self)])

    def choose(self, slot: Slot, place: int) -> None:
        """Let later turns see one of a slot's variants, counted from 0, unless it was taken out."""
        with self._lock:
            if slot not in self._slots:
                return
            slot.place = range(len(slot.variants))[place]
            self._write(slot_rows(self.id, slot))

    def hide(self, slot: Slot, *, hidden: bool = True) -> None:
        """Keep a turn visible but do not send it, or send it again."""
        with self._lock:
            slot.hidden, slot.pinned = hidden, slot.pinned and not hidden
            self._write(slot_rows(self.id, slot))

    def pin(self, slot: Slot, *, pinned: bool = True) -> None:
        """Keep a turn in the context when older ones leave, and when its cell is gone."""
        with self._lock:
            slot.pinned, slot.hidden = pinned, slot.hidden and not pinned
            self._write(slot_rows(self.id, slot))

    def drop(self, slot: Slot) -> None:
        """Take a turn out."""
        with self._lock:
            self._slots.drop(slot)
            self._write(drop_rows(self.id, [slot]))

    def undo(self, count: int = 1) -> int:
        """Take back the last turns; return how many there were to take."""
        with self._lock:
            taken = self._slots.undo(count)
            self._write(drop_rows(self.id, taken))
            return len(taken)

    def reset(self) -> None:
        """Forget every turn; options and totals stay."""
        self.undo(len(self))

    def forget(self) -> None:
        """Forget every turn, and what was asked so far."""
        with self._lock:
            self.reset()
            self._asked.clear()
            self._past.clear()

    def touch(self, key: SlotKey | None) -> None:
        """Note that a cell shows its slot, although it asked nothing."""
        with self._lock:
            slot = self._slots.find(key)
            if slot is not None:
                slot.touch()
                self._write(slot_rows(self.id, slot))

    def lose_cells(self, cells: Sequence[str]) -> None:
        """Send the turns of deleted cells no more, unless they are pinned."""
        with self._lock:
            self._marked(self._slots.lose_cells(cells))

    def asked_since(self, cell: str, since_s: float) -> set[SlotKey]:
        """Return the keys under which a cell has asked, or shown its slot, since then."""
        with self._lock:
            mine = [slot for slot in self._slots if cell_of(slot.key) == cell]
            return {slot.key for slot in mine if slot.key is not None and slot.ran_at_s >= since_s}

    def lose_older(self, cell: str, since_s: float, but: Collection[SlotKey] = ()) -> None:
        """Send no more what a cell asked before, and not when it ran again."""
        with self._lock:
            self._marked(self._slots.lose_older(cell, since_s, but))

    def _marked(self, slots: Sequence[Slot]) -> None:
        self._write([row for slot in slots for row in slot_rows(self.id, slot)])

    def take(self, slots: Sequence[Slot]) -> None:
        """Go on from slots that were read from a file."""
        with self._lock:
            for slot in slots:
                self._slots.add(slot)
        self.write_all()

    def rename(self, name: str) -> None:
        """Give the session another name."""
        for session in self._twins():
            session.name = name
        if len(self):
            self._write([repository.session_row(self)])

    def write_all(self) -> None:
        """Write every turn to disk."""
        with self._lock:
            self._write(all_rows(self.id, self._slots))

    def _write(self, rows: Sequence[Statement]) -> None:
        """Write a change to disk, if the session is kept there."""
        journal = journals.current()
        if journal is not None and self.persistent and rows:
            journal.store.write([repository.session_row(self), *rows])

    def __len__(self) -> int:
        return len(self._slots)


def _living() -> list[Conversation]:
    """Return every session of this process."""
    return [session for session in list(followers) if isinstance(session, Conversation)]
