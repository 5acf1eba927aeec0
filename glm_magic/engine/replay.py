"""What a tape changes about a call before it is sent: who is asked, and whether a key is needed."""

from __future__ import annotations

from dataclasses import replace

from ..catalogue.resolve import LOCAL
from ..catalogue.schema import Offer
from ..wire.request import WireRequest
from ..wire.tape.errors import not_on_tape
from ..wire.tape.matching import RequestKey
from ..wire.tape.tape import OpenTape
from .options import Options


def follow_recording(options: Options, deck: OpenTape | None) -> Options:
    """Return options that ask whoever spoke on the tape, unless they name somebody themselves.

    So a lesson replays the same whatever keys and variables a student's computer has.
    """
    if deck is None or not deck.replays:
        return options
    recorded = [(entry.asked.provider, entry.asked.model) for entry in deck.tape.entries]
    named = (options.model or "").rpartition("/")[2]
    for provider, model in recorded:
        bare = model.rpartition("/")[2]
        if options.provider in (None, provider) and named in ("", bare):
            listed = None if provider == LOCAL else model  # what runs locally is not chosen by name
            return replace(options, provider=provider, model=options.model or listed)
    return options


def recorded_model(deck: OpenTape | None, provider: str) -> str | None:
    """Return the first model of a provider that spoke on the tape, where the tape replays."""
    if deck is None or not deck.replays:
        return None
    models = (entry.asked for entry in deck.tape.entries)
    return next((asked.model for asked in models if asked.provider == provider), None)


def is_live(deck: OpenTape | None, offer: Offer, wire: WireRequest) -> bool:
    """Return whether a call needs a key or a server: not where the tape answers it.

    Raises
    ------
    NotOnTapeError
        The tape does not answer it, and nothing may be asked live.
    """
    if deck is None:
        return True
    asked = RequestKey.of(offer.provider.name, wire.body)
    if deck.answers(asked):
        return False
    if deck.only_replays:
        raise not_on_tape(deck.tape.path, asked, deck.tape.nearest(asked))
    return True
