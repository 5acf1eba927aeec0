"""``glm.map`` and its kin: a prompt over many rows, shown while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal, TypeVar, Unpack, overload

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.keywords import AskKeywords, to_options, with_ask_keywords
from ..engine.options import Options
from ..views.options import ViewOptions
from .backend import Backend, InProcess
from .batch.handle import Batch
from .batch.submit import check_mode, check_not_running, make_batch, requests_of, sent
from .cluster import Cluster
from .dask_checks import check_client
from .dask_errors import Keys
from .job import Job
from .requests import Prompt, Requests
from .results import MapResult, RowReply
from .rows import Rows

R = TypeVar("R", bound=MapResult)

JOBS = 8
"""How many rows are asked at a time, unless the user says otherwise."""


@overload
def map(  # noqa: A001
    rows: Any,
    prompt: Prompt = None,
    *,
    mode: Literal["batch", "file"],
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    **keywords: Unpack[AskKeywords],
) -> Batch: ...
@overload
def map(  # noqa: A001
    rows: Any,
    prompt: Prompt = None,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    mode: Literal["live"] = "live",
    **keywords: Unpack[AskKeywords],
) -> MapResult: ...
@with_ask_keywords
def map(  # noqa: A001 - as the builtin, over prompts
    rows: Any,
    prompt: Prompt = None,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    mode: str = "live",
    on: Any = None,
    keys: Keys = "worker",
    **keywords: Unpack[AskKeywords],
) -> MapResult | Batch:
    """Ask one prompt about every row: ``glm.map(df, "Sentiment of: {text}", budget="¥5").frame``.

    Each answer is on disk as soon as it has ended. A call that did not reach its end (the kernel
    was killed, Stop, the budget) goes on where it was when it is made again. Equal rows are asked
    once. The estimate is shown before the first request.

    Parameters
    ----------
    rows : DataFrame or iterable
        A pandas or polars DataFrame, or dicts, or texts.
    prompt : str or callable, optional
        A text with ``{column}`` in it, or a function that takes a row and returns a text or
        messages. Texts can do without: each is a prompt.
    jobs : int, optional
        How many rows are asked at a time, as far as the provider serves so many; 8 by default.
    budget : str, optional
        What they may take together, such as ``"¥5"`` or ``"200k"`` (tokens), those in flight
        included; passed by no more than what one row can cost.
    name : str, optional
        Keeps the answers for good: a later call with this name uses them again.
    fresh : bool, optional
        True asks again what was answered before.
    progress : bool, optional
        False shows nothing while it runs.
    mode : str, optional
        ``"live"``; ``"batch"`` sends the rows as a batch of the provider, at its price, which is
        answered within a day; ``"file"`` writes them for ``vllm run-batch``. The same call made
        again finds the batch that it sent before.
    on : dask.distributed.Client, optional
        Has the workers of this client ask, in place of this process.
    keys : {"worker", "send"}, optional
        Whether each worker looks for a key where it runs, or is sent the one that is found here.

    Returns
    -------
    MapResult or Batch
        ``frame`` has the rows with their answers; ``errors`` and ``left`` say why some have none.
        A `Batch` outlives the kernel; its ``wait()`` returns the `MapResult`.

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    if mode != "live":
        options = to_options(keywords)
        return send_batch(
            rows, prompt, options, mode,
            budget=budget, name=name, fresh=fresh, progress=progress, on=on,
        )  # fmt: skip
    job = make_job(
        rows, prompt, to_options(keywords),
        jobs=jobs, budget=budget, name=name, fresh=fresh, on=on, keys=keys,
    )  # fmt: skip
    return run_job(MapResult(job), ViewOptions(quiet=not progress))


