"""``glm.map`` and its kin: a prompt over many rows, shown while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, TypeVar, Unpack

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.keywords import AskKeywords, to_options, with_ask_keywords
from ..engine.options import Options
from ..views.options import ViewOptions
from .job import Job
from .requests import Prompt, Requests
from .results import MapResult, RowReply
from .rows import Rows

R = TypeVar("R", bound=MapResult)

JOBS = 8
"""How many rows are asked at a time, unless the user says otherwise."""


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
    **keywords: Unpack[AskKeywords],
) -> MapResult:
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

    Returns
    -------
    MapResult
        ``frame`` has the rows with their answers; ``errors`` and ``left`` say why some have none.

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    job = make_job(
        rows, prompt, to_options(keywords), jobs=jobs, budget=budget, name=name, fresh=fresh
    )
    return run_job(MapResult(job), ViewOptions(quiet=not progress))


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
    **keywords: Unpack[AskKeywords],
) -> MapResult:
    """Ask one prompt about every row, as `map` does, without blocking the event loop.

    Parameters
    ----------
    rows, prompt, jobs, budget, name, fresh, progress
        As for `map`; a function that writes prompts runs in a worker thread.

    Returns
    -------
    MapResult
        ``frame`` has the rows with their answers; ``errors`` and ``left`` say why some have none.

    Raises
    ------
    GlmError
        Nothing could be asked, or no row was answered.
    """
    options = to_options(keywords)
    job = await asyncio.to_thread(
        make_job, rows, prompt, options, jobs=jobs, budget=budget, name=name, fresh=fresh
    )
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
    **keywords: Unpack[AskKeywords],
) -> Iterator[RowReply]:
    """Ask one prompt about every row, and yield the replies in the order in which they end.

    Nothing is shown. A loop that is left early stops the call; what has ended is kept.

    Parameters
    ----------
    rows, prompt, jobs, budget, name, fresh
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
        rows, prompt, to_options(keywords), jobs=jobs, budget=budget, name=name, fresh=fresh
    )
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
) -> Job:
    """Return the call over rows, ready to start; nothing is sent.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever is in the rows.
    """
    check_call(jobs, options)
    read = Rows(rows)
    return Job(
        read, Requests(read, prompt, options), jobs=jobs, budget=budget, name=name, fresh=fresh
    )


def check_call(jobs: int, options: Options) -> None:
    """Refuse what no call over many rows can do.

    Raises
    ------
    InvalidValueError
        ``jobs`` is no number, or each call of a function is to be asked about.
    """
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
