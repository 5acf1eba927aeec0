"""What the process still holds: tasks on the private loop, busy connections, threads."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from glm_magic.wire import io_thread

PATIENCE_S = 5.0


def settled() -> list[str]:
    """Wait until every call is over, and return what is not."""
    deadline = time.monotonic() + PATIENCE_S
    while left := busy():
        if time.monotonic() > deadline:
            return left
        time.sleep(0.01)
    return []


def busy() -> list[str]:
    """Return the tasks that still run, and the connections that still serve one."""
    current = io_thread.shared.peek()
    if current is None or not current.alive:
        return []

    async def look() -> list[str]:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        return [*map(repr, tasks), *(c for c in connections(current) if "IDLE" not in c)]

    return current.submit(look()).result(PATIENCE_S)


def connections(current: io_thread.IoThread) -> list[str]:
    """Return every connection of the pools, as the pool describes it."""
    client: Any = current.client._client
    pools = {*client._transport.pools, *client._mounts.values()}
    return [repr(connection) for pool in pools for connection in pool.connections]
