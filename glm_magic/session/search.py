"""Find words in everything that is kept: prompts, answers and reasoning, in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..core.text import join_surrogates
from ..core.turn import Turn
from .conversation import open_conversations
from .repository import saved_sessions
from .rows import read_slots
from .slots import Slot
from .store import Store

AROUND = 40
"""Characters of context on each side of what is shown of a text."""


@dataclass(frozen=True, slots=True)
class Match:
    """A turn that has the words."""

    session: str
    """Name of its session."""
    number: int
    """The turn's number there, from 1."""
    variant: int
    """Which run of it, from 1."""
    at: datetime | None
    """When it was asked, in local time; ``None`` where it is not known."""
    part: str
    """Where the words stand: ``prompt``, ``answer`` or ``reasoning``."""
    excerpt: str
    is_newest_of_name: bool
    """False where another session of the same name was used later; the name then means that."""


def search(words: Sequence[str], store: Store | None) -> list[Match]:
    """Return the turns in which every word occurs, the newest first.

    Case does not count. A turn is found by the first of its prompt, answer and reasoning that has
    all of the words; otherwise by all three together, and shown where the first word stands.

    Parameters
    ----------
    words : sequence of str
        At least one.
    store : Store or None
        What is on disk; ``None``: only what this kernel has in memory.
    """
    folded = [join_surrogates(word).casefold() for word in words]
    matches = [
        match
        for name, slots, is_newest in _conversations(folded, store)
        for match in _in_slots(name, slots, folded, is_newest=is_newest)
    ]
    return sorted(matches, key=lambda m: m.at.timestamp() if m.at else 0.0, reverse=True)


def _conversations(
    words: Sequence[str], store: Store | None
) -> Iterator[tuple[str, Iterable[Slot], bool]]:
    """Yield every conversation, the last used ones first: name, slots, whether the name is new.

    Those in use are taken as they are here, others as the disk has them.
    """
    opened = sorted(open_conversations(), key=lambda c: c.last_used, reverse=True)
    in_use = {conversation.id for conversation in opened}
    names: set[str] = set()
    for conversation in opened:
        yield conversation.name, list(conversation.slots), conversation.name not in names
        names.add(conversation.name)
    if store is None:
        return
    ids = {row[0] for row in store.read(*_candidates(words))}
    for saved in saved_sessions(store, "1"):
        if saved.id not in in_use:
            if saved.id in ids:
                slots, _ = read_slots(store, saved.id)
                yield saved.name, slots, saved.name not in names
            names.add(saved.name)


def _candidates(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the query for the sessions that may have the words.

    SQLite ignores the case of ASCII letters alone, and the texts are JSON: a word of other
    characters is looked for after reading.
    """
    plain = [word for word in words if word.isascii() and word.isalnum()]
    has_word = (
        "(instr(lower(run.turn), ?) OR EXISTS"
        " (SELECT 1 FROM piece WHERE run = run.id AND instr(lower(body), ?)))"
    )
    terms = " AND ".join([has_word] * len(plain)) or "1"
    sql = f"SELECT DISTINCT session FROM variant JOIN run ON run.id = run WHERE {terms}"  # noqa: S608 - our own words
    return sql, [word for word in plain for _ in range(2)]


def _in_slots(
    name: str, slots: Iterable[Slot], words: Sequence[str], *, is_newest: bool
) -> Iterator[Match]:
    for number, slot in enumerate(slots, 1):
        for variant, turn in enumerate(slot.turns, 1):
            place = _place(turn, words)
            if place is not None:
                yield Match(name, number, variant, _asked_at(turn), *place, is_newest)


def _place(turn: Turn, words: Sequence[str]) -> tuple[str, str] | None:
    """Return the part of a turn that has the words, and an excerpt of it."""
    answers = "\n".join(step.content for step in turn.steps if step.content)
    parts = {"prompt": turn.shown_prompt, "answer": answers, "reasoning": turn.reasoning}
    folded = {part: text.casefold() for part, text in parts.items()}
    everything = "\n".join(folded.values())
    if not all(word in everything for word in words):
        return None
    has_all = (part for part, text in folded.items() if all(word in text for word in words))
    has_first = (part for part, text in folded.items() if words[0] in text)
    part = next(has_all, None) or next(has_first)
    return part, _excerpt(parts[part], folded[part].find(words[0]), len(words[0]))


def _excerpt(text: str, at: int, length: int) -> str:
    start, end = max(0, at - AROUND), at + length + AROUND
    line = " ".join(text[start:end].split())
    return f"{'…' if start else ''}{line}{'…' if end < len(text) else ''}"


def _asked_at(turn: Turn) -> datetime | None:
    started_at = turn.timing.started_at
    return None if started_at is None else datetime.fromtimestamp(started_at).astimezone()