@overload
async def amap(
    rows: Any,
    prompt: Prompt = None,
    *,
    mode: Literal["batch", "file"],
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    **keywords: Unpack[AskKeywords],
) -> Batch: ...
@overload
async def amap(
    rows: Any,
    prompt: Prompt = None,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    mode: Literal["live"] = "live",
    **keywords: Unpack[AskKeywords],
) -> MapResult: ...
@with_ask_keywords
async def amap(
    rows: Any,
    prompt: Prompt = None,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    mode: str = "live",
    on: Any = None,
    keys: Keys = "worker",
    **keywords: Unpack[AskKeywords],
) -> MapResult | Batch:
    """Ask one prompt about every row, as `map` does, without blocking the event loop.

    Parameters
    ----------
    rows, prompt, jobs, budget, name, fresh, progress, mode, on, keys
        As for `map`; a function that writes prompts runs in a worker thread.

    Returns
    -------
    MapResult or Batch
        As of `map`. A batch is sent when this returns it; ``await`` it to wait for its end.

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    options = to_options(keywords)
    if mode != "live":
        return await asyncio.to_thread(
            send_batch, rows, prompt, options, mode,
            budget=budget, name=name, fresh=fresh, progress=progress, on=on,
        )  # fmt: skip
    job = await asyncio.to_thread(
        make_job, rows, prompt, options,
        jobs=jobs, budget=budget, name=name, fresh=fresh, on=on, keys=keys,
    )  # fmt: skip
    return await arun_job(MapResult(job), ViewOptions(quiet=not progress))


@with_ask_keywords
def imap(
    rows: Any,
    prompt: Prompt = None,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    on: Any = None,
    keys: Keys = "worker",
    **keywords: Unpack[AskKeywords],
) -> Iterator[RowReply]:
    """Ask one prompt about every row, and yield the replies in the order in which they end.

    Nothing is shown. A loop that is left early stops the call; what has ended is kept.

    Parameters
    ----------
    rows, prompt, jobs, budget, name, fresh, on, keys
        As for `map`.

    Returns
    -------
    iterator of RowReply
        Replies, with the ``row`` number of each; that about a row which failed has the status
        ``failed`` and says why in ``turn.error``.

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    job = make_job(
        rows, prompt, to_options(keywords),
        jobs=jobs, budget=budget, name=name, fresh=fresh, on=on, keys=keys,
    )  # fmt: skip
    return _replies(job)


def _replies(job: Job) -> Iterator[RowReply]:
    result = MapResult(job)
    try:
        yield from result.replies()
    finally:
        job.cancel()
        job.wait()
    job.raise_error()


def make_job(
    rows: Any,
    prompt: Prompt,
    options: Options,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    on: Any = None,
    keys: Keys = "worker",
) -> Job:
    """Return the call over rows, ready to start; nothing is sent.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever is in the rows.
    """
    check_call(jobs, options, on, keys)
    read = Rows(rows)
    requests = Requests(read, prompt, options, needs_key=on is None or keys == "send")
    backend = backend_for(on, keys, requests, jobs=jobs)
    job = Job(read, requests, backend, jobs=jobs, budget=budget, name=name, fresh=fresh)
    return job if fresh else check_not_running(job)


def send_batch(
    rows: Any,
    prompt: Prompt,
    options: Options,
    mode: str,
    *,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    on: Any = None,
) -> Batch:
    """Return the batch of a call over rows, sent as far as it was not; of a file, to be written.

    Raises
    ------
    GlmError
        Nothing can be asked, a part was refused, or it is not known whether it was taken.
    """
    check_mode(mode, on)
    check_call(JOBS, options, None, "worker")
    read = Rows(rows)
    requests = requests_of(mode)(read, prompt, options)
    how: dict[str, Any] = {"budget": budget, "name": name, "fresh": fresh}
    return sent(make_batch(read, requests, mode=mode, **how), quiet=not progress)


def backend_for(on: Any, keys: Keys, requests: Requests, *, jobs: int) -> Backend:
    """Return where rows are asked."""
    if on is None:
        return InProcess()
    return Cluster(on, requests, keys=keys, jobs=jobs)


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
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
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
    running = asyncio.ensure_future(asyncio.to_thread(run_job, result, options))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        result.job.cancel()
        await asyncio.wait([running])
        raise
