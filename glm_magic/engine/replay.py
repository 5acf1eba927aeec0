"""How a tape changes a request before it is sent: who is asked, and whether a key is needed."""

from __future__ import annotations

from dataclasses import replace

from ..catalogue.resolve import LOCAL
from ..catalogue.schema import Offer
from ..wire.request import WireRequest
from ..wire.tape.errors import not_on_tape
from ..wire.tape.matching import RequestKey
from ..wire.tape.tape import OpenTape
from .options import Options


def follow_recording(options: Options, tape: OpenTape) -> Options:
    """Return options that ask the provider and model of the tape, unless they name others.

    So a lesson replays the same whatever keys and variables a student's computer has.
    """
    recorded = [(entry.asked.provider, entry.asked.model) for entry in tape.tape.entries]
    named = (options.model or "").rpartition("/")[2]
    for provider, model in recorded:
        bare = model.rpartition("/")[2]
        if options.provider in (None, provider) and named in ("", bare):
            listed = None if provider == LOCAL else model  # what runs locally has no listed name
            return replace(options, provider=provider, model=options.model or listed)
    return options


def recorded_model(tape: OpenTape, provider: str) -> str | None:
    """Return the first model of a provider on the tape."""
    requests = (entry.asked for entry in tape.tape.entries)
    return next((asked.model for asked in requests if asked.provider == provider), None)


def needs_provider(tape: OpenTape | None, offer: Offer, wire: WireRequest) -> bool:
    """Return whether a request needs a key or a server: not where the tape answers it.

    Raises
    ------
    NotOnTapeError
        The tape does not answer it, and nothing may be sent.
    """
    if tape is None:
        return True
    request = RequestKey.of(offer.provider.name, wire.body)
    if tape.answers(request):
        return False
    if tape.only_replays:
        raise not_on_tape(tape.tape.path, request, tape.tape.nearest(request))
    return True
