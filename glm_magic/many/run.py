"""``glm.map`` and its kin: a prompt over many rows, shown while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal, Unpack, overload

from ..engine.keywords import AskKeywords, to_options, with_ask_keywords
from ..engine.options import Options
from ..views.options import ViewOptions
from .batch.handle import Batch
from .batch.submit import check_mode, make_batch, requests_of, sent
from .dask_errors import Keys
from .job import Job
from .live import JOBS, arun_job, check_call, live_job, needs_key, run_job
from .requests import Prompt, Requests
from .results import MapResult, RowReply
from .rows import Rows


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
    on: Any = None,
    keys: Keys = "worker",
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
    on: Any = None,
    keys: Keys = "worker",
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
    requests = Requests(read, prompt, options, needs_key=needs_key(on, keys))
    return live_job(read, requests, on, keys, jobs=jobs, budget=budget, name=name, fresh=fresh)


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
