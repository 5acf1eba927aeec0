"""Turns for the tests of the views, and a stream that grows one."""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from glm_magic.core.price import Cost
from glm_magic.core.tokens import Alternative, Part, Token, figures_of
from glm_magic.core.turn import Notice, Step, Timing, Turn
from glm_magic.core.usage import Usage

REASONING = r"""The user asks for the mean of $n$ waiting times. Let me set up the model first.

Arrivals are independent, so the gaps are exponential with rate $\lambda$. The density is
$f(t) = \lambda e^{-\lambda t}$ and the mean follows by parts:

$$\int_0^\infty t\,\lambda e^{-\lambda t}\,dt = \frac{1}{\lambda}.$$

**Check** with $\lambda = 2$: the mean is $0.5$, which `random.expovariate` should confirm.

- 100 draws: 0.4713
- 10 000 draws: 0.4981
- exact: $1/2$ ✓

It would cost $5 or $10 to run this at scale, but nobody asked for that. A short table and a
snippet will do; one displayed formula is enough. 也要注意单位:秒。
"""

ANSWER = r"""## Mean waiting time

The gaps between arrivals are **exponential**, so the mean is one over the rate:

$$\mathbb{E}[T] = \int_0^\infty t\,\lambda e^{-\lambda t}\,dt = \frac{1}{\lambda}$$

A simulation agrees:

```python
import random

def mean_wait(rate: float, n: int = 10_000) -> float:
    # the average of n exponential gaps
    return sum(random.expovariate(rate) for _ in range(n)) / n

print(mean_wait(2.0))
```

| rate $\lambda$ | exact | simulated | error |
|---:|---:|---:|---:|
| 0.5 | 2.000 | 1.983 | 0.9 % |
| 2.0 | 0.500 | 0.498 | 0.4 % |
| 8.0 | 0.125 | 0.126 | 0.8 % |

Two things to keep in mind:

1. The error falls like $1/\sqrt{n}$, so four times the draws halve it.
2. The gaps have *no memory*: having waited does not shorten the wait.

> Use the closed form where there is one, and the simulation to check it.
"""


def turn_of(answer: str = ANSWER, reasoning: str = REASONING, **fields: object) -> Turn:
    """Return a finished turn with every figure known; `fields` replace those of the turn."""
    step = Step(
        reasoning=reasoning,
        content=answer,
        usage=Usage(input=42, output=1284, cached=None, reasoning=811),
        cost=Cost(Decimal("0.0031"), "CNY"),
        finish_reason="stop",
        response_id="r-1",
        resolved_model="glm-4.6-0825",
        timing=Timing(
            started_at=1_760_000_000.0,
            first_byte_s=0.31,
            first_reasoning_s=0.31,
            first_answer_s=4.2,
            thinking_s=4.2,
            total_s=7.17,
        ),
    )
    turn = Turn(
        prompt="mean waiting time?",
        provider="bigmodel",
        model="glm-4.6",
        steps=(step,),
        status="complete",
    )
    return replace(turn, **fields)  # type: ignore[arg-type]


_SURE = (-0.01, -5.0, -6.0, -7.0)
_DOUBTFUL = ((-0.15, -2.2, -5.0, -6.0), (-0.4, -1.3, -4.0, -5.0), (-0.7, -1.4, -2.0, -2.5))


def doubted(turn: Turn, seed: int = 0, others: tuple[str, ...] = (" or", "\n", "5 < 6")) -> Turn:
    """Return a turn of one step whose tokens have figures, about one in four of them doubtful."""
    chance = random.Random(seed)
    step = turn.steps[0]
    texts: dict[Part, str] = {"reasoning": step.reasoning, "answer": step.content}
    tokens = []
    for part, text in texts.items():
        for piece in re.findall(r" ?\w{1,6}|\W", text):
            odds = chance.choice(_DOUBTFUL) if chance.random() < 0.25 else _SURE
            top = tuple(map(Alternative, (piece, *others), odds))
            tokens.append(Token(part, piece, odds[0], top))
    figures = figures_of(tokens, **texts)
    fields = {f"{part}_figures": of for part, of in figures.items()}
    return replace(turn, steps=(replace(step, **fields),))


class ScriptedStream:
    """A reply that arrives at a steady rate, as real turns that grow.

    Parameters
    ----------
    final : Turn
        How it ends.
    rate : float
        Characters per second.
    hold_s : float
        Seconds between its last character and its end.
    """

    def __init__(self, final: Turn, rate: float = 2000.0, hold_s: float = 0.0) -> None:
        self._final = final
        self._rate = rate
        self.hold_s = hold_s
        self._began = time.monotonic()
        self._cancelled_at: float | None = None
        self._cancelled = threading.Event()
        self.cancelled_by: str | None = None

    def _now(self) -> float:
        return (self._cancelled_at or time.monotonic()) - self._began

    @property
    def _length(self) -> int:
        return len(self._final.reasoning) + len(self._final.answer)

    @property
    def done(self) -> bool:
        whole_s = self._length / self._rate + self.hold_s
        return self._cancelled.is_set() or self._now() >= whole_s

    @property
    def turn(self) -> Turn:
        """The turn as far as it has arrived."""
        now_s = self._now()
        if self.done and not self._cancelled.is_set():
            return self._final
        return self._partial(now_s)

    def _partial(self, now_s: float) -> Turn:
        arrived = int(now_s * self._rate)
        reasoning = self._final.reasoning[:arrived]
        thought_s = len(self._final.reasoning) / self._rate
        answer = self._final.answer[: max(0, arrived - len(self._final.reasoning))]
        timing = Timing(
            first_byte_s=0.01,
            first_answer_s=thought_s if answer else None,
            thinking_s=min(now_s, thought_s),
            total_s=now_s,
        )
        status = "interrupted" if self._cancelled.is_set() else "streaming"
        step = Step(reasoning=reasoning, content=answer, timing=timing)
        return replace(self._final, steps=(step,), status=status, error=None)

    def wait(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not self.done and time.monotonic() < deadline:
            self._cancelled.wait(0.01)
        return self.done

    @property
    def can_answer_now(self) -> bool:
        return False

    def answer_now(self) -> bool:
        return False

    def cancel(self) -> None:
        if not self.done:
            self._cancelled_at = time.monotonic()
            self.cancelled_by = threading.current_thread().name
            self._cancelled.set()


def cut(text: str, sizes: list[int]) -> list[str]:
    """Return the prefixes of `text` that pieces of these sizes, repeated, make."""
    ends = [0]
    while ends[-1] < len(text):
        ends.append(min(len(text), ends[-1] + sizes[len(ends) % len(sizes)]))
    return [text[:end] for _, end in pairwise(ends)]


NOTICE = Notice("retry", "The service was busy; the request was sent again after 2 s.")
