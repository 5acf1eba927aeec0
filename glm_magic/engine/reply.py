"""What a caller gets back: a finished turn, the request that was sent, and the events.

`TurnProperties` are what everything that holds a turn has in common. Turns and rows become pandas
DataFrames, where pandas is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.errors import UnavailableError
from ..core.events import TimedEvent
from ..core.i18n import tr
from ..core.messages import ToolCall, WebLink
from ..core.price import Cost
from ..core.turn import Status, Step, Timing, Turn
from ..core.usage import Usage
from .token_figures import COLUMNS, token_rows


class TurnProperties:
    """The properties of the turn that an object holds."""

    @property
    def turn(self) -> Turn:
        """The turn, as it stands now or as it ended."""
        raise NotImplementedError

    @property
    def answer(self) -> str:
        """The answer's text, exactly as it arrived so far."""
        return self.turn.answer

    @property
    def reasoning(self) -> str:
        """The reasoning's text so far; empty when there is none."""
        return self.turn.reasoning

    @property
    def usage(self) -> Usage | None:
        """Tokens, as reported; ``None`` when the provider reported nothing."""
        return self.turn.usage

    @property
    def cost(self) -> Cost | None:
        """Amount and currency; ``None`` where no price or usage is known."""
        return self.turn.cost

    @property
    def finish_reason(self) -> str | None:
        """The provider's own word (``stop``, ``length``, …), or ``None``."""
        return self.turn.finish_reason

    @property
    def status(self) -> Status:
        """``streaming``, ``complete``, ``incomplete``, ``interrupted`` or ``failed``."""
        return self.turn.status

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return self.turn.model

    @property
    def provider(self) -> str:
        """The provider that was asked."""
        return self.turn.provider

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The functions that the model asks to have called."""
        return self.turn.tool_calls

    @property
    def links(self) -> tuple[WebLink, ...]:
        """The pages that the provider's web search returned."""
        return self.turn.links

    @property
    def steps(self) -> tuple[Step, ...]:
        """One step for each request that the turn took."""
        return self.turn.steps

    @property
    def tokens(self) -> Any:
        """A pandas DataFrame of the tokens and how probable each was, asked for by ``logprobs``.

        Columns: ``text``; ``part``, reasoning or answer; ``logprob``, the natural logarithm of its
        probability; ``entropy``, in bits, among the likeliest tokens in its place;
        ``alternatives``, these with their logarithms. The texts of a part, joined, are that part;
        what the server reported nothing about has no figures. Without any there are no rows.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        return rows_to_frame(token_rows(self.steps), COLUMNS)

    @property
    def timing(self) -> Timing:
        """When things happened, in seconds since the request was sent."""
        return self.turn.timing


class Reply(TurnProperties):
    """A finished reply.

    Parameters
    ----------
    turn : Turn
        The turn that ended.
    request : Mapping
        The body that was sent; it never holds a key.
    events : sequence of TimedEvent
        What arrived, and when.
    value : optional
        The object in the answer, read by a schema.
    """

    def __init__(
        self,
        turn: Turn,
        request: Mapping[str, Any],
        events: Sequence[TimedEvent],
        value: Any = None,
    ) -> None:
        self._turn = turn
        self._request = request
        self._events = list(events)
        self._value = value

    @property
    def turn(self) -> Turn:
        """The turn that ended."""
        return self._turn

    @property
    def request(self) -> Mapping[str, Any]:
        """The body that was sent; it never holds a key."""
        return self._request

    @property
    def events(self) -> list[TimedEvent]:
        """What arrived, and when."""
        return self._events

    @property
    def value(self) -> Any:
        """The object in the answer under a schema; ``None`` without one."""
        return self._value

    def result(self, timeout_s: float | None = None) -> Reply:  # noqa: ARG002
        """Return this reply: it has ended, unlike one with ``--bg`` that has the same method."""
        return self

    @property
    def lanes(self) -> tuple[Reply, ...]:
        """The replies of a comparison, one for each lane; empty for a single reply."""
        return ()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: the value's records, or the reply itself as one row.

        The value has records where it is a list of them, or holds a single list, of records.

        Raises
        ------
        UnavailableError
            pandas is not installed.
        """
        from ..tools.results import records_of

        records = records_of(self.value) if self.value is not None else None
        return turns_to_frame([self.turn]) if records is None else rows_to_frame(records)

    def __str__(self) -> str:
        return self.answer

    def __repr__(self) -> str:
        text = self.answer.strip()
        text = text if len(text) <= 60 else text[:59] + "…"
        return f"<Reply {self.status} from {self.model} at {self.provider}: {text!r}>"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        from ..views.options import ViewOptions
        from ..views.saved.page import bundle

        return bundle(self.turn, ViewOptions(format=None if self.value is None else "json"))


def rows_to_frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Any:
    """Return rows as a DataFrame; by default it has the columns that the rows have.

    Raises
    ------
    UnavailableError
        pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UnavailableError(
            tr("a DataFrame needs pandas, which is not installed"), hint=tr("pip install pandas")
        ) from None
    return pd.DataFrame(list(rows), columns=columns)


def turns_to_frame(turns: Iterable[Turn]) -> Any:
    """Return turns as a DataFrame, one row each.

    Raises
    ------
    UnavailableError
        pandas is not installed.
    """
    return rows_to_frame(_row(turn) for turn in turns)


def _row(turn: Turn) -> dict[str, Any]:
    usage, cost = turn.usage or Usage(), turn.cost
    return {
        "prompt": turn.prompt,
        "answer": turn.answer,
        "reasoning": turn.reasoning,
        "status": turn.status,
        "model": turn.model,
        "provider": turn.provider,
        "input": usage.input,
        "output": usage.output,
        "reasoning_tokens": usage.reasoning,
        "cached": usage.cached,
        "cost": cost.amount if cost else None,
        "currency": cost.currency if cost else None,
        "estimated": turn.estimate is not None or bool(cost and cost.estimated),
        "thinking_s": turn.timing.thinking_s,
        "total_s": turn.timing.total_s,
    }
