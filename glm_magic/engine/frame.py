"""Turns and calls as pandas DataFrames, where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import UnavailableError
from ..core.turn import Turn
from ..core.usage import Usage


def frame(rows: Iterable[Mapping[str, Any]]) -> Any:
    """Return rows as a DataFrame.

    Raises
    ------
    UnavailableError
        pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise UnavailableError(
            "a DataFrame needs pandas, which is not installed", hint="pip install pandas"
        ) from None
    return pd.DataFrame(list(rows))


def turns_frame(turns: Iterable[Turn]) -> Any:
    """Return turns as a DataFrame, one row each."""
    return frame(_row(turn) for turn in turns)


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
        "thinking_s": turn.timing.thinking_s,
        "total_s": turn.timing.total_s,
    }
