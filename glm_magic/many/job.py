"""Asks about the rows of a plan, so many at a time, and keeps each answer as soon as it has ended.

The thread that waits writes the prompts, since a function of the user may do it; on the I/O thread,
a backend sends them and reads the replies. A row's place is free for the next one when its answer
is on disk, so that a kernel that is killed loses at most what was in flight.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..core.errors import GlmError
from ..core.i18n import Text, tr
from ..core.progress import Progress
from ..core.turn import Notice, Turn
from ..engine.prepared import PreparedRequest
from ..session.limits import Limit, waiting_for
from ..wire import io_thread
from .answers import Answers, Saver, internal_error
from .backend import Backend, RowStream
from .budget import row_budget
from .feed import Feed
from .plan import Plan
from .requests import Requests
from .rows import Rows
from .tally import Tally, is_of_provider

SLICE_S = 0.2
"""A thread waits in slices: the main thread must wake up to see a kernel interrupt."""


class Job:
    """One call over many rows.

    Parameters
    ----------
    rows : Rows
        What is asked about.
    requests : Requests
        Makes the request about each.
    backend : Backend
        Where they are asked.
    jobs : int
        How many are asked at a time.
    budget : str, optional
        What they may take together.
    name, fresh
        As of `Answers`; `answers` are used in place of ones of its own.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever is in the rows; nothing was sent.
    """

    def __init__(
        self,
        rows: Rows,
        requests: Requests,
        backend: Backend,
        *,
        jobs: int,
        budget: str | None = None,
        name: str | None = None,
        fresh: bool = False,
        answers: Answers | None = None,
    ) -> None:
        kind = requests.kind
        self.budget = row_budget(budget, f"({kind} {name})" if name else f"({kind})")
        self.rows, self.requests, self._backend = rows, requests, backend
        notices = [*requests.notices, *requests.check(self.budget), *backend.check(self.budget)]
        self.answers = answers or Answers(name, self.requests.template, fresh=fresh)
        self.plan = Plan(self.rows, self.requests, self.answers)
        self.failure: GlmError | None = None
        """Why the call ended before its end, where that is an error."""
        self.stopped: Text | None = None
        """Why rows are left."""
        self.tally = Tally()
        self.done = False
        self.when_read: Callable[[], None] = lambda: None
        """Called when it is known what is to be asked, before any of it is."""
        self._jobs = jobs
        self._is_read = False
        self._notices: list[str] = [notice.message for notice in notices]
        self._changed = threading.Condition()
        """Held while what both threads use is read or changed."""
        self._feed = Feed(rows, requests, self._fail_unasked)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fed = asyncio.Event()
        self._streams: set[RowStream] = set()
        self._saver = Saver(self.answers, self.budget.spending.write)

    # ---- what the caller sees --------------------------------------------------------------------

    @property
    def turn(self) -> Turn:
        """A turn without steps, which stands for all rows."""
        offer = self.requests.offer
        status = "complete" if self.done else "streaming"
        provider, model = (offer.provider.name, offer.model.id) if offer else ("", "")
        return Turn(self.requests.written, provider, model, (), status)  # type: ignore[arg-type]

    @property
    def progress(self) -> Progress:
        """Where it stands now; from any thread."""
        with self._changed:
            running = len(self._streams)
            now = self.tally.progress(
                self.plan, running, self._notices, self.stopped, done=self.done
            )
        now = replace(now, link=self._backend.link)
        return now if self._is_read else replace(now, reading=self.plan.read_rows)

    @property
    def can_answer_now(self) -> bool:
        """Always False: there is no single reply whose thinking could be cut short."""
        return False

    def answer_now(self) -> bool:
        """Do nothing, and return False."""
        return False

    def note(self, notices: Iterable[Notice]) -> None:
        """Add what its caller has to say about the call, before it starts."""
        self._notices += [notice.message for notice in notices]

    def read(self) -> None:
        """Find out what is to be asked; further calls do nothing. A stop ends it."""
        if self._is_read or self.done:
            return
        self.plan.read(lambda: self.stopped is None)
        if self.stopped is not None:
            return
        with self._changed:
            self._is_read = True
            self._jobs = max(1, min(self._jobs, len(self.plan.open)))
            self._feed.begin(self.plan.open, self._jobs)
            self._notices.insert(0, self.plan.estimate())
            for number, error in self.plan.errors.items():
                self.tally.fail(number, "", error, was_asked=False)
        self.when_read()

    def start(self) -> None:
        """Begin to ask; further calls do nothing."""
        self.read()
        if self._loop is not None or self.done:
            return
        self.tally.began_s = time.monotonic()
        if not self.plan.open:
            self._end()
            return
        thread = io_thread.shared.get()
        self._loop = thread.loop
        self._write()
        thread.submit(self._run())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, and write prompts meanwhile; True when it has come."""
        self.start()
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.done and (until_s is None or time.monotonic() < until_s):
            self._write()
            left_s = SLICE_S if until_s is None else min(SLICE_S, until_s - time.monotonic())
            with self._changed:
                self._changed.wait_for(lambda: self.done or self._feed.is_hungry, max(0.0, left_s))
        return self.done

    def ended(self) -> Iterator[int]:
        """Yield the rows that have an answer or an error, as they get it, to the end."""
        self.start()
        at = 0
        while True:
            while at < len(self.plan.ended):
                yield self.plan.ended[at]
                at += 1
            if self.done and at == len(self.plan.ended):
                return
            self._write()
            with self._changed:
                if not (self.done or self._feed.is_hungry or len(self.plan.ended) > at):
                    self._changed.wait(SLICE_S)

    def cancel(self) -> None:
        """Stop; every row that has ended stays. From any thread."""
        self._stop(tr("stopped"))
        self._on_loop(self._stop_streams)

    def raise_error(self) -> None:
        """Raise what ended the call, or what the first row failed with where all of them did.

        Raises
        ------
        GlmError
            No row was answered.
        """
        if self.failure is not None:
            raise self.failure
        was_asked = self.tally.first_failed is not None
        if self.done and not self.plan.has_answers and (was_asked or self.stopped is None):
            self.tally.raise_first(self.plan)

    # ---- the thread that waits -------------------------------------------------------------------

    def _write(self) -> None:
        """Write prompts, until there are enough of them."""
        self._feed.write(stopped=self.stopped is not None)
        self._on_loop(self._fed.set)

    def _fail_unasked(self, number: int, error: GlmError) -> None:
        with self._changed:
            self.plan.fail(number, error)
            self.tally.fail(number, "", error, was_asked=False)

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._loop is not None and not self.done:
            self._loop.call_soon_threadsafe(action)

    # ---- the I/O thread --------------------------------------------------------------------------

    async def _run(self) -> None:
        workers = [asyncio.create_task(self._work()) for _ in range(self._jobs)]
        try:
            await asyncio.gather(*workers)
            await asyncio.to_thread(self.budget.spending.write, lasting=True)
            if self.stopped is None and not self.tally.failed:
                await asyncio.to_thread(self.answers.finish, self.plan.known)
        except asyncio.CancelledError:
            self.stopped = self.stopped or tr("stopped")
        except Exception as error:  # the backend is gone; or a bug, which must end the wait, too
            self._fail(error if isinstance(error, GlmError) else internal_error(error))
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
        finally:
            self.budget.close()
            await self._backend.close()
            self._end()

    def _end(self) -> None:
        with self._changed:
            self.tally.ended_s = time.monotonic()
            self.done = True
            self._changed.notify_all()

    async def _work(self) -> None:
        """Ask about one row after the other."""
        while (row := await self._next_row()) is not None:
            number, call = row
            stream = self._backend.stream(number, call)
            if not await self._enter(stream):
                return
            self._streams.add(stream)
            try:
                if self.stopped is None:
                    await self._backend.run(stream)
                    await self._keep(number, stream)
                else:
                    stream.cancel()
            finally:
                self._streams.discard(stream)

    async def _next_row(self) -> tuple[int, PreparedRequest] | None:
        while self.stopped is None:
            is_last = self._feed.all_written  # before the look: more may be written meanwhile
            row = self._feed.take()
            if row is not None:
                if self._feed.is_hungry:
                    with self._changed:
                        self._changed.notify_all()
                return row
            if is_last:
                return None
            self._fed.clear()
            with self._changed:
                self._changed.notify_all()
            await self._fed.wait()
        return None

    async def _enter(self, stream: RowStream) -> bool:
        """Wait until the budgets have room for a row; False where they never will."""
        while self.stopped is None:
            share = await self.budget.reserve(stream.call)
            if not isinstance(share, Limit):
                stream.observers.append(share)
                return True
            if not self.budget.awaits(share):
                self._stop(tr("{budget} is used up", budget=share.name))
                return False
            text = waiting_for(share)
            if not self.budget.has_reserved and text not in self._notices:
                self._notices.append(text)
            await self.budget.change()
        return False

    async def _keep(self, number: int, stream: RowStream) -> None:
        """Take what became of a row; return when its answer is on disk."""
        turn, error = stream.turn, stream.error
        with self._changed:
            self.tally.add(turn)
        if error is not None:
            self._take_error(number, turn, error)
            return
        plan = stream.call.tool_plan
        # a stop may come between a whole answer that does not fit and the request for a better one
        misfits = plan is not None and plan.schema is not None and stream.value is None
        if turn.status == "interrupted" or misfits:
            return
        self.tally.in_a_row[self.requests.lane(number)] = 0  # however long the disk takes
        try:
            id_ = await self._saver.save(self.requests.key(number, stream.call), turn)
        except GlmError as failure:
            self._fail(failure)
            return
        with self._changed:
            self.plan.answer(number, id_)
            self.tally.answer(number, turn)
            self._changed.notify_all()

    def _take_error(self, number: int, turn: Turn, error: GlmError) -> None:
        error.turn = None  # of many rows, only what failed is kept
        lane = self.requests.lane(number)
        with self._changed:
            self.plan.fail(number, error)
            self.tally.fail(number, turn.prompt, error, lane, was_asked=True)
            self._changed.notify_all()
        why = self.tally.why_to_give_up(error, lane)
        if why is None:
            return
        if not (is_of_provider(error) and self._feed.close(lane, error)):
            self._stop(why)

    def _fail(self, error: GlmError) -> None:
        self.failure = self.failure or error
        self._stop(tr("ended by an error: {error}", error=error.message))
        self._on_loop(self._stop_streams)

    def _stop(self, why: Text) -> None:
        """Ask about no other row; those in flight are paid for, and come to their end."""
        with self._changed:
            if self.stopped is not None or self.done:
                return
            self.stopped = why
        self._on_loop(self._wake)
        if self._loop is None:
            self._end()

    def _stop_streams(self) -> None:
        for stream in self._streams:
            stream.cancel()
        self._wake()

    def _wake(self) -> None:
        """Let the workers that wait look around."""
        self._fed.set()
        self.budget.wake()
