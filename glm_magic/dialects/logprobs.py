"""How probable the tokens of a reply were, as servers report it.

Notes
-----
All follow OpenAI: ``logprobs: {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}`` in a
choice, with the same again for each alternative. vLLM, SGLang and llama.cpp put the tokens of the
reasoning into it as well; Cerebras has ``reasoning_logprobs`` beside it. ``bytes`` decide, since a
token may hold half of a character. SGLang attaches what belongs to several deltas to the first of
them. Older servers send the form of OpenAI's completions: ``tokens``, ``token_logprobs`` and
``top_logprobs``, a list of objects. Documentation and sources of the servers, seen 2026-11.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ..core.events import TokenReport
from ..core.text import join_surrogates
from ..core.tokens import MAX_FIGURES, Alternative, Part, Token, logprob_of

MAX_ALTERNATIVES = 20
"""Alternatives that are kept; no server documents more."""
MAX_TOKEN = 200
"""Characters of a token; the longest of GLM's vocabulary, a run of spaces, has 128."""


class TokenReader:
    """Reads what the choices of one reply report about tokens."""

    __slots__ = ("_bytes", "_left", "_seen")

    def __init__(self) -> None:
        self._bytes = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in _FIELDS}
        self._left = MAX_FIGURES
        self._seen = dict.fromkeys(_FIELDS, 0)

    def read(
        self, choice: Mapping[str, Any], part: Part | None, *, repeats: bool = False
    ) -> list[TokenReport]:
        """Return the tokens of a choice.

        Parameters
        ----------
        choice : mapping
            What may have ``logprobs``.
        part : str, optional
            What the text of the choice is.
        repeats : bool
            Whether each choice reports all tokens before it once more.
        """
        tokens: list[Token] = []
        for name, own in _FIELDS.items():
            entries = _entries(choice.get(name))
            first = self._seen[name] if repeats else 0
            for entry in islice(entries, first, None):
                self._seen[name] += 1
                token = self._token(entry, own or part, self._bytes[name])
                if token is not None and self._left > 0:
                    self._left -= 1 + len(token.alternatives)
                    tokens.append(token)
        return [TokenReport(tuple(tokens))] if tokens else []

    def _token(
        self, entry: Mapping[str, Any], part: Part | None, decoder: codecs.IncrementalDecoder
    ) -> Token | None:
        data = _bytes_of(entry)
        text = _text_of(entry) if data is None else decoder.decode(data)
        if len(text) > MAX_TOKEN or not (text or data):
            return None
        alternatives = tuple(_alternatives(entry.get("top_logprobs")))
        return Token(part, join_surrogates(text), logprob_of(entry.get("logprob")), alternatives)


_FIELDS: dict[str, Part | None] = {"reasoning_logprobs": "reasoning", "logprobs": None}
"""Where tokens are reported, and of which text; ``None``: of what stands beside them."""


def has_tokens(choice: Mapping[str, Any]) -> bool:
    """Whether a choice reports anything about tokens."""
    return bool(choice.get("logprobs") or choice.get("reasoning_logprobs"))


def _entries(report: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what is reported about each token, in the form of OpenAI's chat."""
    if not isinstance(report, Mapping):
        return
    for name in ("content", "refusal"):
        entries = report.get(name)
        if isinstance(entries, list):
            yield from (entry for entry in entries if isinstance(entry, Mapping))
    tokens, logprobs = report.get("tokens"), report.get("token_logprobs")
    if isinstance(tokens, list) and isinstance(logprobs, list):
        others = report.get("top_logprobs")
        others = others if isinstance(others, list) else []
        for number, (token, logprob) in enumerate(zip(tokens, logprobs, strict=False)):
            top = others[number] if number < len(others) else None
            yield {"token": token, "logprob": logprob, "top_logprobs": top}


def _alternatives(value: Any) -> Iterator[Alternative]:
    if isinstance(value, Mapping):
        value = [{"token": token, "logprob": logprob} for token, logprob in value.items()]
    for entry in islice(value, MAX_ALTERNATIVES) if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            data, logprob = _bytes_of(entry), logprob_of(entry.get("logprob"))
            text = _text_of(entry) if data is None else data.decode("utf-8", "replace")
            if logprob is not None and text:
                yield Alternative(join_surrogates(text[:MAX_TOKEN]), logprob)


def _text_of(entry: Mapping[str, Any]) -> str:
    text = entry.get("token")
    return text if isinstance(text, str) else ""


def _bytes_of(entry: Mapping[str, Any]) -> bytes | None:
    """Return the bytes of a token; ``None`` where they are not there, or are none."""
    value = entry.get("bytes")
    if not isinstance(value, list) or not value or len(value) > 4 * MAX_TOKEN:
        return None
    try:
        return bytes(value)
    except (TypeError, ValueError):
        return None
