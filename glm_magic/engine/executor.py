"""The user's functions, run where they expect to run: in the thread that waits for the turn.

A function of a notebook may use a database connection that belongs to the main thread, draw, or ask
something; and a kernel interrupt reaches only the main thread. So whoever waits for a turn runs its
functions meanwhile. Where nobody waits, or several run at once, each gets a thread of its own.
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

from ..tools.results import MAX_ITEMS

CLAIM_S = 1.0
"""How long a function waits for a thread that was here, or has just started the turn."""
SETTLE_S = 0.05
"""How long an interrupt of our own may take to reach the main thread."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a function ended."""

    value: Any = None
    error: BaseException | None = None
    """What it raised; a `KeyboardInterrupt` is the user's own."""


class CallerTask:
    """One function to be run, once, by whoever claims it first.

    Parameters
    ----------
    function : callable
        Takes nothing; may return an awaitable.
    loop : asyncio.AbstractEventLoop, optional
        Where an awaitable result is waited for; without it, in a loop of its own.
    finish : callable, optional
        Makes the outcome's value of what the function returned, in the same thread.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        loop: asyncio.AbstractEventLoop | None = None,
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        self.outcome: Future[Outcome] = Future()
        self.claimed: Future[None] = Future()
        """Is over as soon as somebody has it."""
        self._function = function
        self._loop = loop
        self._finish = finish
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._ended = self._given_up = self._nudged = False
        self._cancel: Callable[[], Any] | None = None

    def claim(self) -> bool:
        """Take the errand; False when somebody has it already, or nobody wants it any more."""
        with self._lock:
            taken = self._thread is not None or self._given_up
            if taken or not self.outcome.set_running_or_notify_cancel():
                return False
            self._thread = threading.get_ident()
        self.claimed.set_result(None)
        return True

    def run(self) -> None:
        """Run the function, in the thread that claimed it.

        Raises
        ------
        KeyboardInterrupt
            The user interrupted it; an interrupt of our own ends here.
        """
        try:
            self._run()
            if self._nudged:
                time.sleep(SETTLE_S)
        except KeyboardInterrupt:
            if not self._nudged:
                raise

    def _run(self) -> None:
        try:
            value = self._settled(self._function())
            outcome = Outcome(self._finish(value) if self._finish else value)
        except BaseException as error:  # SystemExit too: a function must not end the kernel
            outcome = Outcome(error=error)
        with self._lock:
            self._ended = True
        self.outcome.set_result(outcome)
        if isinstance(outcome.error, KeyboardInterrupt):
            raise outcome.error

    def _settled(self, result: Any) -> Any:
        """Return a result, waited for where it is awaitable."""
        if inspect.isasyncgen(result):
            result = _first_items(result)
        if not inspect.isawaitable(result):
            return result

        async def wait() -> Any:
            return await result

        if self._loop is not None:
            there = asyncio.run_coroutine_threadsafe(wait(), self._loop)
            self._cancel = there.cancel
            return there.result()
        if asyncio._get_running_loop() is not None:  # a plain function that gave a coroutine
            return self._beside(wait())
        return self._alone(wait())

    def _beside(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a thread of its own, where this one has a loop that runs already."""
        with ThreadPoolExecutor(1) as threads:
            context = contextvars.copy_context()
            try:
                return threads.submit(context.run, self._alone, waiting).result()
            except KeyboardInterrupt:
                if self._cancel is not None:
                    self._cancel()
                raise

    def _alone(self, waiting: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of its own; only ever in a thread that has none."""
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
                self._nudged = _interrupt_main()


async def _first_items(generator: AsyncGenerator[Any, Any]) -> Any:
    """Return an iterator over what an asynchronous generator gives, one item more than is told."""
    items = []
    async with aclosing(generator):
        async for item in generator:
            items.append(item)
            if len(items) > MAX_ITEMS:
                break
    return iter(items)


def _interrupt_main() -> bool:
    """Interrupt the main thread, unless its program has its own way with interrupts."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
    return True


class CallerExecutor:
    """Functions that wait to be run.

    Parameters
    ----------
    changed : threading.Condition
        Held while the list is changed; notified when there is something to run.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        """The caller's own loop, for asynchronous functions; ``None``: they get one each."""
        self._changed = changed
        self._open: list[CallerTask] = []
        self._hosts = 0
        self._left_at = float("-inf")
        self._context = contextvars.copy_context()

    def begin(self) -> None:
        """Note that the turn starts; whoever started it may be about to wait."""
        self._left_at = time.monotonic()

    def enter(self) -> None:
        """Note that a thread waits for the turn and runs what comes up."""
        self._hosts += 1

    def leave(self) -> None:
        """Note that a thread waits no longer, though it may come back at once."""
        self._hosts -= 1
        self._left_at = time.monotonic()

    def take(self) -> CallerTask | None:
        """Return something to run; the caller holds the condition, and runs it without."""
        while self._open:
            errand = self._open.pop(0)
            if errand.claim():
                return errand
        return None

    async def run(
        self,
        function: Callable[[], Any],
        *,
        aside: bool,
        finish: Callable[[Any], Any] | None = None,
    ) -> Outcome:
        """Run a function and return how it ended.

        Parameters
        ----------
        function : callable
            Takes nothing; may return an awaitable if it runs aside.
        aside : bool
            Run it in a thread of its own, whoever waits.
        finish : callable, optional
            Makes the outcome's value of what the function returned, in the same thread.
        """
        errand = CallerTask(function, self.loop if aside else None, finish)
        try:
            if aside or not await self._hosted(errand):
                self._in_thread(errand)
            return await asyncio.wrap_future(errand.outcome)
        except asyncio.CancelledError:
            errand.give_up()
            raise

    async def _hosted(self, errand: CallerTask) -> bool:
        """Offer an errand to the waiting threads; return whether one of them took it."""
        with self._changed:
            if not self._is_hosted:
                return False
            self._open.append(errand)
            self._changed.notify_all()
        claimed = asyncio.wrap_future(errand.claimed)
        while not claimed.done() and self._is_hosted:
            await asyncio.wait([claimed], timeout=CLAIM_S)
        return not errand.claim()

    @property
    def _is_hosted(self) -> bool:
        """Whether a thread waits, or did a moment ago and is busy with an event."""
        if self.loop is not None:
            return False  # it is waited for in a loop, which must not be blocked
        return self._hosts > 0 or time.monotonic() - self._left_at <= CLAIM_S

    def _in_thread(self, errand: CallerTask) -> None:
        """Run an errand in a new thread, whose prints go where the caller's go."""
        context = self._context.copy()

        def work() -> None:
            with suppress(KeyboardInterrupt):
                context.run(errand.run)

        errand.claim()
        threading.Thread(target=work, name="glm-tool", daemon=True).start()
