"""What a sweep returns: a tidy frame with scores, a summary of the lanes, a plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, cast

from ..core.errors import InvalidValueError, UnavailableError
from ..core.i18n import tr
from ..core.price import CostTotal
from ..core.progress import Ballot
from ..core.turn import Turn
from ..engine.reply import rows_to_frame
from .grid import SweepRows
from .job import Job
from .results import FIGURES, MapResult, RowReply
from .votes import ballots_of, value_of

Score = Callable[[RowReply, Any], Any]
"""Takes a reply and its case; returns a number, or whether it is right."""
Key = Callable[[RowReply], Any]
"""Takes a reply, and returns what it is counted as."""
MAX_VOTES = 12
"""Answers in the table of a single lane."""
_Z = 1.959964
"""Half of the width of a 95 % interval, in standard deviations."""


class SweepResult(MapResult):
    """The answers of a sweep, with their scores.

    Parameters
    ----------
    job : Job
        The call, at its end.
    score : callable, optional
        Takes a reply and its case.
    key : callable, optional
        Takes a reply, and returns what it is counted as.
    """

    def __init__(self, job: Job, score: Score | None = None, key: Key | None = None) -> None:
        super().__init__(job)
        self._score, self._key = score, key
        self._scores: dict[int, tuple[Any, str | None]] = {}
        self._ballots: Sequence[Ballot] | None = None
        """The distinct answers, once the call has ended and they were counted."""

    @property
    def rows(self) -> SweepRows:
        """Cases, lanes and samples."""
        return cast(SweepRows, self.job.rows)

    def records(self) -> list[dict[str, Any]]:
        """Return one dict for each answer: case, lane, the axes, sample, answer, score, figures."""
        records = []
        for number, turn in self._turns(range(len(self))):
            case, lane, sample = self.rows.place(number)
            figures = dict(zip(FIGURES, self._figures(number, turn), strict=True))
            score, problem = self._scored(number, turn)
            record = {
                "case": self.rows.cases[case] if self.rows.kind == "texts" else case,
                "lane": self.rows.label(lane),
                **self.rows.lanes[lane],
                "sample": sample,
                "answer": self._answer(turn),
                "score": score,
                **figures,
            }
            if problem is not None:
                record["error"] = problem
            records.append(record)
        return records

    @property
    def frame(self) -> Any:
        """A pandas frame with one row for each answer.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        if self._frame is None:
            self._frame = rows_to_frame(self.records())
        return self._frame

    def _scored(self, number: int, turn: Turn | None) -> tuple[Any, str | None]:
        if self._score is None or turn is None:
            return None, None
        if number not in self._scores:
            reply = self.reply(number, turn)
            try:
                self._scores[number] = (float(self._score(reply, reply.record)), None)
            except Exception as error:  # the user's function
                text = f"score: {type(error).__name__}: {error}"[:200]
                self._scores[number] = (None, text)
        return self._scores[number]

    @property
    def vote(self) -> dict[Any, int]:
        """How often each distinct answer was given, the most frequent first.

        Numbers and JSON are equal by value, texts but for spaces, capitals and the stop at the
        end; a `key` that was given decides instead, and is what stands here.
        """
        return {ballot.answer: ballot.count for ballot in self.ballots()}

    def ballots(self) -> Sequence[Ballot]:
        """Return the distinct answers with what they cost and the reasoning that led to each."""
        if self._ballots is not None:
            return self._ballots
        is_whole = self.job.done
        ballots = ballots_of(
            (number, *self._counted(number, turn), turn)
            for number, turn in self._turns(range(len(self)))
            if turn is not None
        )
        self._ballots = ballots if is_whole else None
        return ballots

    def histogram(self) -> Sequence[Ballot]:
        """Return the distinct answers, where there is a single lane without a score; else none."""
        return self.ballots() if self._is_vote else ()

    @property
    def _is_vote(self) -> bool:
        return self._score is None and len(self.rows.lanes) == 1

    def _counted(self, number: int, turn: Turn) -> tuple[Any, Any]:
        """Return what an answer is counted as, and what stands for that."""
        if self._key is None:
            return value_of(turn.answer), turn.answer.strip()
        try:
            counted = self._key(self.reply(number, turn))
            hash(counted)
        except Exception as error:  # the user's function
            counted = f"key: {type(error).__name__}: {error}"[:200]
        return counted, counted

    def lane_records(self) -> list[dict[str, Any]]:
        """Return one dict for each lane, as `summary` has them."""
        lanes: dict[str, list[dict[str, Any]]] = {}
        for record in self.records():
            lanes.setdefault(record["lane"], []).append(record)
        return [_summed(lane, records) for lane, records in lanes.items()]

    def summary(self) -> Any:
        """Return a pandas frame with one row for each lane.

        ``score`` is the mean, ``low`` and ``high`` its 95 % interval: Wilson's where every score is
        0 or 1, else from the standard error. Samples of one case count as independent.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        return rows_to_frame(self.lane_records())

    def plot(self, axes: Any = None) -> Any:
        """Draw the score of each lane against what an answer costs, with 95 % intervals.

        Returns
        -------
        matplotlib.axes.Axes
            Where it is drawn. Without prices, the output tokens stand in for the cost.

        Raises
        ------
        UnavailableError
            matplotlib is not installed.
        InvalidValueError
            There is no score.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise UnavailableError(
                tr("a plot needs matplotlib, which is not installed"),
                hint=tr("pip install matplotlib"),
            ) from None
        lanes = [lane for lane in self.lane_records() if lane["score"] is not None]
        if not lanes:
            raise InvalidValueError(
                tr("there is no score to plot"), hint=tr("give glm.sweep a function as score")
            )
        currencies = {lane["currency"] for lane in lanes}
        in_money = len(currencies) == 1 and None not in currencies
        across = "cost" if in_money else "output"
        drawn = axes if axes is not None else plt.subplots()[1]
        for lane in lanes:
            low, high = lane["score"] - lane["low"], lane["high"] - lane["score"]
            drawn.errorbar(
                lane[across], lane["score"], yerr=[[max(0, low)], [max(0, high)]], fmt="o",
                capsize=3, label=lane["lane"],
            )  # fmt: skip
        drawn.set_xlabel(f"cost of an answer ({currencies.pop()})" if in_money else "tokens out")
        drawn.set_ylabel("score, 95 % interval")
        drawn.legend()
        return drawn

    def head(self, count: int = 0) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Return names and values of the table in the saved output.

        It has a row for each lane; for a single one without a score, a row for each answer.
        """
        if self._is_vote:
            ballots = self.ballots()[: count or MAX_VOTES]
            rows = [[b.answer, b.count, b.share, _amount(b.cost)] for b in ballots]
            return ["answer", "count", "share", "cost"], rows
        records = self.lane_records()
        names = list(records[0]) if records else ["lane"]
        return names, [[record[name] for name in names] for record in records]


class VoteResult(SweepResult):
    """The answers to one prompt that was asked several times, counted.

    ``vote`` maps each distinct answer to its count. ``answer``, ``reasoning`` and ``value`` are
    those of the first reply with the most frequent answer, ``usage`` and ``cost`` those of all.

    Parameters
    ----------
    job : Job
        The call, at its end.
    key : callable, optional
        Takes a reply, and returns what it is counted as.
    """

    def __init__(self, job: Job, key: Key | None = None) -> None:
        super().__init__(job, key=key)

    @property
    def winner(self) -> RowReply:
        """The first reply with the most frequent answer; one without an answer if there is none."""
        ballots = self.ballots()
        return self[ballots[0].thoughts[0][0] if ballots else 0]

    @property
    def answer(self) -> str:
        """The winner's answer."""
        return self.winner.answer

    @property
    def reasoning(self) -> str:
        """The winner's reasoning."""
        return self.winner.reasoning

    @property
    def value(self) -> Any:
        """The object in the winner's answer under a schema; ``None`` without one."""
        return self.winner.value

    def __str__(self) -> str:
        return self.answer


