"""Runs the functions that a model asks for, in the thread that waits for the turn.

A function of a notebook may use a database connection that belongs to the main thread, draw, or
call `input`; and a kernel interrupt reaches only the main thread. So the thread that waits for a
turn runs its functions meanwhile (`CallerExecutor.wait`). Where none waits, or several functions
run at once, each gets a thread.

Coroutines, MCP calls and calls that may run together get threads as well, and are cancelled; a
function that takes too long in the main thread is interrupted, one in another thread is left alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from ..core.interrupts import landed, raises_interrupt, send_interrupt
from ..tools.results import MAX_ITEMS

SLICE_S = 0.2
"""A thread waits in slices: the main thread must wake up to see a kernel interrupt."""
CLAIM_S = 1.0
"""How long a function waits for a thread that waited until now, or has just started the turn."""
SETTLE_S = 0.05
"""How long an interrupt that we sent may take to reach the main thread."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a function ended."""

    value: Any = None
    error: BaseException | None = None
    """What it raised; a `KeyboardInterrupt` is the user's."""


class CallerTask:
    """A function to be run once, by the first thread that claims it.

    Parameters
    ----------
    function : callable
        Takes nothing; may return an awaitable.
    loop : asyncio.AbstractEventLoop, optional
        Where an awaitable result is awaited; without it, in a new loop.
    finish : callable, optional
        Turns what the function returned into the outcome's value, in the same thread.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        loop: asyncio.AbstractEventLoop | None = None,
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        self.outcome: Future[Outcome] = Future()
        self.claimed: Future[None] = Future()
        """Done as soon as a thread has claimed the task."""
        self._function = function
        self._loop = loop
        self._finish = finish
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._ended = self._given_up = self._interrupted = False
        self._cancel: Callable[[], Any] | None = None

    def claim(self) -> bool:
        """Claim the task for this thread; False if it was claimed or given up before."""
        with self._lock:
            unavailable = self._thread is not None or self._given_up
            if unavailable or not self.outcome.set_running_or_notify_cancel():
                return False
            self._thread = threading.get_ident()
        self.claimed.set_result(None)
        return True

    def run(self) -> None:
        """Run the function, in the thread that claimed it.

        Raises
        ------
        KeyboardInterrupt
            The user interrupted it, even if the function caught that and went on; an interrupt that
            `give_up` sent ends here.
        """
        before = landed()
        try:
            self._run()
            if self._interrupted:
                time.sleep(SETTLE_S)
        except KeyboardInterrupt:
            if not self._interrupted:
                raise
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and landed() != before and not self._interrupted:
            raise KeyboardInterrupt

    def _run(self) -> None:
        try:
            value = self._awaited(self._function())
            outcome = Outcome(self._finish(value) if self._finish else value)
        except BaseException as error:  # SystemExit too: a function must not end the kernel
            outcome = Outcome(error=error)
        with self._lock:
            self._ended = True
        self.outcome.set_result(outcome)
        if isinstance(outcome.error, KeyboardInterrupt):
            raise outcome.error

    def _awaited(self, result: Any) -> Any:
        """Return a result; one that is awaitable, once it is there."""
        if inspect.isasyncgen(result):
            result = _first_items(result)
        if not inspect.isawaitable(result):
            return result

        async def wait() -> Any:
            return await result

        if self._loop is not None:
            future = asyncio.run_coroutine_threadsafe(wait(), self._loop)
            self._cancel = future.cancel
            return future.result()
        if asyncio._get_running_loop() is not None:  # a plain function that returned a coroutine
            return self._await_in_thread(wait())
        return self._await_in_new_loop(wait())

    def _await_in_thread(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in another thread, where this one has a running loop."""
        with ThreadPoolExecutor(1) as threads:
            context = contextvars.copy_context()
            try:
                return threads.submit(context.run, self._await_in_new_loop, waiting).result()
            except KeyboardInterrupt:
                if self._cancel is not None:
                    self._cancel()
                raise

    def _await_in_new_loop(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            task = loop.create_task(waiting)
            self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            return loop.run_until_complete(task)

    def give_up(self) -> None:
        """Stop the function if it can be stopped: a coroutine, or one in the main thread."""
        with self._lock:
            self._given_up = True
            thread, cancel = self._thread, self._cancel
            if cancel is not None:
                with suppress(RuntimeError):  # its loop has just been closed
                    cancel()
            elif thread == threading.main_thread().ident and not self._ended:
                self._interrupted = _interrupt_main()


async def _first_items(generator: AsyncGenerator[Any, Any]) -> Any:
    """Return what an asynchronous generator yields, up to one item more than the model gets."""
    items = []
    async with aclosing(generator):
        async for item in generator:
            items.append(item)
            if len(items) > MAX_ITEMS:
                break
    return iter(items)


def _interrupt_main() -> bool:
    """Interrupt the main thread, unless its program handles interrupts itself."""
    if not raises_interrupt(signal.getsignal(signal.SIGINT)):
        return False
    send_interrupt()
    return True


class CallerExecutor:
    """Runs functions in the threads that wait for a turn.

    Parameters
    ----------
    changed : threading.Condition
        Held while the queue is read or written; notified when there is something to run, and
        whenever the turn changes.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """The caller's loop, for asynchronous functions; ``None``: each gets a new one."""
        self.is_alone = False
        """Whether no thread will wait for the turn, so that each function gets one at once."""
        self._changed = changed
        self._queue: list[CallerTask] = []
        self._attached = 0
        self._left_at = float("-inf")
        self._context = contextvars.copy_context()

    def expect_caller(self) -> None:
        """Note that the turn starts: the thread that started it may be about to wait."""
        self._left_at = time.monotonic()

    def wait(self, is_over: Callable[[], bool], until: float | None = None) -> None:
        """Wait in this thread, and run in it what the turn asks for meanwhile.

        Parameters
        ----------
        is_over : callable
            Whether the wait is over; asked after every change.
        until : float, optional
            When to give up, on the monotonic clock.
        """
        self._attached += 1
        try:
            while not is_over() and (until is None or time.monotonic() < until):
                self._wait_slice(is_over, until)
        finally:
            self._attached -= 1
            self._left_at = time.monotonic()

    def _wait_slice(self, is_over: Callable[[], bool], until: float | None) -> None:
        with self._changed:
            task = self._next_task()
            if task is None and not is_over():
                left_s = SLICE_S if until is None else min(SLICE_S, until - time.monotonic())
                self._changed.wait(max(0.0, left_s))
        if task is not None:
            task.run()

    def _next_task(self) -> CallerTask | None:
        while self._queue:
            task = self._queue.pop(0)
            if task.claim():
                return task
        return None

    async def run(
        self,
        function: Callable[[], Any],
        *,
        in_thread: bool,
        finish: Callable[[Any], Any] | None = None,
    ) -> Outcome:
        """Run a function and return how it ended.

        Parameters
        ----------
        function : callable
            Takes nothing; may return an awaitable if it runs in a thread.
        in_thread : bool
            Run it in a new thread, even if one waits.
        finish : callable, optional
            Turns what the function returned into the outcome's value, in the same thread.
        """
        task = CallerTask(function, self.loop if in_thread else None, finish)
        try:
            if in_thread or not await self._is_claimed(task):
                self._run_in_thread(task)
            return await asyncio.wrap_future(task.outcome)
        except asyncio.CancelledError:
            task.give_up()
            raise

    async def _is_claimed(self, task: CallerTask) -> bool:
        """Offer a task to the waiting threads; return whether one of them claimed it."""
        with self._changed:
            if not self._has_caller:
                return False
            self._queue.append(task)
            self._changed.notify_all()
        claimed = asyncio.wrap_future(task.claimed)
        while not claimed.done() and self._has_caller:
            await asyncio.wait([claimed], timeout=CLAIM_S)
        return not task.claim()

    @property
    def _has_caller(self) -> bool:
        """Whether a thread waits, or did a moment ago and is busy with an event."""
        if self.is_alone:
            return False
        if self.loop is not None:
            return False  # the caller awaits in a loop, which must not be blocked
        return self._attached > 0 or time.monotonic() - self._left_at <= CLAIM_S

    def _run_in_thread(self, task: CallerTask) -> None:
        """Run a task in a new thread, whose prints go where the caller's go."""
        context = self._context.copy()

        def work() -> None:
            with suppress(KeyboardInterrupt):
                context.run(task.run)

        task.claim()
        threading.Thread(target=work, name="glm-tool", daemon=True).start()
