"""Why a reply ended: every word for it that means more than an end in good order.

The words are the providers' own (BigModel, Z.ai, OpenRouter, vLLM and SGLang documentation, seen
2026-11), compared without regard to case and to ``-`` or a space for ``_``. Words that are not
here end a reply in good order, and are shown as they are.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "limit", "window", "withdrawn", "filtered", "refused", "lost", "error", "failed", "aborted",
    "overloaded", "too many",
]  # fmt: skip
"""
``limit``: cut at a token limit. ``window``: the model's context window is full, which cuts a reply,
or leaves no room for any. The others are failures: ``withdrawn``, ``filtered`` and ``refused`` for
what the text says, ``lost`` and ``error`` where no tokens are billed, ``failed``, ``aborted``,
``overloaded`` and ``too many`` (requests) on the provider's side.
"""

_WORDS: dict[Kind, tuple[str, ...]] = {
    "limit": ("length", "max_tokens", "max_output_tokens", "model_length"),
    "window": (
        "model_context_window_exceeded",
        "context_window_exceeded",
        "context_length_exceeded",
        "exceed_context_size",
    ),
    "withdrawn": ("sensitive", "safety", "blocked", "prohibited_content"),
    "filtered": ("content_filter", "contentfilter", "content_filtered"),
    "refused": ("refusal", "refused"),
    "lost": ("network_error",),
    "error": ("error",),
    "failed": ("failed", "failure", "server_error", "internal_error", "api_error"),
    "aborted": ("abort", "aborted", "cancelled", "canceled", "timeout"),
    "overloaded": ("overloaded", "engine_overloaded", "insufficient_system_resource"),
    "too many": ("rate_limit", "rate_limited", "rate_limit_exceeded"),
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words}


def kind_of(reason: str | None) -> Kind | None:
    """Return what a finish reason means; ``None``: the reply ended in good order."""
    return _KINDS.get(re.sub(r"[-\s]+", "_", (reason or "").strip().lower()))


def is_at_limit(reason: str | None) -> bool:
    """Whether a reply with this finish reason was cut, so that its last call may be incomplete."""
    return kind_of(reason) in ("limit", "window")
