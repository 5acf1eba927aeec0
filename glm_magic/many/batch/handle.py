"""What a call with ``mode="batch"`` returns: rows that are answered while no kernel runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from typing import Any

from ...core.errors import UnsupportedError
from ...core.i18n import tr, translate
from ...core.text import escape_controls
from ...views.options import ViewOptions
from ..job import Job
from ..results import MapResult
from .job import BatchJob
from .lines import write_lines
from .records import NO_ID, WRITTEN, Record

_ORDER = (
    "unknown", "unsent", "sending", "written", "validating", "in_progress", "finalizing",
    "cancelling", "failed", "expired", "cancelled", "completed",
)  # fmt: skip
"""Of several parts, the first of these states is the batch's own."""


class Batch:
    """Rows that a provider answers as a batch. It outlives the kernel.

    Parameters
    ----------
    record : Record
        What is known of it.
    open_job : callable
        Returns the call over its rows; called when they are needed.
    make_result : callable, optional
        Makes the result of the call.
    """

    def __init__(
        self,
        record: Record,
        open_job: Callable[[], BatchJob],
        make_result: Callable[[Job], MapResult] = MapResult,
    ) -> None:
        self.record = record
        """What is known of it, without a request."""
        self._open_job, self._make_result = open_job, make_result

    @cached_property
    def job(self) -> BatchJob:
        """The call over its rows."""
        return self._open_job()

    @cached_property
    def _result(self) -> MapResult:
        return self._make_result(self.job)

    # ---- what is known ---------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its name here, for ``glm.batches()["…"]``."""
        return self.record.id

    @property
    def ids(self) -> list[str]:
        """The ids that its providers gave it; a call beyond a provider's limits has several."""
        return [part.remote for part in self.record.parts if part.remote]

    @property
    def status(self) -> str:
        """The state of the part that is least far: a word of the provider's, such as ``completed``.

        Before there is one it is ``unsent`` or ``sending``; ``unknown`` where it may have been
        taken; ``written`` for a file.
        """
        states = [part.state for part in self.record.parts]
        known = [state for state in _ORDER if state in states]
        return next(iter(known or states), "completed")

    @property
    def done(self) -> bool:
        """Whether everything has been collected that will ever come of it."""
        return not self.record.is_open

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many requests it has, how many of them were answered, and how many failed."""
        parts = self.record.parts
        return (
            sum(p.lines for p in parts),
            sum(p.completed for p in parts),
            sum(p.failed for p in parts),
        )

    def __len__(self) -> int:
        return len(self.job.rows)

    # ---- what can be done ------------------------------------------------------------------------

    def announce(self) -> None:
        """Show what is about to be sent, and what it costs, before it is."""
        from ...views.many import announce

        announce(self.job.progress.notices)

    def refresh(self) -> Batch:
        """Ask once how far it is, and collect what has ended.

        Returns
        -------
        Batch
            Itself.

        Raises
        ------
        GlmError
            The provider refuses to tell, cannot be reached, or does not know the batch.
        """
        self.job.refresh()
        return self

    def wait(self, timeout_s: float | None = None, *, progress: bool = True) -> MapResult:
        """Wait until it has ended, and return its result.

        Stop and Control-C end the waiting; the batch goes on at its provider.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait at most; what has ended by then is in the result.
        progress : bool, optional
            False shows nothing meanwhile.

        Returns
        -------
        MapResult
            As of ``glm.map``; rows without an answer are in ``errors`` or ``left``.

        Raises
        ------
        GlmError
            The provider refused it as a whole, or no row was answered.
        """
        from ...views.many import many_view
        from ...views.play import play

        job, timer = self.job, None
        job.begin()
        if timeout_s is not None:
            import threading

            why = tr("not waited for any longer; the batch goes on")
            timer = threading.Timer(timeout_s, job.leave, (why,))
            timer.daemon = True
            timer.start()
        try:
            play(job, many_view(self._result, ViewOptions(quiet=not progress)))
        finally:
            if timer is not None:
                timer.cancel()
        if self.done:
            job.check_end()
        job.raise_error()
        return self._result

    def __await__(self) -> Generator[Any, None, MapResult]:
        """Wait without blocking the event loop: ``out = await batch``."""
        return self._waited().__await__()

    async def _waited(self) -> MapResult:
        running = asyncio.ensure_future(asyncio.to_thread(self.wait, progress=False))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.job.cancel()
            await asyncio.wait([running])
            raise

    def result(self) -> MapResult:
        """Return the result as far as it is known, without a request.

        Rows that have no answer yet are in ``left``.
        """
        if not self.done:
            self.job.reload()
        if not self.done and self.job.stopped is None:
            self.job.stopped = tr("not answered yet: the batch is {state}", state=self.status)
        return self._result

    def send(self, *, again: bool = False) -> Batch:
        """Send the parts that were not sent.

        Parameters
        ----------
        again : bool, optional
            True also sends the parts of which it is not known whether they were taken. If they
            were, they are paid for twice.

        Returns
        -------
        Batch
            Itself.

        Raises
        ------
        GlmError
            A part was refused, or it is not known whether it was taken.
        """
        self.job.send(again=again)
        return self

    def cancel(self) -> Batch:
        """Ask the providers to end it; what they answered by then is kept, and paid for.

        Parts that were not sent never will be. `wait` or `refresh` collects the rest.

        Returns
        -------
        Batch
            Itself.

        Raises
        ------
        UnsupportedError
            The provider has no way to cancel a batch, as OpenRouter.
        """
        self.job.cancel_batch()
        return self

    def write_requests(self, path: str | Path) -> Path:
        """Write its requests for ``vllm run-batch -i IN -o OUT``, or any server that reads such.

        `read_results` reads what came of it. Each line is named by the key of its row.

        Parameters
        ----------
        path : str or Path
            The file; one that is there is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        UnsupportedError
            It is sent to a provider; ``mode="file"`` makes one that is not.
        """
        if any(part.state != WRITTEN for part in self.record.parts):
            raise UnsupportedError(
                tr("batch {id} is answered by its provider", id=self.id),
                hint=tr("make the call with mode='file' to answer it yourself"),
            )
        return write_lines(Path(path), self.job.records.lines(self.record))

    def delete(self) -> None:
        """Forget it here. What the provider has of it stays, and so do the answers.

        Raises
        ------
        UnsupportedError
            It still runs: then nothing would be left that knows its rows.
        """
        if any(part.remote and not part.is_collected for part in self.record.parts):
            raise UnsupportedError(
                tr("batch {id} has not ended", id=self.id),
                hint=tr("its rows would be paid for and lost; cancel it, or wait for its end"),
            )
        self.job.records.delete(self.record)

    # ---- how it looks ----------------------------------------------------------------------------

    def __repr__(self) -> str:
        lines, completed, failed = self.counts
        text = tr(
            "<Batch {id}: {status}, {ended:,} of {lines:,} requests, {failed:,} failed>",
            id=self.id,
            status=self.status,
            ended=completed + failed,
            lines=lines,
            failed=failed,
        )
        problems = [
            f"{p.state}: {p.problem}" for p in self.record.parts if p.problem and p.state in NO_ID
        ]
        return escape_controls("\n".join([translate(text), *problems]))
