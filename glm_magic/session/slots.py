"""The turns of a conversation, in the order in which the notebook shows them.

A conversation is an ordered list of slots, one for each prompt cell; running the cell again adds a
variant to its slot. Each variant keeps a fingerprint of the turns that it was answered from, so
that "answered before the change" is computed and never a flag that could be wrong: choosing the
old variant of an earlier turn takes the mark away again.

A slot stands where its cell first ran. A kernel hears which cells are deleted, as JupyterLab says
with each request, but never how the cells are ordered.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol
from weakref import ref

from ..core.messages import Message
from ..core.turn import Turn
from ..engine.options import Options
from ..engine.stream import Stream
from .amounts import Amount
from .notebook import CellKey


def new_id() -> str:
    """Return an id that nothing else has, in any kernel."""
    return secrets.token_hex(8)


_TICK_S = 1e-6
"""Least time between two slots; a float holds it until the year 2200."""
_last_time = 0.0


def _next_time() -> float:
    """Return the time, later than any that was returned before."""
    global _last_time  # noqa: PLW0603 - slots are told apart by it, whatever the clock does
    _last_time = max(time.time(), _last_time + _TICK_S)
    return _last_time


@dataclass(slots=True, eq=False)
class Variant:
    """One run of a prompt, and what it was answered from."""

    source: Stream | Turn
    """The stream while this kernel has it; the turn afterwards, and where it was read from disk or
    a file."""
    context_digest: str = ""
    """Fingerprint of the turns that it was answered from."""
    id: str = field(default_factory=new_id)
    options: Options | None = None
    """Options it was asked with; ``None`` for one that was read."""
    _last: Turn | None = None
    _messages: tuple[Message, ...] | None = None
    _earlier: ref[Stream] | None = None
    """The stream that was let go of; whoever asked may have it still."""

    @property
    def turn(self) -> Turn:
        """The turn as it stands now."""
        source = self.source
        if isinstance(source, Turn):
            return source
        if self._last is None and source.done:
            self._last = source.turn  # sums over a session read every turn again and again
        return self._last or source.turn

    @property
    def messages(self) -> tuple[Message, ...]:
        """What later prompts are sent of it: nothing before it has ended, or if it failed."""
        if self._messages is None:
            turn = self.turn
            # Between two requests of one turn the status may say that it has ended.
            stream = self.stream
            is_running = stream is not None and not stream.done
            if is_running or turn.status == "streaming":
                return ()
            self._messages = tuple(turn.to_messages()) if turn.is_context else ()
        return self._messages

    @property
    def stream(self) -> Stream | None:
        """The stream, where this kernel asked and has it still."""
        source = self.source
        return None if isinstance(source, Turn) else source

    @property
    def was_let_go(self) -> bool:
        """Whether this kernel asked, and has only the turn by now."""
        return self._earlier is not None

    def ran(self, stream: Stream) -> bool:
        """Whether this is the run of a stream."""
        return self.source is stream or (self._earlier is not None and self._earlier() is stream)

    def let_go(self) -> None:
        """Keep the turn, without its requests, in place of its stream, which has ended.

        Each request repeats the turns before it.
        """
        stream = self.stream
        if stream is not None and stream.done:
            steps = tuple(replace(step, request=None) for step in self.turn.steps)
            self._earlier, self.source = ref(stream), replace(self.turn, steps=steps)
            self._last = None


@dataclass(slots=True, eq=False)
class Slot:
    """One prompt cell, and the variants that running it produced."""

    key: CellKey | None = None
    """``None`` where the host has no cells; every run then gets its own slot."""
    variants: list[Variant] = field(default_factory=list)
    place: int = 0
    """Place of the chosen variant, which later turns see; the newest one until chosen otherwise."""
    hidden: bool = False
    """True: the user keeps it from being sent."""
    pinned: bool = False
    """True: it stays in the context when older turns have to leave, and when its cell is gone."""
    orphaned: bool = False
    """True: its cell was deleted, or ran again without asking this."""
    id: str = field(default_factory=new_id)
    made_at: float = field(default_factory=_next_time)
    """When it first ran, seconds since the epoch, but always after the slot before it: slots are
    read in this order, and a clock may be set back."""
    ran_at_s: float = 0.0
    """When it ran last, by this process's monotonic clock."""
    budget: Amount | None = None
    """What its prompt may take, also when it is asked again."""

    @property
    def current(self) -> Variant:
        """The chosen variant."""
        return self.variants[self.place]

    @property
    def turn(self) -> Turn:
        """The chosen variant's turn, as it stands now."""
        return self.current.turn

    @property
    def turns(self) -> list[Turn]:
        """The turn of every variant, oldest first."""
        return [variant.turn for variant in self.variants]

    @property
    def is_shown(self) -> bool:
        """Whether later turns may see it at all."""
        return not self.hidden and (self.pinned or not self.orphaned)

    @property
    def is_sent(self) -> bool:
        """Whether later turns are sent it, as long as there is room."""
        return self.is_shown and bool(self.current.messages)

    def add(self, variant: Variant) -> None:
        """Take in a run, which later turns see from now on."""
        self.variants.append(variant)
        self.place = len(self.variants) - 1
        self.touch()

    def touch(self) -> None:
        """Note that the cell shows this slot again."""
        self.orphaned = False
        self.ran_at_s = time.monotonic()

    def copy(self) -> Slot:
        """Return another slot with the same variants."""
        return replace(self, variants=list(self.variants), id=new_id())


