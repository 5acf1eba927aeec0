"""Asks about the rows of a plan, so many at a time, and keeps each answer as soon as it has ended.

The thread that waits writes the prompts, since a function of the user may do it; the I/O thread
sends them and reads the replies. A row's place is free for the next one when its answer is on disk,
so that a kernel that is killed loses at most what was in flight.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ..core.errors import GlmError
from ..core.i18n import Text, tr
from ..core.progress import Progress
from ..core.turn import Notice, Turn
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from ..session.amounts import parse_amount
from ..wire import io_thread
from .answers import Answers, Saver, internal_error
from .budget import RowBudget
from .plan import Plan
from .requests import Requests
from .rows import Rows
from .tally import Tally

if TYPE_CHECKING:
    from ..wire.http import HttpClient

AHEAD = 2
"""Prompts that are written ahead, for each row that may run at a time."""
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
    jobs : int
        How many are asked at a time.
    budget : str, optional
        What they may take together.
    name : str, optional
        Under which answers are kept for good.
    fresh : bool
        Ask again what was answered before.
    answers : Answers, optional
        Where they are kept, in place of ones of its own.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever is in the rows; nothing was sent.
    """

    def __init__(
        self,
        rows: Rows,
        requests: Requests,
        *,
        jobs: int,
        budget: str | None = None,
        name: str | None = None,
        fresh: bool = False,
        answers: Answers | None = None,
    ) -> None:
        self.budget = RowBudget(parse_amount(budget) if budget else None)
        self.rows, self.requests = rows, requests
        notices = [*self.requests.notices, *self.requests.check(self.budget)]
        self.answers = answers or Answers(name, self.requests.template, fresh=fresh)
        self.plan = Plan(self.rows, self.requests, self.answers)
        self.failure: GlmError | None = None
        """Why the call ended before its end, where that is an error."""
        self.stopped: Text | None = None
        """Why rows are left."""
        self.tally = Tally()
        self.done = False
        self._jobs = max(1, min(jobs, len(self.plan.open)))
        self._notices = [self.plan.estimate(), *(notice.message for notice in notices)]
        self._changed = threading.Condition()
        """Held while what both threads use is read or changed."""
        self._numbers = iter(self.plan.open)
        self._written: deque[tuple[int, PreparedRequest]] = deque()
        """Prompts that are written and not sent."""
        self._all_written = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fed, self._room = asyncio.Event(), asyncio.Event()
        self._streams: set[Stream] = set()
        self._saver = Saver(self.answers)
        for number, error in self.plan.errors.items():
            self.tally.fail(number, "", error, was_asked=False)

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
            return self.tally.progress(
                self.plan, running, self._notices, self.stopped, done=self.done
            )

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

    def start(self) -> None:
        """Begin to ask; further calls do nothing."""
        if self._loop is not None or self.done:
            return
        self.tally.began_s = time.monotonic()
        if not self.plan.open:
            self._end()
            return
        thread = io_thread.shared.get()
        self._loop = thread.loop
        self._feed()
        thread.submit(self._run(thread.client))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end, and write prompts meanwhile; True when it has come."""
        self.start()
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.done and (until_s is None or time.monotonic() < until_s):
            self._feed()
            left_s = SLICE_S if until_s is None else min(SLICE_S, until_s - time.monotonic())
            with self._changed:
                self._changed.wait_for(lambda: self.done or self._is_hungry, max(0.0, left_s))
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
            self._feed()
            with self._changed:
                if not (self.done or self._is_hungry or len(self.plan.ended) > at):
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
        errors = self.plan.errors
        if errors and self.done and not self.plan.has_answers:
            asked = self.tally.first_failed
            number = next(iter(errors)) if asked is None else asked
            error = errors[number]
            text = tr(
                "no row was answered, {count:,} failed; row {number}: {error}",
                count=len(errors),
                number=number,
                error=error.message,
            )
            error.args = (text,)
            raise error

    # ---- the thread that waits -------------------------------------------------------------------

    @property
    def _is_hungry(self) -> bool:
        return not self._all_written and len(self._written) < self._jobs

    def _feed(self) -> None:
        """Write prompts, until there are enough of them."""
        while not self._all_written and len(self._written) < AHEAD * self._jobs:
            number = next(self._numbers, None)
            if number is None or self.stopped is not None:
                self._all_written = True
                break
            try:
                call = self.requests.of(number, self.rows[number])
            except GlmError as error:  # a function that worked when the rows were counted
                with self._changed:
                    self.plan.fail(number, error)
                    self.tally.fail(number, "", error, was_asked=False)
                continue
            self._written.append((number, call))
        self._on_loop(self._fed.set)

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._loop is not None and not self.done:
            self._loop.call_soon_threadsafe(action)

    # ---- the I/O thread --------------------------------------------------------------------------

    async def _run(self, client: HttpClient) -> None:
        workers = [asyncio.create_task(self._work(client)) for _ in range(self._jobs)]
        try:
            await asyncio.gather(*workers)
            if self.stopped is None and not self.tally.failed:
                await asyncio.to_thread(self.answers.finish, self.plan.known)
        except asyncio.CancelledError:
            self.stopped = self.stopped or tr("stopped")
        except Exception as error:  # a bug here must end the wait, too
            self._fail(internal_error(error))
            for worker in workers:
                worker.cancel()
        finally:
            self._end()

    def _end(self) -> None:
        with self._changed:
            self.tally.ended_s = time.monotonic()
            self.done = True
            self._changed.notify_all()

    async def _work(self, client: HttpClient) -> None:
        """Ask about one row after the other."""
        while (row := await self._next_row()) is not None:
            number, call = row
            stream = Stream(call)
            if not await self._enter(stream):
                return
            self._streams.add(stream)
            try:
                if self.stopped is None:
                    await stream.run(client)
                    await self._keep(number, stream)
                else:
                    stream.cancel()
            finally:
                self._streams.discard(stream)
                self._room.set()

    async def _next_row(self) -> tuple[int, PreparedRequest] | None:
        while self.stopped is None:
            if self._written:
                row = self._written.popleft()
                if self._is_hungry:
                    with self._changed:
                        self._changed.notify_all()
                return row
            if self._all_written:
                return None
            self._fed.clear()
            with self._changed:
                self._changed.notify_all()
            await self._fed.wait()
        return None

    async def _enter(self, stream: Stream) -> bool:
        """Wait until the budget has room for a row; False where it never will."""
        while self.stopped is None:
            share = self.budget.reserve(stream.call)
            if share is not None:
                stream.observers.append(share)
                return True
            if self.budget.is_idle:
                self._stop(tr("the budget of {amount} is used up", amount=str(self.budget.amount)))
                return False
            self._room.clear()
            await self._room.wait()
        return False

    async def _keep(self, number: int, stream: Stream) -> None:
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
        with self._changed:
            self.plan.fail(number, error)
            self.tally.fail(number, turn.prompt, error, was_asked=True)
            self._changed.notify_all()
        why = self.tally.why_to_give_up(error)
        if why is not None:
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
        self._room.set()
