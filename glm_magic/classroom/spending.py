"""What each student has spent, what a request may cost, and what a reply did cost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..catalogue.schema import Offer
from ..core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from ..core.price import Cost, Price
from ..core.spelled import body_tokens
from ..core.text import json_content
from ..core.usage import TokenEstimate, Usage
from ..dialects import DIALECTS
from ..wire.sse import BodyReader, Record

PICTURE_TOKENS = 8192
"""More than a picture costs in any model of the catalogue."""


class Ledger:
    """What each student has spent, in one file that survives a restart.

    Parameters
    ----------
    file : Path
        A SQLite database; it is made where there is none, readable by its owner alone.
    budget : Decimal
        What each student may spend, in the currency of the provider's prices.
    """

    def __init__(self, file: Path, budget: Decimal) -> None:
        self.budget = budget
        self._kept: dict[str, Decimal] = {}
        file.touch(0o600)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS spent (name TEXT PRIMARY KEY, amount TEXT NOT NULL)"
        )

    def spent_by(self, name: str) -> Decimal:
        """Return what a student has spent."""
        rows = self._database.execute("SELECT amount FROM spent WHERE name = ?", (name,))
        return sum((Decimal(amount) for (amount,) in rows), Decimal(0))

    def spent(self) -> dict[str, Decimal]:
        """Return what each student has spent who has asked anything."""
        rows = self._database.execute("SELECT name, amount FROM spent ORDER BY name")
        return {name: Decimal(amount) for name, amount in rows}

    def keep(self, name: str, amount: Decimal) -> bool:
        """Set an amount aside for a request; return False where that is more than is left."""
        kept = self._kept.get(name, Decimal(0)) + amount
        if self.spent_by(name) + kept > self.budget:
            return False
        self._kept[name] = kept
        return True

    def settle(self, name: str, kept: Decimal, cost: Decimal) -> None:
        """Put what a request did cost in the place of what was set aside for it."""
        self._kept[name] -= kept
        amount = str(self.spent_by(name) + cost)
        self._database.execute("INSERT OR REPLACE INTO spent VALUES (?, ?)", (name, amount))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class Meter:
    """Reads a reply as it passes, for what it costs."""

    def __init__(self, offer: Offer, price: Price, body: Mapping[str, Any]) -> None:
        self._reader = BodyReader()
        self._decoder = DIALECTS[offer.provider.dialect].decoder(offer, body)
        self._price = price
        self._estimate = TokenEstimate(body_tokens(body))
        self._reported: Usage | None = None
        self._reasoning: list[str] = []
        self._content: list[str] = []

    def feed(self, chunk: bytes) -> None:
        """Read what has come."""
        self._read(self._reader.feed(chunk))

    def cost(self) -> Cost | None:
        """Return what the reply costs: as reported, or else by the texts that have passed."""
        self._read(self._reader.finish())
        self._note(self._decoder.finish())
        texts = "".join(self._reasoning), "".join(self._content)
        return self._price.cost(self._reported) or self._price.cost(self._estimate.usage(*texts))

    def _read(self, records: Iterable[Record]) -> None:
        for record in records:
            self._note(self._decoder.feed(record))

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case UsageReport(usage):
                    self._reported = usage
                case ReasoningDelta(text):
                    self._reasoning.append(text)
                case ContentDelta(text) | ToolCallDelta(arguments=text):
                    self._content.append(text)


def highest_cost(price: Price, body: Mapping[str, Any]) -> Cost | None:
    """Return what a request can cost at most; ``None``: no price is known for one so long.

    A token of text has at least one byte.
    """
    pictures = 0
    messages = [dict(message) for message in body["messages"]]
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            message["content"] = [part for part in content if part["type"] != "image_url"]
            pictures += len(content) - len(message["content"])
    size = len(json_content({**body, "messages": messages})) + pictures * PICTURE_TOKENS
    return price.cost(Usage(size, body["max_tokens"]))
