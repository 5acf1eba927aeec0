"""``glm.sweep``: cases × lanes × samples, asked as one call over rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.keywords import AskKeywords, messages_of, to_options
from ..engine.keywords import Prompt as AskPrompt
from ..engine.options import Options
from ..views.options import ViewOptions
from .grid import SYNONYMS, SweepRequests, SweepRows
from .job import Job
from .requests import Prompt, Requests
from .rows import Rows
from .run import JOBS, arun_job, check_call, run_job
from .scores import Key, Score, SweepResult, VoteResult

_QUIET = ViewOptions(quiet=True)
_LISTS = ("tools", "mcp")
"""Keywords that take a list themselves, and are no axes."""


def sweep(
    cases: Any,
    prompt: Prompt = None,
    *,
    samples: int = 1,
    score: Score | None = None,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    **keywords: Any,
) -> SweepResult:
    """Ask every case in several ways: ``glm.sweep(cases, "{question}", think=[False, "max"])``.

    A keyword of `ask` that is given as a list is an axis; each value of one goes with each of the
    others. As with `map`, each answer is on disk as it ends, and a call that did not reach its end
    goes on where it was.

    Parameters
    ----------
    cases : DataFrame or iterable
        As the rows of `map`.
    prompt : str or callable, optional
        As for `map`.
    samples : int, optional
        How often each case is asked in each way.
    score : callable, optional
        Takes a reply and its case (a dict, or the text), and returns a number, or whether it is
        right.
    jobs, budget, name, fresh, progress
        As for `map`.
    **keywords
        Keywords of `ask`, one value or a list of them; ``think`` is short for ``thinking``.

    Returns
    -------
    SweepResult
        ``frame`` has one row for each answer; ``summary()`` one for each lane; ``plot()`` shows the
        score against the cost.

    Raises
    ------
    GlmError
        Nothing could be asked, or no case was answered.
    """
    axes, fixed = _axes({SYNONYMS.get(key, key): value for key, value in keywords.items()})
    settings = [dict(zip(axes, lane, strict=True)) for lane in itertools.product(*axes.values())]
    options = [to_options(cast(AskKeywords, {**fixed, **lane})) for lane in settings]
    job = make_sweep(
        cases, prompt, settings, options, samples,
        jobs=jobs, budget=budget, name=name, fresh=fresh,
    )  # fmt: skip
    result = SweepResult(job, score)
    run_job(result, ViewOptions(quiet=not progress))
    return result


def _axes(keywords: Mapping[str, Any]) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    axes: dict[str, list[Any]] = {}
    fixed: dict[str, Any] = {}
    for name, value in keywords.items():
        if isinstance(value, list | tuple) and name not in _LISTS:
            if not value:
                raise InvalidValueError(
                    tr("the axis {name} has no values; nothing was sent", name=name),
                    hint=tr("give at least one, or leave it out"),
                )
            axes[name] = list(value)
        else:
            fixed[name] = value
    return axes, fixed


def make_sweep(
    cases: Any,
    prompt: Prompt,
    settings: Sequence[Mapping[str, Any]],
    options: Sequence[Options],
    samples: int,
    *,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
) -> Job:
    """Return the call over every case in every lane, ready to start.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever the cases are.
    """
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise InvalidValueError(
            tr("samples is how often each case is asked, not {value!r}", value=samples),
            hint=tr("give a number from 1"),
        )
    for option in options:
        check_call(jobs, option)
    read = Rows(cases)
    lanes = [Requests(read, prompt, option) for option in options]
    rows = SweepRows(read, settings, samples)
    requests = SweepRequests(lanes, samples)
    return Job(rows, requests, jobs=jobs, budget=budget, name=name, fresh=fresh)


class Vote:
    """One prompt that is to be asked several times; nothing is sent before it runs.

    Parameters
    ----------
    prompt : str or sequence of messages
        The question, or a whole conversation.
    options : Options
        What was set for it.
    samples : int
        How often it is asked.
    key : callable, optional
        Takes a reply, and returns what it is counted as.

    Raises
    ------
    RefusedError
        It cannot be asked.
    """

    def __init__(
        self, prompt: AskPrompt, options: Options, samples: int, key: Key | None = None
    ) -> None:
        asked = prompt if isinstance(prompt, str) else messages_of(prompt)
        job = make_sweep([""], lambda _: asked, [{}], [options], samples)
        self._result = VoteResult(job, key)

    def run(self) -> VoteResult:
        """Ask, and wait for all answers."""
        return run_job(self._result, _QUIET)

    async def arun(self) -> VoteResult:
        """Ask without blocking the event loop, and wait for all answers."""
        return await arun_job(self._result, _QUIET)
