"""Token counts: as a provider reported them, and estimates made before it has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, or a sum over replies.

    Buckets are inclusive: `cached` is part of `input`, `reasoning` is part of `output`. ``None``
    means that the provider did not report the figure; zero means it reported zero.
    """

    input: int | None = None
    """Prompt tokens, cached ones included."""
    output: int | None = None
    """Generated tokens, reasoning included."""
    cached: int | None = None
    """Prompt tokens that the provider read from its context cache."""
    reasoning: int | None = None
    """Generated tokens that were reasoning."""

    @property
    def total(self) -> int | None:
        """`input` plus `output`, or ``None`` where either is unknown."""
        if self.input is None or self.output is None:
            return None
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        """Add two replies' usage; a figure that neither reported stays ``None``."""
        return Usage(
            _plus(self.input, other.input),
            _plus(self.output, other.output),
            _plus(self.cached, other.cached),
            _plus(self.reasoning, other.reasoning),
        )


def _plus(a: int | None, b: int | None) -> int | None:
    if a is None:
        return b
    return a if b is None else a + b


TOKENS_PER_WIDE = 0.7
"""Approximate tokens per Chinese character, with the GLM tokenizers."""

CHARACTERS_PER_TOKEN = 4.0
"""Approximate English characters per token."""

TOKENS_PER_MESSAGE = 4
"""Tokens that a chat template writes around each message."""

_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+")


def estimate(text: str) -> int:
    """Return the approximate number of tokens in a text."""
    return round(estimate_tokens_exact(text))


def estimate_tokens_exact(text: str) -> float:
    """Return the estimate with its fraction, for pieces that are added up."""
    if text.isascii():
        return len(text) / CHARACTERS_PER_TOKEN
    wide = sum(map(len, _WIDE.findall(text)))
    return TOKENS_PER_WIDE * wide + (len(text) - wide) / CHARACTERS_PER_TOKEN


def estimate_message(message: Mapping[str, Any]) -> int:
    """Return the approximate number of tokens in a message of a request's body."""
    tokens = 0.0
    for name, value in message.items():
        if name == "content" and isinstance(value, list):
            tokens += sum(estimate_tokens_exact(part.get("text", "")) for part in value)
        elif value and name != "role":
            tokens += estimate_tokens_exact(value if isinstance(value, str) else _json(value))
    return TOKENS_PER_MESSAGE + round(tokens)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class TokenEstimate:
    """The approximate size of a request, in tokens of the model that will read it."""

    input: int
    """The whole input; calibrated by `scale` already."""
    scale: float = 1.0
    """Tokens that the provider counts for each token of `estimate`."""

    def tokens(self, text: str) -> int:
        """Return the approximate number of tokens in a text; at least one, where there is any."""
        return max(1, round(self.scale * estimate(text))) if text else 0

    def usage(self, reasoning: str, content: str) -> Usage:
        """Return the approximate usage of a reply with these texts."""
        thought = self.tokens(reasoning)
        return Usage(self.input, thought + self.tokens(content), reasoning=thought or None)
