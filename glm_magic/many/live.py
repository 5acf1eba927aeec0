"""What all calls have in common whose rows are asked now: how they are checked, made and shown."""

from __future__ import annotations

from typing import Any, TypeVar

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.checks import is_count
from ..engine.options import Options
from ..views.options import ViewOptions
from .backend import InProcess
from .batch.handle import in_thread
from .batch.submit import check_not_running
from .cluster import Cluster
from .dask_checks import check_client
from .dask_errors import Keys
from .job import Job
from .requests import Requests
from .results import MapResult
from .rows import Rows

R = TypeVar("R", bound=MapResult)

JOBS = 8
"""How many rows are asked at a time, unless the user says otherwise."""


def needs_key(on: Any, keys: Keys) -> bool:
    """Whether requests need a key that is found here."""
    return on is None or keys == "send"


def live_job(
    rows: Rows,
    requests: Requests,
    on: Any,
    keys: Keys,
    *,
    jobs: int,
    budget: str | None,
    name: str | None,
    fresh: bool,
) -> Job:
    """Return a call whose rows are asked now, here or by Dask workers.

    Raises
    ------
    RefusedError
        Nothing can be asked, or some rows are in a batch that has not ended.
    """
    backend = InProcess() if on is None else Cluster(on, requests, keys=keys, jobs=jobs)
    job = Job(rows, requests, backend, jobs=jobs, budget=budget, name=name, fresh=fresh)
    return job if fresh else check_not_running(job)


def check_call(jobs: int, options: Options, on: Any, keys: Keys) -> None:
    """Refuse what no call over many rows can do.

    Raises
    ------
    RefusedError
        ``jobs`` is no number, ``on`` cannot be used, or each call of a function is to be asked
        about.
    """
    if on is not None:
        check_client(on, keys)
    if not is_count(jobs):
        raise InvalidValueError(
            tr("jobs is how many rows are asked at a time, not {value!r}", value=jobs),
            hint=tr("give a number from 1"),
        )
    if options.approve is True:
        raise InvalidValueError(
            tr("the calls of many rows cannot be asked about one by one"),
            hint=tr("give approve a function that decides, or leave it out"),
        )


def run_job(result: R, options: ViewOptions) -> R:
    """Run a call to its end, and show how far it is.

    Raises
    ------
    GlmError
        No row was answered.
    """
    from ..views.many import many_view
    from ..views.play import play

    play(result.job, many_view(result, options))
    result.job.raise_error()
    return result


async def arun_job(result: R, options: ViewOptions) -> R:
    """Run a call to its end, as `run_job` does, without blocking the event loop.

    Raises
    ------
    GlmError
        No row was answered.
    """
    return await in_thread(lambda: run_job(result, options), result.job.cancel)
