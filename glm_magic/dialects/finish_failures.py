"""Finish reasons by which a provider says that it failed or withdrew the reply, as errors."""

from __future__ import annotations

from typing import NamedTuple

from ..core import errors
from ..core.errors import GlmError
from ..core.finish_reasons import Kind, kind_of
from ..core.i18n import tr


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
