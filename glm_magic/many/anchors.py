"""``glm.anchors``: which sentences of a thought its answer hangs on.

Before each sentence the thought is cut and goes on by itself, so many times; and once more after
the last one. How far the answers move between a cut before a sentence and the one behind it is the
sentence's weight (as the resampling of "Thought Anchors", arXiv 2506.19143, without its judge of
what is similar).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import tr
from ..core.messages import Message
from ..core.turn import CONTINUING, Given, Turn
from ..engine.checks import is_count
from ..engine.keywords import AskKeywords, messages_of, to_options, with_ask_keywords
from ..engine.options import Options
from ..engine.prepare import prepare
from ..engine.prepared import PreparedRequest, check_alone
from ..engine.reply import Reply, TurnProperties, rows_to_frame
from ..session.rethink import thought_of
from ..views.options import ViewOptions
from ..views.strip import Weight, show_strip
from .grid import SweepRequests, SweepRows
from .job import Job
from .live import JOBS, check_call, live_job, run_job
from .requests import Requests
from .results import MapResult, RowReply
from .rows import Rows
from .votes import value_of

Key = Callable[[RowReply], Any]
"""Takes a reply, and returns what its answer is counted as."""

SAMPLES = 4
HEAVIEST = 3
"""Sentences in the table of the saved output; the strip below it has them all."""
_NOT_ASKED = (
    *("model", "messages", "input", "parameters", "stream", "stream_options", "incremental_output"),
    *("result_format", "continue_final_message", "add_generation_prompt"),
)
"""Body keys that are made anew for each request."""
_BOUNDS = ("max_tokens", "stop")
"""Those that bounded the first request of a thought which took several."""


@with_ask_keywords
def anchors(
    reply: TurnProperties,
    n: int = SAMPLES,
    *,
    key: Key | None = None,
    jobs: int = JOBS,
    budget: str | None = None,
    name: str | None = None,
    fresh: bool = False,
    progress: bool = True,
    **keywords: Unpack[AskKeywords],
) -> Any:
    """Weigh each sentence of a reply's reasoning by how far the answers move without it.

    The thought is cut before each sentence, and behind the last one, and goes on by itself `n`
    times. The estimate is shown before the first request; as with `map`, each answer is on disk as
    it ends, and a call that did not reach its end goes on where it was.

    Parameters
    ----------
    reply : Reply
        What was answered, with its reasoning; ``_glm`` for example.
    n : int, optional
        How often the thought goes on from each cut; 4 by default.
    key : callable, optional
        Takes a reply, and returns what its answer is counted as; by default as for the samples of
        `ask`.
    jobs, budget, name, fresh, progress
        As for `map`.
    **keywords
        As for `ask`; model, provider and parameters are those of the reply, its address is not.

    Returns
    -------
    DataFrame
        One row for each sentence: ``sentence``; ``weight``, from 0 (the answers stay the same) to 1
        (all of them are others); ``answers``, how often each was given where the thought was cut
        before the sentence. ``attrs["errors"]`` and ``attrs["left"]`` say why some samples are
        missing, as those of a `MapResult` do.

    Raises
    ------
    GlmError
        It has no reasoning, its model does not go on inside a thought, or nothing was answered.
    """
    rows_to_frame([])  # without pandas, nothing is asked
    thought = Thought(reply, to_options(keywords))
    if not is_count(n):
        raise InvalidValueError(
            tr("n is how often the thought goes on from each cut, not {value!r}", value=n),
            hint=tr("give a number from 1"),
        )
    check_call(jobs, thought.options, None, "worker")
    cuts = Rows(thought.cuts)
    rows = SweepRows(cuts, [{}], n)
    requests = SweepRequests([ThoughtRequests(cuts, thought)], n)
    job = live_job(rows, requests, None, "worker", jobs=jobs, budget=budget, name=name, fresh=fresh)
    shown = ViewOptions(quiet=not progress)
    result = AnchorsResult(job, thought.sentences, key or _answer)
    run_job(result, shown)
    weights = result.weights()
    show_strip(weights, shown)
    frame = rows_to_frame(
        {"sentence": w.sentence, "weight": w.weight, "answers": dict(w.answers)} for w in weights
    )
    frame.attrs.update(errors=result.errors, left=result.left)
    return frame


def _answer(reply: Reply) -> str:
    return value_of(reply.answer)


class AnchorsResult(MapResult):
    """The replies from every cut of a thought.

    Parameters
    ----------
    job : Job
        The call.
    thought : sequence of str
        The sentences of the thought.
    key : callable
        Takes a reply, and returns what its answer is counted as.
    """

    def __init__(self, job: Job, thought: Sequence[str], key: Key) -> None:
        super().__init__(job)
        self._thought, self._key = thought, key

    def weights(self) -> list[Weight]:
        """Return each sentence with its weight."""
        samples = len(self) // (len(self._thought) + 1)
        counts: list[Counter[Any]] = [Counter() for _ in range(len(self._thought) + 1)]
        for reply in self:
            if reply.status in ("complete", "incomplete") and reply.answer.strip():
                counts[reply.row // samples][self._key(reply)] += 1
        return weights_of(self._thought, counts)

    def head(self, count: int = HEAVIEST) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Return the heaviest sentences, for the table in the saved output."""
        weighed = [weight for weight in self.weights() if weight.weight is not None]
        weighed.sort(key=lambda weight: -(weight.weight or 0.0))
        return ["", "sentence", "weight"], [
            [w.number, w.sentence, w.weight] for w in weighed[:count]
        ]


