"""The figures under each lane of a comparison, and how they differ from the first lane's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ...core.price import format_money
from ...core.turn import Turn
from ..facts import seconds
from .compare_words import CompareWords

_MINUS = "−"
N = TypeVar("N", int, float, Decimal)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over all lanes."""

    name: str
    texts: tuple[str, ...]
    differences: tuple[str, ...]
    """How each lane differs from the first; empty where it does not, or nobody knows."""


def rows(turns: Sequence[Turn], said: CompareWords) -> list[Row]:
    """Return the figures of lanes that have ended."""
    return [
        _times(said.first_thought, [turn.timing.first_reasoning_s for turn in turns], said),
        _times(said.thinking, [turn.timing.thinking_s for turn in turns], said),
        _times(said.total, [turn.timing.total_s for turn in turns], said),
        _tokens(turns, said),
        _costs(turns, said),
    ]


def _times(name: str, values: Sequence[float | None], said: CompareWords) -> Row:
    texts = [said.none if value is None else seconds(value) for value in values]
    return Row(name, tuple(texts), _differences(name, values, seconds))


def _tokens(turns: Sequence[Turn], said: CompareWords) -> Row:
    counts = [turn.usage.output if turn.usage else None for turn in turns]
    texts = []
    for turn, count in zip(turns, counts, strict=True):
        inner = turn.usage.reasoning if turn.usage else None
        guess = turn.estimate.output if turn.estimate else None
        apart = f" ({inner:,} {said.reasoning.lower()})" if inner else ""
        estimated = said.unknown if guess is None else f"≈{guess:,}"
        texts.append(estimated if count is None else f"{count:,}{apart}")
    return Row(said.tokens, tuple(texts), _differences(said.tokens, counts, _count))


def _costs(turns: Sequence[Turn], said: CompareWords) -> Row:
    costs = [turn.cost for turn in turns]
    texts = tuple(str(cost) if cost else said.unknown for cost in costs)
    currencies = {cost.currency for cost in costs if cost}
    if len(currencies) != 1:  # amounts of two currencies do not subtract
        return Row(said.cost, texts, ("",) * len(texts))
    (currency,) = currencies
    amounts = [cost.amount if cost else None for cost in costs]
    return Row(
        said.cost,
        texts,
        _differences(said.cost, amounts, lambda value: format_money(Decimal(value), currency)),
    )


def _differences(
    name: str, values: Sequence[N | None], text: Callable[[N], str]
) -> tuple[str, ...]:
    first = values[0]
    told = []
    for value in values:
        if value is None or first is None or text(value) == text(first):
            told.append("")
            continue
        sign = "+" if value > first else _MINUS
        told.append(f"{name} {sign}{text(abs(value - first))}")
    return tuple(told)


def _count(value: int) -> str:
    return f"{value:,}"
