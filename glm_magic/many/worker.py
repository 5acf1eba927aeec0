"""What a Dask worker does with a row: it asks, and sends the whole turn back.

A worker keeps nothing: answers are written where the call was made. While it waits for a reply it
takes no slot of the worker, so that as many rows are in flight as the call has jobs, however few
threads the workers have.
"""

from __future__ import annotations

import pickle
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .._version import __version__
from ..catalogue.load import catalogue
from ..catalogue.lookup import other_provider
from ..catalogue.resolve import Resolved
from ..catalogue.schema import Offer
from ..core.errors import GlmError, UnavailableError
from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.i18n import tr
from ..core.secret import SealedSecret, Secret
from ..core.turn import Turn
from ..core.usage import estimate_tokens_exact
from ..credentials import key_for
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from ..engine.turn_builder import Reaction
from .dask_errors import cannot_run, lacks_key, other_version
from .places import Places, limiter_of, name_of

REPORT_S = 0.25
"""How often a row tells what it has taken so far, where there is a budget."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row on its way to a worker."""

    run: str
    """Tells calls apart."""
    number: int
    version: str
    """Of the package that sent it."""
    call: bytes
    """The request, pickled, without its key."""
    key: SealedSecret | None
    jobs: int
    """How many rows are in flight, over all workers."""
    finds_key: bool = True
    """Whether the worker looks for a key where it runs."""
    is_metered: bool = False
    """Whether it tells what it takes while it runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row."""

    turn: Turn
    error: GlmError | None = None
    has_value: bool = False
    """Whether the answer fits its schema."""
    places: str = ""
    """Name of the semaphore that its account has."""


def topic_of(run: str) -> str:
    """Return the topic under which rows tell what they have taken."""
    return f"glm-{run}"


def problem(offer: bytes) -> GlmError | None:
    """Return why this worker has no key for an offer; ``None`` where it has one or needs none."""
    try:
        _find_key(pickle.loads(offer))  # noqa: S301 - what the user's own client sent
    except GlmError as error:
        return error
    return None


def ask_packed(data: bytes) -> bytes:
    """Ask about a row that `packed` made; runs in a thread of the worker, not in its slot."""
    from distributed import secede

    secede()
    return packed(ask_row(unpacked(data)))


def ask_row(row: Row) -> Outcome | GlmError:
    """Ask about a row, and wait for the end of its turn; an error: no row can be asked here."""
    from distributed import get_worker

    worker = get_worker()
    try:
        call = _call(row, worker.address)
    except GlmError as error:
        return error
    stream = Stream(call)
    if row.is_metered:

        def report(input_: int, output: int) -> None:
            message = {"row": row.number, "input": input_, "output": output}
            worker.log_event(topic_of(row.run), message)

        stream.observers.append(Meter(report))
    run = _run(row.run)
    with run.in_flight(row.number, stream):
        places = run.places(call, row.jobs)
        if places.take(lambda: stream.done):
            try:
                stream.wait()
            finally:
                places.give_back()
    if stream.error is not None:
        stream.error.turn = None
    return Outcome(stream.turn, stream.error, stream.value is not None, places.name)


def stop_rows(run: str, numbers: Sequence[int]) -> None:
    """Stop rows of a call, those that run here and those that come yet."""
    _run(run).stop(numbers)


async def end_run(run: str) -> None:
    """Give back all that a call still has here."""
    ended = _runs.pop(run, None)
    if ended is not None:
        await ended.close()


def _call(row: Row, address: str) -> PreparedRequest:
    """Return the request about a row, with its key.

    Raises
    ------
    GlmError
        It is from another version, needs what is not installed here, or has no key.
    """
    if row.version != __version__:
        raise other_version(address, __version__, row.version)
    try:
        call: PreparedRequest = pickle.loads(row.call)  # noqa: S301 - the user's own client sent it
    except Exception as error:  # a module of the user's that is not here
        raise cannot_run(address, error) from error
    if not row.finds_key:
        return replace(call, key=None if row.key is None else row.key.opened())
    try:
        return replace(call, key=_find_key(call.offer))
    except GlmError as error:
        raise lacks_key(address, error) from error