def _amount(cost: CostTotal) -> str | None:
    return str(cost) if cost.amounts else None


def _summed(lane: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    answered = [record for record in records if record["status"] not in ("failed", "left")]
    scores = [record["score"] for record in answered if record["score"] is not None]
    low, high = interval(scores) if scores else (None, None)
    currencies = {record["currency"] for record in answered}
    return {
        "lane": lane,
        "answers": len(answered),
        "score": fmean(scores) if scores else None,
        "low": low,
        "high": high,
        "input": _mean(answered, "input"),
        "output": _mean(answered, "output"),
        "cost": _mean(answered, "cost") if len(currencies) == 1 else None,
        "currency": next(iter(currencies)) if len(currencies) == 1 else None,
        "seconds": _mean(answered, "seconds"),
        "failed": len(records) - len(answered),
    }


def _mean(records: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [record[name] for record in records if record[name] is not None]
    return fmean(values) if values else None


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a mean; Wilson's where all scores are 0 or 1."""
    count, mean = len(scores), fmean(scores)
    if not set(scores) <= {0.0, 1.0}:
        half = _Z * stdev(scores) / math.sqrt(count) if count > 1 else 0.0
        return mean - half, mean + half
    scale = 1 + _Z**2 / count
    middle = (mean + _Z**2 / (2 * count)) / scale
    half = _Z / scale * math.sqrt(mean * (1 - mean) / count + _Z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
