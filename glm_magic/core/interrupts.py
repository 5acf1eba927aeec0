"""A kernel interrupt at any moment: it lands once, and what it ends is left tidy.

Python raises `KeyboardInterrupt` between any two instructions of the main thread: in the middle of
an import, in the clean-up after another interrupt, or in a callback whose exceptions Python drops,
so that the interrupt is lost. While a magic runs, `landing` has a handler of its own for SIGINT in
place of Python's. It waits out the places where nothing may be raised, and takes a second interrupt
that comes at once for the same one.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from .i18n import translate

QUIET_S = 1.0
"""An interrupt so soon after another one means the same: that one is being tidied up after."""
AGAIN_S = 0.002
"""When an interrupt is sent again that came where nothing may be raised."""
FINALIZER_S = 1.0
"""How long a finalizer may put an interrupt off; one that waits for something is ended then."""

_IMPORT_SYSTEM = "<frozen importlib"


class StoppedByUser(KeyboardInterrupt):
    """The user interrupted the cell: it ends here, without a traceback.

    Parameters
    ----------
    message : str
        What a front end shows where it would show the traceback: one with neither shows an empty
        red box with the name of this class.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(*([message] if message else []))

    def _render_traceback_(self) -> list[str]:
        return [translate(message) for message in self.args]


class _Handler:
    """A handler of SIGINT, which runs in the main thread."""

    def __init__(self) -> None:
        self.landings = self.holds = 0
        """How many `landing` and `held` blocks are entered."""
        self.is_pending = False
        self.put_off_s: float | None = None
        """Since when a finalizer has put an interrupt off, on the monotonic clock."""
        self.raised_s = float("-inf")
        """When an interrupt landed last, on the monotonic clock."""
        self.count = 0
        """How many have landed."""

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        if self.holds:
            self.is_pending = True
        elif _is_importing(frame) or _is_in(frame, "_Handler.__call__"):
            self.put_off()
        elif _is_in(frame, "__del__"):
            self.put_off_or_end()
        else:
            self.land()

    def put_off(self) -> None:
        """Send the interrupt again in a moment; on a busy machine, it comes before this returns."""
        timer = threading.Timer(AGAIN_S, send_interrupt)
        timer.daemon = True
        timer.start()

    def put_off_or_end(self) -> None:
        """Wait out a finalizer, or end it after a while; then only the next interrupt lands.

        What Python prints about the exception in a finalizer would lose one that came at once.
        """
        now_s = time.monotonic()
        if self.put_off_s is None:
            self.put_off_s = now_s
        if now_s - self.put_off_s < FINALIZER_S:
            self.put_off()
        else:
            self.put_off_s = None
            raise KeyboardInterrupt

    def land(self) -> None:
        """Raise `KeyboardInterrupt`, unless one was raised a moment ago."""
        self.is_pending, self.put_off_s = False, None
        now_s = time.monotonic()
        if now_s - self.raised_s >= QUIET_S:
            self.raised_s = now_s
            self.count += 1
            raise KeyboardInterrupt


_handler = _Handler()


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a frame is the import system's own, whose callbacks lose an exception."""
    return frame is not None and frame.f_code.co_filename.startswith(_IMPORT_SYSTEM)


def _is_in(frame: FrameType | None, function: str) -> bool:
    """Whether a frame is a call of a function, by its name or qualified name, or called by one."""
    while frame and function not in (frame.f_code.co_name, frame.f_code.co_qualname):
        frame = frame.f_back
    return frame is not None


def send_interrupt() -> None:
    """Send SIGINT to the main thread, from any thread; it ends a wait for a lock as well."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:  # Windows, where nothing ends such a wait
        signal.raise_signal(signal.SIGINT)


def landed() -> int:
    """Return how many interrupts have landed so far, those included that someone caught."""
    return _handler.count


def raises_interrupt(handler: Any) -> bool:
    """Whether a handler of SIGINT raises `KeyboardInterrupt`, as Python's own does."""
    return handler is signal.default_int_handler or handler is _handler


@contextmanager
def landing() -> Iterator[None]:
    """Let interrupts of the main thread land as described above.

    After an interrupt, the handler stays until `restore`: a second one that comes at once must not
    hit what the shell or the kernel does at the end of a cell.

    Raises
    ------
    StoppedByUser
        In place of `KeyboardInterrupt`.
    """
    if not _is_main():
        yield
        return
    around = _handler.landings
    if not around:
        restore()  # the handler may still be there from a cell that was interrupted
    _install()
    was_interrupted = False
    try:
        _handler.landings = around + 1
        yield
    except KeyboardInterrupt:
        was_interrupted = True
        raise StoppedByUser from None
    finally:
        _handler.landings = around
        if not around and not was_interrupted:
            restore()


@contextmanager
def held() -> Iterator[None]:
    """Hold interrupts back for a moment; one that came is raised at the end."""
    if not _is_main():
        yield
        return
    is_outermost, around = _install(), _handler.holds
    try:
        _handler.holds = around + 1
        yield
    finally:
        _handler.holds = around
        if is_outermost:
            restore()
        if _handler.is_pending and not _handler.holds:
            _handler.land()


@contextmanager
def suppress_interrupt() -> Iterator[None]:
    """Hold interrupts back while another one is tidied up after, and drop them at the end."""
    with suppress(KeyboardInterrupt), held():
        yield


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _install() -> bool:
    """Install the handler in place of Python's own; return whether it was not there yet."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    _handler.is_pending, _handler.put_off_s, _handler.raised_s = False, None, float("-inf")
    signal.signal(signal.SIGINT, _handler)
    return True


def restore() -> None:
    """Give SIGINT back to Python's own handler; nothing where another one was installed since."""
    if _is_main() and signal.getsignal(signal.SIGINT) is _handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