def _find_key(offer: Offer) -> Secret | None:
    """Return the key that this process has for an offer.

    Raises
    ------
    GlmError
        It has none, or one that belongs elsewhere.
    """
    provider = offer.provider
    there = other_provider(catalogue(), provider, provider.base_url)
    if there is not None and set(there.key_env) & set(provider.key_env):
        there = None
    return key_for(Resolved(offer, at_another=there)).secret


class Meter:
    """Observer that tells now and then what a turn has taken so far.

    Parameters
    ----------
    report : callable
        Takes the tokens of input and of output.
    """

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self._report = report
        self._input = self._before = 0
        """Of all requests, and of the output of those that have ended."""
        self._arrived = 0.0
        self._reported = 0
        self._told_s = 0.0

    @property
    def _output(self) -> int:
        return self._before + max(round(self._arrived), self._reported)

    def on_request(self, request: PreparedRequest) -> None:
        """Count from here on what this request takes, too."""
        self._before = self._output
        self._input += request.size.input
        self._arrived, self._reported = 0.0, 0

    def on_events(self, events: Sequence[Event]) -> Iterable[Reaction]:
        """Count what arrived, and tell it if it is time."""
        for event in events:
            match event:
                case ReasoningDelta(text) | ContentDelta(text):
                    self._arrived += estimate_tokens_exact(text)
                case ToolCallDelta():
                    self._arrived += estimate_tokens_exact(event.arguments)
                case UsageReport(usage):
                    self._reported = usage.output or 0
        now_s = time.monotonic()
        if now_s - self._told_s >= REPORT_S:
            self._told_s = now_s
            self._report(self._input, self._output)
        return []

    def on_end(self, turn: Turn) -> None:
        """Leave the sums to whoever gets the turn."""


@dataclass(slots=True)
class _Run:
    """What one call has in this process."""

    name: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _streams: dict[int, Stream] = field(default_factory=dict)
    _stopped: set[int] = field(default_factory=set)
    _places: dict[str, Places] = field(default_factory=dict)

    @contextmanager
    def in_flight(self, number: int, stream: Stream) -> Iterator[None]:
        """Let a row be stopped while it runs; one that was stopped before is not sent."""
        with self._lock:
            self._streams[number] = stream
            if number in self._stopped:
                stream.cancel()
        try:
            yield
        finally:
            self._streams.pop(number, None)

    def stop(self, numbers: Sequence[int]) -> None:
        with self._lock:
            self._stopped.update(numbers)
            for number in numbers:
                if number in self._streams:
                    self._streams[number].cancel()

    def places(self, call: PreparedRequest, most: int) -> Places:
        """Return the places at the account of a request."""
        name = name_of(self.name, call)
        with self._lock:
            if name not in self._places:
                self._places[name] = Places(name, most, limiter_of(call))
            return self._places[name]

    async def close(self) -> None:
        """Stop what still runs, and give back the places that are kept."""
        self.stop(list(self._streams))
        for places in self._places.values():
            await places.close()


_runs: dict[str, _Run] = {}


def _run(name: str) -> _Run:
    return _runs.setdefault(name, _Run(name))


def packed(value: Any) -> bytes:
    """Return a value in a form that shows nothing of it in logs and listings."""
    return zlib.compress(pickle.dumps(value), 1)


def unpacked(data: bytes) -> Any:
    """Return the value that `packed` was given."""
    return pickle.loads(zlib.decompress(data))  # noqa: S301 - the user's own cluster sent it


def dumped(value: Any) -> bytes:
    """Return a value as a worker can read it, classes and functions of a notebook included.

    Raises
    ------
    UnavailableError
        Something in it cannot be sent to another process.
    """
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise UnavailableError(
            tr("this cannot be sent to a Dask worker: {error}", error=f"{error}"[:200]),
            hint=tr("ask here, without on=, or leave out the function, server or class in it"),
        ) from error
    return data
