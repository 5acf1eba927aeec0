"""How many tokens a provider counts for each estimated one, learnt from what it reports."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Sequence

from ..core.events import Event
from ..core.turn import Turn
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Reaction
from .statements import Statement
from .store import Store, insert

REMEMBERED = 20
"""A scale is learnt from this many of the last calls."""
LOWEST, HIGHEST = 0.25, 4.0
"""Bounds: a report beyond them says more about the report than about the text."""
FEWEST = 30
"""Estimated tokens below which a call is ignored: the chat template would outweigh it."""


class TokenCalibration:
    """Scales by provider and model; they are saved with the sessions."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def learn(
        self, provider: str, model: str, estimated: float, reported: int, store: Store | None
    ) -> None:
        """Add the input tokens of a call: as estimated without any scale, and as reported."""
        if estimated < FEWEST or not LOWEST <= reported / estimated <= HIGHEST:
            return
        seen = self._known(provider, model, store)
        with self._lock:
            seen.append((round(estimated), reported))
            row = _row(_name(provider, model), list(seen))
        if store is not None:
            store.write([row], lasting=False)

    def scale(self, provider: str, model: str, store: Store | None) -> float | None:
        """Return the scale, or ``None`` where nothing was learnt."""
        seen = self._known(provider, model, store)
        with self._lock:
            estimated, reported = sum(e for e, _ in seen), sum(r for _, r in seen)
        return reported / estimated if estimated else None

    def _known(self, provider: str, model: str, store: Store | None) -> deque[tuple[int, int]]:
        name = _name(provider, model)
        with self._lock:
            if name not in self._seen:
                pairs = _read(store, name) if store is not None else []
                self._seen[name] = deque(pairs, REMEMBERED)
            return self._seen[name]


calibration = TokenCalibration()
"""What this process knows about the providers' counts."""


class CalibrationObserver:
    """Observer of a stream that learns from the input tokens its provider reports."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._request: PreparedRequest | None = None

    def on_request(self, request: PreparedRequest) -> None:
        """Remember the request that is reported on at last."""
        self._request = request

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:  # noqa: ARG002
        """Let every event pass."""
        return ()

    def on_end(self, turn: Turn) -> None:
        """Compare the last request's estimated size with the provider's own count."""
        usage = turn.steps[-1].usage if turn.steps else None
        request = self._request
        if request is None or usage is None or not usage.input or not request.size.scale:
            return
        provider, model = request.offer.provider.name, request.offer.model.id
        estimated = request.size.input / request.size.scale
        calibration.learn(provider, model, estimated, usage.input, self._store)


def _name(provider: str, model: str) -> str:
    return f"scale {provider}/{model}"


def _row(name: str, pairs: list[tuple[int, int]]) -> Statement:
    return insert("setting", {"name": name, "value": json.dumps(pairs)}, update=["value"])


def _read(store: Store, name: str) -> list[tuple[int, int]]:
    rows = store.read("SELECT value FROM setting WHERE name = ?", (name,))
    return [(estimated, reported) for estimated, reported in json.loads(rows[0][0])] if rows else []
