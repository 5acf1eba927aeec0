"""``glm.sweep``: cases × lanes × samples, asked as one call over rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from ..catalogue.load import catalogue
from ..catalogue.lookup import find_model
from ..core.errors import InvalidValueError
from ..core.i18n import tr
from ..engine.checks import is_count
from ..engine.keywords import AskKeywords, messages_of, to_options
from ..engine.keywords import Prompt as AskPrompt
from ..engine.options import Options
from ..views.options import ViewOptions
from .batch.submit import check_mode, make_batch, requests_of, sent
from .dask_errors import Keys
from .grid import SYNONYMS, SweepRequests, SweepRows
from .job import Job
from .live import JOBS, arun_job, check_call, live_job, needs_key, run_job
from .requests import Prompt, Requests
from .rows import Rows
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
    mode: str = "live",
    on: Any = None,
    keys: Keys = "worker",
    **keywords: Any,
) -> Any:
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
    jobs, budget, name, fresh, progress, on, keys
        As for `map`.
    mode : str, optional
        ``"batch"`` sends all of it as batches, as `map` does; those of several models are several.
    **keywords
        Keywords of `ask`, one value or a list of them; ``think`` is short for ``thinking``. A
        model written as ``provider/model``, or a provider's name alone, is asked at that provider.

    Returns
    -------
    SweepResult or Batch
        ``frame`` has one row for each answer; ``summary()`` one for each lane; ``plot()`` shows the
        score against the cost. The ``wait()`` of a `Batch` returns it.

    Raises
    ------
    GlmError
        Nothing could be asked, or no case was answered.
    """
    axes, fixed = _axes({SYNONYMS.get(key, key): value for key, value in keywords.items()})
    settings = [dict(zip(axes, lane, strict=True)) for lane in itertools.product(*axes.values())]
    options = [_options(lane, fixed) for lane in settings]
    if mode != "live":
        check_mode(mode, on)
        parts = sweep_parts(cases, prompt, settings, options, samples, requests_of(mode))
        batch = make_batch(
            *parts, mode=mode, budget=budget, name=name, fresh=fresh,
            make_result=lambda job: SweepResult(job, score),
        )  # fmt: skip
        return sent(batch, quiet=not progress)
    job = make_sweep(
        cases, prompt, settings, options, samples,
        jobs=jobs, budget=budget, name=name, fresh=fresh, on=on, keys=keys,
    )  # fmt: skip
    result = SweepResult(job, score)
    run_job(result, ViewOptions(quiet=not progress))
    return result


def _options(lane: Mapping[str, Any], fixed: Mapping[str, Any]) -> Options:
    """Return the options of a lane; its ``provider/model``, or a provider alone, is asked there."""
    lane, models = dict(lane), catalogue()
    name = str(lane.get("model"))
    if name in models.providers and find_model(models, name) is None:
        lane["provider"] = lane.pop("model")
    own, common = (to_options(cast(AskKeywords, dict(part))) for part in (lane, fixed))
    return Options.layered(models, own, common)


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
    on: Any = None,
    keys: Keys = "worker",
) -> Job:
    """Return the call over every case in every lane, ready to start.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever the cases are.
    """
    for option in options:
        check_call(jobs, option, on, keys)
    kind = partial(Requests, needs_key=needs_key(on, keys))
    parts = sweep_parts(cases, prompt, settings, options, samples, kind)
    return live_job(*parts, on, keys, jobs=jobs, budget=budget, name=name, fresh=fresh)


def sweep_parts(  # noqa: PLR0917 - those of make_sweep, and what makes requests
    cases: Any,
    prompt: Prompt,
    settings: Sequence[Mapping[str, Any]],
    options: Sequence[Options],
    samples: int,
    kind: Callable[[Rows, Prompt, Options], Requests],
) -> tuple[SweepRows, SweepRequests]:
    """Return every case in every lane, and what makes their requests.

    Raises
    ------
    RefusedError
        Nothing can be asked, whatever the cases are.
    """
    if not is_count(samples):
        raise InvalidValueError(
            tr("samples is how often each case is asked, not {value!r}", value=samples),
            hint=tr("give a number from 1"),
        )
    read = Rows(cases)
    lanes = [kind(read, prompt, option) for option in options]
    return SweepRows(read, settings, samples), SweepRequests(lanes, samples)


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
