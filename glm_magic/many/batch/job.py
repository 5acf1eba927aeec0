"""A call over rows that providers answer as batches: who waits for it, and what became of its rows.

What a `Courier` does for it runs on the I/O thread, one step after the other, each on disk when it
is done, so that a kernel may be killed anywhere.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.errors import ApiError, GlmError
from ...core.i18n import Text, joined, tr
from ...core.progress import Progress
from ...core.turn import Turn
from ...engine.prepared import PreparedRequest, ToolPlan
from ...tools.output_schema import OutputSchema
from ...wire import io_thread
from ..answers import internal_error
from ..job import SLICE_S, Job
from ..plan import State
from .courier import PASSING, Courier
from .lines import Result, to_turn
from .records import UNSENT, WRITTEN, Line, Part, Problem, Record, Records
from .stored import with_body

if TYPE_CHECKING:
    from ...wire.http import HttpClient

PAUSE_S, LONGEST_PAUSE_S, GROWTH = 5.0, 60.0, 1.5
"""Between two questions how far a batch is: at first, at most, and by how much it grows."""


class BatchJob(Job):
    """A call over rows whose answers come from batches."""

    record: Record
    records: Records
    account: Callable[[int], PreparedRequest]
    """Returns a request to whom a part is sent."""

    def follow(
        self, record: Record, records: Records, account: Callable[[int], PreparedRequest]
    ) -> None:
        """Take the batch that answers the rows, as the disk has it.

        Parameters
        ----------
        record : Record
            The batch.
        records : Records
            Where it is kept.
        account : callable
            Returns a request to whom a part is sent.
        """
        self.record, self.records, self.account = record, records, account
        self._courier = Courier(record, records, account, self)
        self._running = asyncio.Lock()
        """Held by the one step that runs."""
        self._again = threading.Event()
        """Set while somebody waits for the end."""
        self._nobody_waits = asyncio.Event()
        self._io: asyncio.AbstractEventLoop | None = None
        self._state: Text | None = None
        self._row_of: dict[bytes, int] = {}
        for number in self.plan.open:
            call = self.requests.of(number, self.rows[number])
            self._row_of[self.requests.key(number, call)] = number
        self._schema = bool(record.schema)
        self.done = not record.is_open

    # ---- what the caller sees --------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """Where it stands now, as far as the providers have told."""
        now = super().progress
        running = sum(p.lines for p in self.record.parts if not p.is_collected and p.remote)
        notices = (*now.notices, *([self._state] if self._state and not self.done else []))
        # how many rows a second are answered is the provider's affair, and not seen from here
        return replace(now, running=running, notices=notices, asked=0)

    def begin(self) -> None:
        """Wait for the end from here on."""
        self.stopped = self.failure = None
        self.done = not self.record.is_open
        self.tally.began_s, self.tally.ended_s = time.monotonic(), 0.0
        if not self.done and not self._again.is_set():
            self._again.set()
            thread = io_thread.shared.get()
            self._io, self._nobody_waits = thread.loop, asyncio.Event()
            thread.submit(self._follow(thread.client))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; True when it has come, or nobody waits any more."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.done and (until_s is None or time.monotonic() < until_s):
            left_s = SLICE_S if until_s is None else min(SLICE_S, until_s - time.monotonic())
            with self._changed:
                self._changed.wait_for(lambda: self.done, max(0.0, left_s))
        return self.done

    def cancel(self) -> None:
        """End the waiting; the batch goes on at its provider. From any thread."""
        self.leave(tr("not waited for any longer; the batch goes on"))

    def leave(self, why: Text) -> None:
        """End the waiting, and say why rows are left."""
        self._again.clear()
        if self._io is not None:
            self._io.call_soon_threadsafe(self._nobody_waits.set)
        with self._changed:
            if not self.done:
                self.stopped = why
                self._end()

    def run(self, step: Callable[[HttpClient], Any]) -> Any:
        """Run one step on the I/O thread, and wait for it.

        An interrupt ends the wait alone: a step that was begun is brought to its end, since nobody
        could tell later how far it was.
        """
        thread = io_thread.shared.get()

        async def alone() -> Any:
            async with self._running:
                return await step(thread.client)

        future = thread.submit(alone())
        finished = threading.Event()
        future.add_done_callback(lambda _: finished.set())
        while not finished.wait(SLICE_S):
            pass
        return future.result()

    def send(self, *, again: bool) -> None:
        """Send what was not sent; `again`: and what may have been."""
        self.run(lambda client: self._courier.send(client, again=again))

    def refresh(self) -> None:
        """Ask once how far it is, and collect what has ended."""
        self.run(self._courier.refresh)
        self.check_end()

    def cancel_batch(self) -> None:
        """Ask for the end of every part."""
        self.run(self._courier.cancel)

    # ---- the rows --------------------------------------------------------------------------------

    def keep(self, account: PreparedRequest, some: Iterable[tuple[Line, Result]]) -> None:
        """Write answers to the disk, and then to the rows that they belong to."""
        plan = (
            ToolPlan(schema=OutputSchema(json.loads(self.record.schema))) if self._schema else None
        )
        turns: list[tuple[bytes, Turn, GlmError | None]] = []
        for line, result in some:
            call = replace(with_body(account, line.body), tool_plan=plan)
            turn, error = to_turn(call, result)
            turns.append((line.key, turn, error))
            self.budget.count(call, turn)
        good = [(key, turn) for key, turn, error in turns if error is None]
        ids = dict(zip((key for key, _ in good), self.answers.save(good), strict=True))
        self.records.settle(
            self.record,
            [
                (k, ids.get(k), None if error is None else Problem.of(error))
                for k, _, error in turns
            ],
        )
        self.budget.spending.write(lasting=True)
        for key, turn, error in turns:
            self._settle_row(key, turn, error, ids.get(key))

    def catch_up(self) -> None:
        """Take from the disk what became of rows, here or in another process."""
        answered: dict[int, int] = {}
        """Row by the id of its answer."""
        sent: set[int] = set()
        for line in self.records.lines(self.record):
            number = self._row_of.get(line.key)
            if number is None or self.plan.states[number] != State.LEFT:
                continue
            if line.part is not None:
                sent.add(number)
            if line.answer is not None:
                answered[line.answer] = number
            elif line.problem is not None and line.problem.is_left:
                for row in (number, *self.plan.equal.get(number, [])):
                    self.plan.reasons[row] = line.problem.message  # type: ignore[assignment]
            elif line.problem is not None:
                error = line.problem.to_error()
                self.plan.fail(number, error)
                self.tally.fail(number, "", error, was_asked=True)
        for id_, turn in self.answers.turns(answered):
            number = answered[id_]
            with self._changed:
                self.plan.answer(number, id_)
                self.tally.answer(number, turn)
                if number in sent:
                    self.tally.add(turn)

    def forget_estimate(self) -> None:
        """Show no estimate: what it was about was sent long ago."""
        self._notices.clear()

    def reload(self) -> None:
        """Look at the disk, without a request, how far the batch is."""
        before = sum(part.is_collected for part in self.record.parts)
        self.record.parts[:] = self.records.parts(self.record.id) or self.record.parts
        if sum(part.is_collected for part in self.record.parts) > before:
            self.catch_up()

    def _settle_row(self, key: bytes, turn: Turn, error: GlmError | None, id_: int | None) -> None:
        number = self._row_of.get(key)
        with self._changed:
            self.tally.add(turn)
            if number is None or self.plan.states[number] != State.LEFT:
                return
            if id_ is not None:
                self.plan.answer(number, id_)
                self.tally.answer(number, turn)
            elif error is not None:
                error.turn = None
                self.plan.fail(number, error)
                self.tally.fail(number, turn.prompt, error, was_asked=True)

    def reach_end(self) -> None:
        """Let the next call without a name ask afresh, as after one that was answered live."""
        rows = list(self.records.lines(self.record))
        if all(line.answer is not None for line in rows):
            self.answers.finish([line.answer for line in rows if line.answer is not None])

    # ---- the I/O thread --------------------------------------------------------------------------

    async def _follow(self, client: HttpClient) -> None:
        """Ask again and again, ever more seldom, until all is collected or nobody waits."""
        pause_s = PAUSE_S
        try:
            while self._again.is_set() and self.record.is_open:
                try:
                    async with self._running:
                        await self._courier.refresh(client)
                        self._state = self._courier.how_far()
                except PASSING as error:
                    self._state = tr("{error}; asked again", error=error.message)
                if not self._is_waiting():
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._nobody_waits.wait(), pause_s)
                pause_s = min(LONGEST_PAUSE_S, GROWTH * pause_s)
        except GlmError as error:
            self._fail(error)
        except Exception as error:  # a bug here must end the wait, too
            self._fail(internal_error(error))
        finally:
            if self._again.is_set():
                self._again.clear()
                self._finish()

    def _is_waiting(self) -> bool:
        """Whether anything that runs may still end: not what was never sent, or may be lost."""
        return any(part.remote and not part.is_collected for part in self.record.parts)

    def _finish(self) -> None:
        """End the wait with what the batch has come to."""
        open_parts = [part for part in self.record.parts if not part.is_collected]
        if open_parts and self.failure is None:
            self.stopped = self.stopped or self._why_open(open_parts[0])
        self.check_end()
        self._end()

    def _why_open(self, part: Part) -> Text:
        if part.state == UNSENT:
            return tr("part {number} was not sent; .send() sends it", number=part.number + 1)
        if part.state == WRITTEN:
            return tr("glm.read_results(…) reads what a server made of the file")
        return joined(
            [tr("it is not known whether it was taken"), self._courier.what_to_do(part)], ": "
        )

    def check_end(self) -> None:
        """Note the failure of a batch that ended without anything."""
        ended = [p for p in self.record.parts if p.is_collected]
        broken = next((p for p in ended if p.state == "failed" and p.problem), None)
        if broken is None or not broken.problem or len(ended) < len(self.record.parts):
            return
        if not self.plan.has_answers and not self.plan.errors and self.failure is None:
            self.failure = ApiError(
                broken.problem.message,
                hint=tr("nothing of it is paid; mend what it names, and make the call again"),
                provider=broken.provider,
            )

    def _end(self) -> None:
        if self.stopped is None and any(True for _ in self.plan.left()):
            reasons = self.plan.reasons.values()
            self.stopped = next(iter(reasons), None)
        super()._end()
