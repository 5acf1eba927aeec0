"""Asks about rows on the workers of a Dask cluster: each row is a future.

A row is what can be lost, stopped or paid for by itself, so it is what is sent: a chunk would keep
the places of its ended rows until its slowest has ended, and lose them all with its worker. Answers
come back as they end and are written here, by the one writer that a call has anywhere.

Everything of the client is called on its own loop, so that neither the caller's thread nor the
loop thread ever waits for the cluster.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from .._version import __version__
from ..core.errors import GlmError, UnavailableError
from ..core.events import UsageReport
from ..core.i18n import plural, tr
from ..core.secret import SealedSecret
from ..core.turn import Notice, Turn
from ..core.usage import Usage
from ..engine.prepared import PreparedRequest
from ..engine.turn_builder import Observer
from .budget import RowBudget
from .dask_checks import check_requests, check_workers, dashboard
from .dask_errors import Keys, cannot_run, lost
from .requests import Requests
from .worker import Outcome, Row, dumped, end_run, packed, stop_rows, topic_of, unpacked

T = TypeVar("T")
STOP_S = 2.0
"""How long workers have to stop a row and tell what it took; then its future is cancelled."""
LOOK_S = 1.0
"""How often a row looks whether its client still runs."""
CLOSE_S = 5.0
"""How long the end of a call waits for the cluster."""


class RemoteStream:
    """The turn about one row, on a worker; used on the loop thread.

    Parameters
    ----------
    number : int
        The row.
    call : PreparedRequest
        Its first request.
    stop : callable
        Has the worker stop it.
    """

    def __init__(
        self, number: int, call: PreparedRequest, stop: Callable[[RemoteStream], None]
    ) -> None:
        self.number, self.call = number, call
        self.observers: list[Observer] = []
        provider, model = call.offer.provider.name, call.offer.model.id
        self.turn = Turn(call.prompt, provider, model, (), "interrupted")
        self.error: GlmError | None = None
        self.value: Any = None
        self.is_stopped = False
        self._notices: list[Notice] = []
        self._stop = stop

    def cancel(self) -> None:
        """Have the worker stop it; further calls do nothing."""
        if not self.is_stopped:
            self.is_stopped = True
            self._stop(self)

    def report(self, usage: Usage) -> None:
        """Show the observers what the row has taken so far."""
        for observer in self.observers:
            for reaction in observer.on_events([UsageReport(usage)]):
                self._notices.append(reaction.notice)
                if reaction.stop:
                    self.cancel()

    def take(self, outcome: Outcome) -> None:
        """Take what became of the row."""
        notices = (*map(self._shared, outcome.turn.notices), *self._notices)
        self.turn = replace(outcome.turn, notices=notices)
        self.error, self.value = outcome.error, outcome.has_value or None

    def _shared(self, notice: Notice) -> Notice:
        """Return a notice; what one worker found out about the account, for all of them."""
        if notice.code != "waiting":
            return notice
        text = tr(
            "{provider} takes fewer of this account's requests at a time; the workers send fewer",
            provider=self.call.offer.provider.title,
        )
        return replace(notice, message=text)

    def fail(self, error: GlmError) -> None:
        """End with an error that came instead of a turn."""
        self.error = error
        self.turn = replace(self.turn, status="failed", error=error.message)

    def end(self) -> None:
        """Show the observers the whole turn."""
        for observer in self.observers:
            observer.on_end(self.turn)


class Cluster:
    """The backend of a call whose rows are asked by Dask workers.

    Parameters
    ----------
    client : distributed.Client
        Reaches the workers.
    requests : Requests
        Makes the requests of the call.
    keys : {"worker", "send"}
        Whether each worker looks for a key where it runs, or gets the one that is found here.
    jobs : int
        How many rows are in flight, over all workers.

    Raises
    ------
    GlmError
        The client cannot be used.
    """

    def __init__(self, client: Any, requests: Requests, *, keys: Keys, jobs: int) -> None:
        self.link = ""
        self._client, self._requests = client, requests
        self._keys, self._jobs, self._is_metered = keys, jobs, False
        given = requests.options.api_key
        self._finds_keys = keys == "worker" and (given is None or not given.is_blank)
        self._run_id = secrets.token_hex(8)
        self._running: dict[int, RemoteStream] = {}
        self._futures: dict[int, Any] = {}
        self._to_stop: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: set[str] = set()
        self._topic: str | None = None
        """What rows tell while they run, once it is listened to."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self, budget: RowBudget) -> Sequence[Notice]:
        """Refuse what the workers could not do, and return what the user should know."""
        self._is_metered = budget.is_limited
        firsts = self._requests.firsts
        check_requests(firsts, self._keys)
        count = check_workers(self._client, firsts if self._finds_keys else ())
        self.link = dashboard(self._client)
        if not count:
            return [Notice("dask", tr("no Dask worker is there yet; rows wait for one"))]
        text = plural(count, "asked by {count} Dask worker", "asked by {count:,} Dask workers")
        return [Notice("dask", text)]

    def stream(self, number: int, call: PreparedRequest) -> RemoteStream:
        """Return the turn about a row."""
        return RemoteStream(number, call, self._stop)

    async def run(self, stream: RemoteStream) -> None:
        """Ask about a row on some worker; on another one, if that dies."""
        self._loop = asyncio.get_running_loop()
        self._running[stream.number] = stream
        try:
            for observer in stream.observers:
                observer.on_request(stream.call)
            outcome = await self._outcome(stream, self._row(stream))
            if outcome is not None:
                self._places.add(outcome.places)
                stream.take(outcome)
        finally:
            del self._running[stream.number]
            stream.end()

    def _row(self, stream: RemoteStream) -> Row:
        call = stream.call
        sealed: SealedSecret | None = None
        if self._keys == "send" and call.key is not None:
            sealed = call.key.sealed()
        return Row(
            self._run_id, stream.number, __version__, dumped(replace(call, key=None)), sealed,
            self._jobs, self._finds_keys, self._is_metered,
        )  # fmt: skip

    async def _outcome(self, stream: RemoteStream, row: Row) -> Outcome | None:
        """Return what became of a row; ``None`` where it was stopped or failed here."""
        from distributed import CancelledError, KilledWorker

        waiting = asyncio.ensure_future(self._on_client(lambda: self._submit(row)))
        try:
            return await self._ended(waiting)
        except KilledWorker:
            stream.fail(
                UnavailableError(
                    tr("every Dask worker that asked about this row died"),
                    hint=tr("look at the workers' logs and memory; the same call asks it again"),
                )
            )
        except CancelledError as error:  # by us, or since the scheduler is gone
            if not stream.is_stopped:
                raise lost(error) from None
        except OSError as error:
            raise lost(error) from None
        finally:
            waiting.cancel()
            self._futures.pop(stream.number, None)
        return None

    async def _ended(self, waiting: asyncio.Future[Outcome]) -> Outcome:
        """Return an outcome; a client that is closed may leave it open for ever."""
        while not waiting.done() and self._client.status != "closed":
            await asyncio.wait([waiting], timeout=LOOK_S)
        if not waiting.done() or waiting.cancelled():
            raise lost(None)
        return waiting.result()

    async def _submit(self, row: Row) -> Outcome:
        """Send a row and wait for its outcome, on the client's loop."""
        if self._client.status != "running":
            raise lost(None)
        if self._is_metered and self._topic is None:
            self._topic = topic_of(self._run_id)
            self._client.subscribe_topic(self._topic, self._hear)
        name = f"glm-row-{self._run_id}-{row.number}"
        future = self._client.submit(_sent(), packed(row), key=name, pure=False)
        self._futures[row.number] = future
        data, address, error = await self._client.gather(future)
        if error is not None:
            raise cannot_run(address, error)
        outcome: Outcome | GlmError = unpacked(data)
        if isinstance(outcome, GlmError):
            raise outcome
        return outcome

    async def _on_client(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await something on the client's own loop, where its methods return awaitables."""

        async def run() -> T:
            return await call()

        loop = self._client.loop.asyncio_loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), loop))

    def _hear(self, event: tuple[float, dict[str, int]]) -> None:
        """Take what a row tells that it has taken; on the client's loop."""
        _, message = event

        def report() -> None:
            stream = self._running.get(message["row"])
            if stream is not None:
                stream.report(Usage(message["input"], message["output"]))

        if self._loop is not None:
            self._loop.call_soon_threadsafe(report)

    def _stop(self, stream: RemoteStream) -> None:
        """Have the workers stop a row, together with those that are stopped at the same time."""
        self._to_stop.append(stream.number)
        if len(self._to_stop) == 1:
            task = asyncio.create_task(self._stop_together())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _stop_together(self) -> None:
        await asyncio.sleep(0)
        numbers, self._to_stop = self._to_stop, []
        stopping = asyncio.ensure_future(
            self._on_client(
                lambda: self._client.run(stop_rows, self._run_id, numbers, on_error="ignore")
            )
        )
        await asyncio.wait([stopping], timeout=STOP_S)
        await asyncio.sleep(STOP_S)
        stopping.cancel()
        late = [self._futures[number] for number in numbers if number in self._futures]
        if late:
            await self._on_client(lambda: self._client.cancel(late, force=True))

    async def close(self) -> None:
        """Give back what the call has on the workers and the scheduler."""
        for task in self._tasks:
            task.cancel()
        if self._client.status != "running":
            return
        closing = asyncio.ensure_future(self._on_client(self._close))
        await asyncio.wait([closing], timeout=CLOSE_S)
        closing.cancel()

    async def _close(self) -> None:
        from distributed import Semaphore

        if self._topic is not None:
            self._client.unsubscribe_topic(self._topic)
        await self._client.run(end_run, self._run_id, on_error="ignore")
        for name in filter(None, self._places):
            places = Semaphore(
                self._jobs, name, scheduler_rpc=self._client.scheduler, loop=self._client.loop
            )
            # those that a dead worker had come back later, and their semaphore stays
            if not await places.get_value():
                await places.close()


def _sent() -> Callable[[bytes], tuple[bytes, str, ImportError | None]]:
    """Return the function that workers run.

    It goes by value, and takes and returns bytes: so the scheduler, and a worker that joins later,
    can read the message without having this package, and the worker can say that it has not.
    """

    def ask(data: bytes) -> tuple[bytes, str, ImportError | None]:
        from distributed import get_worker

        try:
            from glm_magic.many.worker import ask_packed
        except ImportError as error:
            return b"", get_worker().address, error
        return ask_packed(data), "", None

    return ask
