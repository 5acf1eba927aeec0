"""The tokens that a text was made of, how probable each was, and what else it could have been.

Servers report figures for what the model wrote, and that is not always the text: marks around the
reasoning and special tokens have figures but no text, and a text has none where a parser swallowed
them. So the reported tokens are laid along the text, once it has ended, and what no figure belongs
to is a token without one. Then the tokens of a text, joined, are the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Part = Literal["reasoning", "answer"]
PARTS: tuple[Part, ...] = ("reasoning", "answer")

MAX_FIGURES = 200_000
"""Figures of one reply that are kept; the tokens after them have none."""
_COLUMNS = 4
_LEAST = -9999.0
"""What servers write for a token that is not among those they compare."""
_MOST = 1e-3
"""Rounding takes a certain token a little above 0."""
_DIGITS = 4
_GAP = 2000
"""Characters without figures after which tokens are no longer looked for."""
_CLUE = 12
"""Characters by which a place in the text is recognised."""


class Alternative(NamedTuple):
    """A token that could have stood in a place."""

    text: str
    logprob: float


class Token(NamedTuple):
    """One token of a text."""

    part: Part | None
    """Of which text; ``None``, in what a server reports: that is not known yet."""
    text: str
    """Empty for one that holds only the beginning of a character."""
    logprob: float | None = None
    """Natural logarithm of its probability; ``None``: the server reported none."""
    alternatives: tuple[Alternative, ...] = ()
    """The likeliest tokens in its place, which it is itself one of in most cases."""

    @property
    def entropy(self) -> float | None:
        """How open the choice was among the alternatives and itself, in bits.

        0 is certain, 1 as between two that are equally likely. ``None`` where fewer than two are
        known. What is not among them does not count, so the true figure may be higher.
        """
        likely = {a.text: math.exp(a.logprob) for a in self.alternatives}
        if self.logprob is not None:
            likely.setdefault(self.text, math.exp(self.logprob))
        known = math.fsum(likely.values())
        if len(likely) < 2 or not known:
            return None
        shares = (p / known for p in likely.values() if p)
        return max(0.0, math.fsum(-share * math.log2(share) for share in shares))

    @property
    def doubt(self) -> float:
        """The entropy, or where it is not known how little the token was expected, in bits."""
        entropy = self.entropy
        if entropy is not None:
            return entropy
        return 0.0 if self.logprob is None else -self.logprob / math.log(2)


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """The figures of the tokens of one text, without the text."""

    packed: str
    """JSON with four lists, each with one item for a token: characters, logarithms, the texts of
    the alternatives, and their logarithms. As one text, it is saved and read at once."""

    @staticmethod
    def of(tokens: Sequence[tuple[int, Token]]) -> TokenFigures:
        """Return the figures of tokens, each with the characters that it has."""
        columns = (
            [length for length, _ in tokens],
            [token.logprob for _, token in tokens],
            [[a.text for a in token.alternatives] for _, token in tokens],
            [[a.logprob for a in token.alternatives] for _, token in tokens],
        )
        return TokenFigures(json.dumps(columns, ensure_ascii=False, separators=(",", ":")))

    def tokens(self, text: str, part: Part) -> Iterator[Token]:
        """Yield the tokens of the text that the figures belong to; joined, they are the text.

        A saved file may hold anything: what are no figures is left out.
        """
        at = 0
        for length, logprob, texts, logprobs in self._rows():
            end = at + max(0, length) if isinstance(length, int) else at
            yield Token(part, text[at:end], _kept(logprob), _alternatives(texts, logprobs))
            at = end
        if at < len(text):
            yield Token(part, text[at:])

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        try:
            columns = json.loads(self.packed)
        except (ValueError, RecursionError):
            return
        if isinstance(columns, list) and all(isinstance(column, list) for column in columns):
            yield from (row for row in zip(*columns, strict=False) if len(row) == _COLUMNS)


def logprob_of(value: Any) -> float | None:
    """Return a logarithm of a probability; ``None`` for anything that is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not _LEAST <= value <= _MOST:
        return _LEAST if value < _LEAST else None
    return round(min(0.0, float(value)), _DIGITS)


def _kept(value: Any) -> float | None:
    """Return a logarithm as it was saved; a page reads a hundred thousand of them."""
    is_ours = value.__class__ is float and _LEAST <= value <= 0.0
    return value if is_ours else logprob_of(value)


def _alternatives(texts: Any, logprobs: Any) -> tuple[Alternative, ...]:
    if not (isinstance(texts, list) and isinstance(logprobs, list)):
        return ()
    pairs = ((text, _kept(value)) for text, value in zip(texts, logprobs, strict=False))
    return tuple(
        Alternative(text, logprob)
        for text, logprob in pairs
        if isinstance(text, str) and logprob is not None
    )


def figures_of(
    reported: Sequence[Token], *, reasoning: str, answer: str, given: int = 0
) -> dict[Part, TokenFigures]:
    """Return the figures of each text that has any, from the tokens that a server reported.

    Parameters
    ----------
    reported : sequence of Token
        In the order in which they came. One whose part is not known is looked for in the reasoning
        first, which comes before the answer.
    reasoning, answer : str
        Both texts of a reply, whole.
    given : int, optional
        Characters that the reasoning begins with and the model did not write.
    """
    laid: dict[Part, _Laid] = {"reasoning": _Laid(reasoning, given), "answer": _Laid(answer)}
    for number, token in enumerate(reported):
        order = PARTS if token.part != "answer" else PARTS[::-1]
        if any(laid[part].take(token) for part in order) or not token.text:
            continue
        clue = _clue(reported, number)
        after = _clue(reported, number + 1)
        if not any(after and laid[part].is_next(after) for part in order):
            any(laid[part].find(clue, token) for part in order)
    return {part: text.figures() for part, text in laid.items() if text.is_found}


def _clue(reported: Sequence[Token], number: int) -> str:
    """Return the text of a token, and of as many after it as make a place recognisable."""
    text = ""
    while number < len(reported) and len(text) < _CLUE:
        text += reported[number].text
        number += 1
    return text


class _Laid:
    """A text, as far as tokens were laid along it."""

    def __init__(self, text: str, given: int = 0) -> None:
        self._text = text
        self._at = 0
        self._tokens: list[tuple[int, Token]] = []
        self.is_found = False
        """Whether any of its tokens has a figure."""
        if given:
            self._add(given, Token(None, ""))

    def is_next(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def take(self, token: Token) -> bool:
        """Lay a token here, if it is what comes next."""
        if self._at >= len(self._text) or not self.is_next(token.text):
            return False
        self._add(len(token.text), token)
        return True

    def find(self, clue: str, token: Token) -> bool:
        """Lay a token where it comes next, with a token without figures before it."""
        place = self._text.find(clue, self._at, self._at + _GAP + len(clue))
        if place < 0:
            return False
        self._add(place - self._at, Token(None, ""))
        self._add(len(token.text), token)
        return True

    def _add(self, length: int, token: Token) -> None:
        self._tokens.append((length, token))
        self._at += length
        self.is_found = self.is_found or token.logprob is not None

    def figures(self) -> TokenFigures:
        return TokenFigures.of(self._tokens)
