"""Why a reply ended: every word for it that means more than an end in good order.

The words are the providers' own (BigModel, Z.ai, OpenRouter, vLLM and SGLang documentation, seen
2026-11), compared without regard to case and to ``-`` or a space for ``_``. Words that are not
here end a reply in good order, and are shown as they are.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from . import errors
from .errors import GlmError
from .i18n import tr

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


class _Failure(NamedTuple):
    error: type[errors.ApiError]
    message: str
    hint: str
    retryable: bool = False
    """Whether the same request may be sent again where nothing was generated."""


_REPHRASE = tr("rephrase the prompt; what had arrived is kept, but not sent with later prompts")
_AGAIN = tr("run the cell again; what had arrived is kept")

_FAILURES: dict[Kind, _Failure] = {
    "window": _Failure(
        errors.ContextLengthError,
        tr("the conversation is longer than the model's context window"),
        tr("shorten the prompt, or start a new session"),
    ),
    "withdrawn": _Failure(
        errors.ContentBlockedError,
        tr("the provider's content filter withdrew this reply"),
        _REPHRASE,
    ),
    "filtered": _Failure(
        errors.ContentBlockedError, tr("the provider's content filter cut this reply"), _REPHRASE
    ),
    "refused": _Failure(errors.ContentBlockedError, tr("the model refused to answer"), _REPHRASE),
    "lost": _Failure(
        errors.ServerError, tr("the provider lost the reply while generating it"), _AGAIN, True
    ),
    "error": _Failure(
        errors.ServerError, tr("the provider ended the reply with an error"), _AGAIN, True
    ),
    "failed": _Failure(
        errors.ServerError, tr("the provider ended the reply with an error"), _AGAIN
    ),
    "aborted": _Failure(errors.ServerError, tr("the server aborted the reply"), _AGAIN),
    "overloaded": _Failure(
        errors.ServerError,
        tr("the provider was too busy to finish the reply"),
        tr("run the cell again in a moment; what had arrived is kept"),
        True,
    ),
    "too many": _Failure(
        errors.RateLimitError,
        tr("the provider ended the reply at a rate limit"),
        tr("wait a moment, and send fewer requests at a time"),
        True,
    ),
}


def finish_error(reason: str | None, *, answered: bool) -> GlmError | None:
    """Return the error that a finish reason means; ``None``: the reply may be used.

    Parameters
    ----------
    reason : str or None
        The provider's own word.
    answered : bool
        Whether any of the answer, or a call, arrived: then a full context window only cut it.
    """
    kind = kind_of(reason)
    if kind is None or kind not in _FAILURES or (kind == "window" and answered):
        return None
    failure = _FAILURES[kind]
    return failure.error(
        failure.message, hint=failure.hint, code=reason, retryable=failure.retryable
    )