class Slots:
    """An ordered list of slots; a new one comes last."""

    def __init__(self, slots: Iterable[Slot] = ()) -> None:
        self._slots = list(slots)

    def __iter__(self) -> Iterator[Slot]:
        return iter(list(self._slots))

    def __len__(self) -> int:
        return len(self._slots)

    def __getitem__(self, place: int) -> Slot:
        return self._slots[place]

    def find(self, key: CellKey | None) -> Slot | None:
        """Return the slot of a cell's call, if it ran before."""
        return next((s for s in self._slots if key is not None and s.key == key), None)

    def before(self, slot: Slot | None) -> list[Slot]:
        """Return the slots before one, or all of them for one that is still to come."""
        return list(self._slots) if slot is None else self._slots[: self._slots.index(slot)]

    def add(self, slot: Slot) -> None:
        """Put a slot last."""
        if self._slots:
            slot.made_at = max(slot.made_at, self._slots[-1].made_at + _TICK_S)
        self._slots.append(slot)

    def drop(self, slot: Slot) -> None:
        """Take a slot out."""
        self._slots.remove(slot)

    def undo(self, count: int = 1) -> list[Slot]:
        """Take the last `count` slots out and return them."""
        first = max(0, len(self._slots) - count)
        taken, self._slots = self._slots[first:], self._slots[:first]
        return taken

    def copy(self) -> Slots:
        """Return other slots with the same variants."""
        return Slots(slot.copy() for slot in self._slots)

    def stale(self) -> set[Slot]:
        """Return the slots that were answered from something else than what is before them now."""
        pairs = zip(self._slots, digests_before(self._slots), strict=True)
        return {slot for slot, digest in pairs if slot.current.context_digest != digest}

    def newest(self) -> Slot | None:
        """Return the slot that ran last, wherever it stands; one that was only read comes after."""
        ranked = sorted(enumerate(self._slots), key=lambda item: (item[1].ran_at_s, item[0]))
        return ranked[-1][1] if ranked else None

    def orphan_cells(self, cells: Sequence[str]) -> list[Slot]:
        """Mark the slots of cells that were deleted; return those that were not marked yet."""
        return _orphan(s for s in self._slots if cell_of(s.key) in cells)

    def orphan_older(self, cell: str, since_s: float, but: Collection[CellKey] = ()) -> list[Slot]:
        """Mark the slots of a cell that ran again without asking them; return the newly marked."""
        slots = (s for s in self._slots if cell_of(s.key) == cell)
        return _orphan(s for s in slots if s.ran_at_s < since_s and s.key not in but)


def _orphan(slots: Iterable[Slot]) -> list[Slot]:
    marked = [slot for slot in slots if not slot.orphaned]
    for slot in marked:
        slot.orphaned = True
    return marked


def cell_of(key: CellKey | None) -> str | None:
    """Return the id of the cell that a key belongs to."""
    return key[0] if isinstance(key, tuple) and key and isinstance(key[0], str) else None


def sent_of(slots: Iterable[Slot]) -> list[Variant]:
    """Return the variants that later turns are sent, as long as there is room."""
    # Each prompt goes through all of them, so what `Slot.is_shown` and `Variant.messages` say is
    # taken from the fields: for 1,000 turns that is half the time.
    chosen = [
        slot.variants[slot.place]
        for slot in slots
        if not slot.hidden and (slot.pinned or not slot.orphaned)
    ]
    return [variant for variant in chosen if variant._messages or variant.messages]


def messages_of(sent: Iterable[Variant]) -> list[Message]:
    """Return the messages of variants that later turns are sent, one after the other."""
    return list(chain.from_iterable([variant._messages or variant.messages for variant in sent]))


def digest_of(slots: Iterable[Slot]) -> str:
    """Return the fingerprint of what slots bring into a later prompt's context."""
    return digest_of_sent(sent_of(slots))


def digest_of_sent(sent: Iterable[Variant]) -> str:
    """Return the fingerprint of variants that a later prompt is sent."""
    return _text(hashlib.sha256(" ".join([variant.id for variant in sent]).encode()))


def digests_before(slots: Iterable[Slot]) -> Iterator[str]:
    """Yield for each slot the fingerprint of what stands before it."""
    digest, gap = hashlib.sha256(), ""
    for slot in slots:
        yield _text(digest)
        if slot.is_sent:
            digest.update(f"{gap}{slot.current.id}".encode())
            gap = " "


def _text(digest: hashlib._Hash) -> str:
    return digest.hexdigest()[:16]


class Chooser(Protocol):
    """A conversation, as far as choosing a variant concerns it."""

    def choose(self, slot: Slot, place: int) -> None:
        """Let later turns see one of a slot's variants, counted from 0."""


@dataclass(frozen=True, slots=True)
class VariantChoice:
    """Which variant of a slot later turns see; satisfies `views.options.Variants`."""

    conversation: Chooser
    slot: Slot
    changed: Callable[[], None] = lambda: None
    """Called when another variant was chosen."""

    @property
    def turns(self) -> Sequence[Turn]:
        """Every variant's turn as it stands now, oldest first."""
        return self.slot.turns

    @property
    def chosen(self) -> int:
        """Place of the variant that later turns see, from 0."""
        return self.slot.place

    def choose(self, place: int) -> None:
        """Let later turns see that variant."""
        self.conversation.choose(self.slot, place)
        self.changed()
