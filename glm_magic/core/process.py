"""What a process has one of: a loop thread, a database connection, a local server."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One value for each process: made when first needed, closed when the process ends.

    A forked child begins without one, unless `in_child` says otherwise: threads do not survive a
    fork, connections and child processes belong to the parent, and a lock may have been held by
    another thread.

    Parameters
    ----------
    make : callable
        Makes the value; what it raises goes to the caller, and the next call tries again.
    close : callable, optional
        Ends the value.
    is_current : callable, optional
        Whether a value can still be used; one that cannot is closed and replaced.
    in_child : callable, optional
        What a forked child has in place of its parent's value.
    """

    def __init__(
        self,
        make: Callable[..., T],
        close: Callable[[T], object] = lambda _: None,
        is_current: Callable[[T], bool] = lambda _: True,
        in_child: Callable[[T], T | None] = lambda _: None,
    ) -> None:
        self._make, self._close = make, close
        self._is_current, self._in_child = is_current, in_child
        self._value: T | None = None
        self._lock = threading.RLock()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_child)

    def get(self, *arguments: Any) -> T:
        """Return the value; where there is none that can be used, `make` makes it."""
        with self._lock:
            value = self._value
            if value is not None and self._is_current(value):
                return value
            self.close()
            self._value = value = self._make(*arguments)
            return value

    def peek(self) -> T | None:
        """Return the value if there is one."""
        return self._value

    def close(self) -> None:
        """End the value, if there is one; the next `get` makes another."""
        with self._lock:
            value, self._value = self._value, None
        if value is not None:
            self._close(value)

    def _begin_child(self) -> None:
        self._lock = threading.RLock()
        if self._value is not None:
            self._value = self._in_child(self._value)