class Thought:
    """The thought of a reply, and how it is gone on with.

    Parameters
    ----------
    reply : TurnProperties
        What was answered.
    options : Options
        What the caller set.

    Raises
    ------
    InvalidValueError
        It has no reasoning, or has not ended.
    UnsupportedError
        It called functions or filled a schema.
    """

    def __init__(self, reply: TurnProperties, options: Options) -> None:
        turn, body = reply.turn, _body_of(reply)
        _check(turn, body)
        self.messages = _messages(body)
        thought = thought_of(turn)
        self.sentences = [sentence.text for sentence in thought]
        self.cuts = [turn.reasoning[: sentence.start].rstrip() for sentence in thought]
        self.cuts.append(turn.reasoning.rstrip())
        """The beginnings of the thought: before each sentence, and the whole of it."""
        below = Options(
            model=turn.model, provider=turn.provider, parameters=_parameters(body, turn)
        )
        self.options = replace(options.over(below), prefill=self.cuts[-1])


def _body_of(reply: TurnProperties) -> Mapping[str, Any]:
    body = getattr(reply, "request", None)
    if reply.turn.status == "streaming" or not isinstance(body, Mapping):
        raise InvalidValueError(
            tr("anchors takes a reply that has ended"), hint=tr("such as _glm, or what ask returns")
        )
    return body


def _check(turn: Turn, body: Mapping[str, Any]) -> None:
    if not turn.reasoning.strip():
        raise InvalidValueError(
            tr("this reply has no reasoning to weigh"),
            hint=tr("ask with --think, at a model that shows its reasoning"),
        )
    options = body.get("parameters", body)
    if any(step.tool_calls for step in turn.steps) or options.get("tools"):
        raise UnsupportedError(
            tr("a thought with function calls in it cannot be weighed"),
            hint=tr("ask without functions"),
            provider=turn.provider,
        )


def _messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    messages = list(body.get("input", body)["messages"])
    if messages[-1].get("role") == "assistant":  # its own thought was begun
        messages.pop()
    return messages_of(messages)


def _parameters(body: Mapping[str, Any], turn: Turn) -> dict[str, Any]:
    took_several = any(step.cause in CONTINUING for step in turn.steps)
    left_out = (*_NOT_ASKED, *(_BOUNDS if took_several else ()))
    return {name: value for name, value in body.items() if name not in left_out}


class ThoughtRequests(Requests):
    """Makes the requests that go on with a thought from its cuts.

    Parameters
    ----------
    cuts : Rows
        The beginnings of the thought.
    thought : Thought
        The thought.
    """

    def __init__(self, cuts: Rows, thought: Thought) -> None:
        super().__init__(cuts, lambda _: thought.messages, thought.options)
        self._thought = thought

    @property
    def written(self) -> str:
        """The prompt of the reply."""
        return self._thought.messages[-1].content

    @property
    def template(self) -> str:
        """A digest of the thought, and of how it is gone on with."""
        parts = [super().template, str(self._thought.messages), *self._thought.cuts[-1:]]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def of(self, number: int, row: Any) -> PreparedRequest:  # noqa: ARG002 - each cut is a row
        """Return the request that goes on from a cut; without a beginning, it is the plain one."""
        given = Given(kept=len(row))
        options = replace(self.options, prefill=row or None, given=given if row else None)
        call = check_alone(prepare(self._thought.messages, options, catalogue=self._models))
        return replace(call, notices=())


def weights_of(thought: Sequence[str], counts: Sequence[Mapping[Any, int]]) -> list[Weight]:
    """Return each sentence with its weight: half the sum by which the shares of answers differ.

    Parameters
    ----------
    thought : sequence of str
        The sentences.
    counts : sequence of mapping
        The answers where the thought was cut before each, and at its end; one more than there are
        sentences.
    """
    return [
        Weight(number, text, _distance(before, behind), tuple(before.items()))
        for number, (text, before, behind) in enumerate(
            zip(thought, counts[:-1], counts[1:], strict=True), 1
        )
    ]


def _distance(one: Mapping[Any, int], other: Mapping[Any, int]) -> float | None:
    """Return how far two distributions are apart, from 0 to 1; ``None`` where one is empty."""
    sums = sum(one.values()), sum(other.values())
    if not all(sums):
        return None
    shares = (abs(one.get(k, 0) / sums[0] - other.get(k, 0) / sums[1]) for k in {*one, *other})
    return sum(shares) / 2
