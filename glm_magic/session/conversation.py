"""The turns of one conversation: what they are, what they cost, and what may be done with them.

A `Conversation` is shared by every `Session` of its name in this process. Each change of it is
written to the store, unless it is not to be saved.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from ..core.price import CostTotal
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.options import Options
from ..engine.reply import turns_to_frame
from ..engine.stream import Stream
from . import autosave, contents, repository, spending
from .amounts import Amount
from .asked import AskedRuns
from .autosave import as_new, call_row, kept_variant_row, run_row, session_row, slot_rows
from .ledger import Entry, cost_of_all
from .notebook import CellKey, conversations
from .repository import SavedSession, all_rows, drop_rows
from .slots import Slot, Slots, Variant, cell_of, new_id
from .statements import Statement
from .store import Store, current_store, renewals

_numbers = itertools.count()


class Conversation:
    """Slots in the order of the notebook, and every call that was made for them.

    Parameters
    ----------
    name : str
        Name of the conversation; more than one may have it.
    options : Options
        What a further session of this conversation begins with: the options of the one that was
        used last. They are saved with the turns.
    id_ : str, optional
        Id in the store; a new one by default.
    persistent : bool
        False keeps the texts off the disk; what they cost is still counted.
    """

    def __init__(
        self,
        name: str,
        options: Options | None = None,
        *,
        id_: str | None = None,
        persistent: bool = True,
    ) -> None:
        self.name = name
        self.options = options or Options()
        self.id = id_ or new_id()
        self.persistent = persistent
        self.budget: Amount | None = None
        """What all turns together may take; ``None``: no limit."""
        self.unread = 0
        """Runs that are damaged on disk, until they were reported."""
        self.slots = Slots()
        self.lock = threading.RLock()
        self._asked = AskedRuns()
        self._earlier: list[Entry] = []
        """Calls of earlier kernels."""
        self.use()

    def use(self) -> None:
        """Note that a session begins with this conversation, or asks in it.

        One that was forgotten, and is still asked in, counts again.
        """
        self.last_used = next(_numbers)
        conversations[self.id] = self

    @classmethod
    def load(cls, saved: SavedSession) -> Conversation:
        """Return a saved conversation: the one in use here, or else as the disk has it."""
        existing = conversations.get(saved.id)
        if isinstance(existing, cls):
            return existing
        conversation = cls(saved.name, saved.options, id_=saved.id)
        conversation.budget = saved.budget
        slots, conversation.unread, conversation._earlier = repository.read_session(saved.id)
        for slot in slots:
            conversation.slots.add(slot)
        return conversation

    @classmethod
    def find(cls, name: str) -> Conversation | None:
        """Return the conversation of that name that this process used last, or the saved one."""
        named = [c for c in open_conversations() if c.name == name and c.persistent]
        if named:
            return max(named, key=lambda conversation: conversation.last_used)
        saved = repository.by_name(name)
        return cls.load(saved) if saved is not None else None

    def copy(self, name: str, options: Options, *, persistent: bool | None = None) -> Conversation:
        """Return another conversation that continues from the same turns.

        It is saved as this one is, unless `persistent` says otherwise.
        """
        repository.check_name(name)
        persistent = self.persistent if persistent is None else persistent
        other = Conversation(name, options, persistent=persistent)
        with self.lock:
            other.slots = self.slots.copy()
        other.write_all()
        return other

    @property
    def turns(self) -> list[Turn]:
        """The chosen turn of each slot, as it stands now."""
        return [slot.turn for slot in self.slots]

    @property
    def asked(self) -> list[Stream]:
        """The newest streams that this kernel asked, replaced and undone ones included.

        All that run are among them, and the `asked.KEPT_STREAMS` newest that have ended.
        """
        return self._asked.streams

    @property
    def was_asked(self) -> bool:
        """Whether this kernel asked anything, undone or not."""
        return bool(self._asked)

    @property
    def entries(self) -> list[Entry]:
        """Every call so far, replaced and undone turns and earlier kernels included.

        What was asked about many rows is part of it, as a sum.
        """
        of_rows = [s for s in spending.spendings if s.session == self.id]
        asked, rows = self._asked, {s.run for s in of_rows}
        earlier = [e for e in self._earlier if e.run not in asked and e.run not in rows]
        entries = [*earlier, *asked.entries(self.name)]
        return [*entries, *(entry for of_row in of_rows for entry in of_row.entries)]

    @property
    def usage(self) -> Usage:
        """Tokens of every call so far, as reported; estimates are not part of it."""
        return sum((entry.usage for entry in self.entries if not entry.estimated), Usage())

    @property
    def cost(self) -> CostTotal:
        """Cost of every call so far, replaced and undone turns included, per currency."""
        return cost_of_all(self.entries)

    def to_frame(self) -> Any:
        """Return the turns as a pandas DataFrame, one row each.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        return turns_to_frame(self.turns)

    def slot_of(self, stream: Stream) -> Slot | None:
        """Return the slot that a stream of this conversation stands in."""
        return next((s for s in self.slots if any(v.ran(stream) for v in s.variants)), None)

    def stale(self) -> set[Slot]:
        """Return the turns that were answered from something else than what is before them now."""
        with self.lock:
            return self.slots.stale()

    def add_variants(self, slot: Slot, variants: Sequence[Variant], store: Store | None) -> None:
        """Put runs that are about to begin in a slot; later turns see the first of them.

        The store follows them to their end, or only their cost where the texts are not saved.
        """
        if slot not in self.slots:
            self.slots.add(slot)
        first = len(slot.variants)
        for variant in variants:
            slot.add(variant)
        slot.place = first
        self._asked.add(variants, self.name)
        self.use()
        if store is None:
            return
        if self.persistent:
            store.write([self.row()])
        for variant in variants:
            if self.persistent:
                kept = partial(self._kept_rows, slot, variant)
                autosave.save(store, self.id, self.name, slot, variant, kept=kept)
            else:
                autosave.save_calls(store, self.id, self.name, variant)

    def _kept_rows(self, slot: Slot, variant: Variant) -> list[Statement]:
        """Return what writes a run and its place again; nothing once it was taken back.

        Another kernel may have deleted the session meanwhile; this one goes on with it.
        """
        if slot not in self.slots or variant not in slot.variants:
            return []
        run = run_row(variant.id, variant.context_digest, variant.turn)
        place = [as_new(row) for row in (self.row(), *slot_rows(self.id, slot))]
        return [*place, run, kept_variant_row(self.id, slot, variant)]

    def known_rows(self) -> list[Statement]:
        """Return what writes everything that is known here to a file that was made anew."""
        rows = [call_row(self.id, entry) for entry in self.entries]
        if self.persistent and len(self):
            rows = [self.row(), *all_rows(self.id, self.slots), *rows]
        return rows

    def set_budget(self, amount: Amount | None) -> None:
        """Limit what all turns together may take; ``None`` takes the limit away."""
        self.budget = amount
        if len(self):
            self._save()

    def choose(self, slot: Slot, place: int) -> None:
        """Let later turns see one of a slot's variants, counted from 0, unless it was taken out."""
        with self.lock:
            if slot not in self.slots:
                return
            slot.place = range(len(slot.variants))[place]
            self._write(slot_rows(self.id, slot))

    def hide(self, slot: Slot, *, hidden: bool = True) -> None:
        """Keep a turn visible but do not send it, or send it again."""
        with self.lock:
            slot.hidden, slot.pinned = hidden, slot.pinned and not hidden
            self._write(slot_rows(self.id, slot))

    def pin(self, slot: Slot, *, pinned: bool = True) -> None:
        """Keep a turn in the context when older ones leave, and when its cell is gone."""
        with self.lock:
            slot.pinned, slot.hidden = pinned, slot.hidden and not pinned
            self._write(slot_rows(self.id, slot))

    def drop(self, slot: Slot) -> None:
        """Take a turn out."""
        with self.lock:
            self.slots.drop(slot)
            self._delete([slot])

    def undo(self, count: int = 1) -> int:
        """Take back the last turns; return how many there were to take."""
        with self.lock:
            taken = self.slots.undo(count)
            self._delete(taken)
            return len(taken)

    def reset(self) -> None:
        """Forget every turn; options and totals stay."""
        self.undo(len(self))

    def forget(self) -> None:
        """Forget every turn, and what was asked so far."""
        with self.lock:
            self.reset()
            self._asked.clear()
            self._earlier.clear()
            spending.forget(self.id)

    def touch(self, key: CellKey | None) -> None:
        """Note that a cell shows its slot, although it asked nothing."""
        with self.lock:
            slot = self.slots.find(key)
            if slot is not None:
                slot.touch()
                self._write(slot_rows(self.id, slot))

    def take(self, slots: Sequence[Slot]) -> None:
        """Continue from slots that were read from a file.

        A run of the file that is not what the disk has under its id gets another one: what was
        edited in a file does not change the session that it came from.
        """
        variants = [variant for slot in slots for variant in slot.variants]
        for run in repository.changed_runs(variants):
            next(variant for variant in variants if variant.id == run).id = new_id()
        with self.lock:
            for slot in slots:
                self.slots.add(slot)
        self.write_all()

    def rename(self, name: str) -> None:
        """Give the conversation another name."""
        repository.check_name(name)
        self.name = name
        self._asked.rename(name)
        if len(self):
            self._save()

    def on_cells_deleted(self, cells: Sequence[str]) -> None:
        """Stop sending the turns of deleted cells, unless they are pinned."""
        with self.lock:
            self._write_marks(self.slots.orphan_cells(cells))

    def keys_since(self, cell: str, since_s: float) -> set[CellKey]:
        """Return the keys under which a cell has asked, or shown its slot, since then."""
        with self.lock:
            slots = [slot for slot in self.slots if cell_of(slot.key) == cell]
            return {s.key for s in slots if s.key is not None and s.ran_at_s >= since_s}

    def on_cell_rerun(self, cell: str, since_s: float, but: Collection[CellKey] = ()) -> None:
        """Stop sending what a cell asked before, and not when it ran again."""
        with self.lock:
            self._write_marks(self.slots.orphan_older(cell, since_s, but))

    def write_all(self) -> None:
        """Write every turn to disk."""
        with self.lock:
            self._write(all_rows(self.id, self.slots))
            for variant in (variant for slot in self.slots for variant in slot.variants):
                if self.persistent:
                    contents.keep(variant.id, variant.turn)

    def row(self) -> Statement:
        """Return the statement that saves the conversation itself, without its turns."""
        return session_row(self.id, self.name, self.options, self.budget)

    def _delete(self, slots: Sequence[Slot]) -> None:
        """Delete the texts of slots, from the write-ahead log too."""
        self._write(drop_rows(self.id, slots))
        store = current_store()
        if slots and store is not None and self.persistent:
            store.shrink()
            contents.sweep()

    def _write_marks(self, slots: Sequence[Slot]) -> None:
        self._write([row for slot in slots for row in slot_rows(self.id, slot)])

    def _write(self, rows: Sequence[Statement]) -> None:
        if rows:
            self._save(rows)

    def _save(self, rows: Sequence[Statement] = ()) -> None:
        """Write the conversation and a change of it to disk, if it is saved there."""
        store = current_store()
        if store is not None and self.persistent:
            store.write([self.row(), *rows])

    def __len__(self) -> int:
        return len(self.slots)


def open_conversations() -> list[Conversation]:
    """Return the conversations that this process has in use."""
    return [c for c in list(conversations.values()) if isinstance(c, Conversation)]


renewals.append(lambda: [row for c in open_conversations() for row in c.known_rows()])
