"""What a saved output says about its turn, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...core.turn import Turn

SCHEMA = 1
"""Rises when a key changes its meaning."""


def metadata(turn: Turn) -> dict[str, Any]:
    """Return the facts of a turn as JSON values; ``None`` is unknown."""
    usage = turn.usage
    last = turn.steps[-1] if turn.steps else None
    return {
        "schema": SCHEMA,
        "model": turn.model,
        "resolved_model": last.resolved_model if last else None,
        "provider": turn.provider,
        "status": turn.status,
        "finish_reason": turn.finish_reason,
        "usage": asdict(usage) if usage else None,
        "estimate": asdict(turn.estimate) if turn.estimate else None,
        "cost": _cost(turn),
        "timing": asdict(turn.timing),
        "steps": len(turn.steps),
        "notices": [notice.code for notice in turn.notices],
    }


def _cost(turn: Turn) -> dict[str, Any] | None:
    cost = turn.cost
    if cost is None:
        return None
    # A decimal stays exact as a string; a JSON number would become a float.
    return {
        "amount": format(cost.amount, "f"),
        "currency": cost.currency,
        "estimated": cost.estimated,
    }
