"""Whether to retry a request, and after how long.

Notes
-----
The policy fits every provider: at most two retries, 0.5 s then 1 s with jitter, ``Retry-After``
honoured up to 30 s, and only before any byte of a reply was shown. Whether an error may be retried
is decided where it is read (`GlmError.retryable`): Zhipu answers 429 for an empty account too.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRIES = 2
BACKOFF_S = (0.5, 1.0)
MAX_WAIT_S = 30.0


def retry_delay_s(attempt: int, headers: Mapping[str, str]) -> float | None:
    """Return how long to wait before retry number `attempt`, or ``None`` to give up.

    Parameters
    ----------
    attempt : int
        0 before the first retry.
    headers : Mapping of str to str
        Headers of the failed response; empty when there was none.
    """
    if attempt >= MAX_RETRIES:
        return None
    requested_s = retry_after_s(headers)
    if requested_s is not None:
        return requested_s if requested_s <= MAX_WAIT_S else None
    return BACKOFF_S[attempt] * random.uniform(0.75, 1.25)  # noqa: S311  jitter, not a secret


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After-Ms`` or ``Retry-After`` (seconds, or an HTTP date)."""
    milliseconds = headers.get("retry-after-ms", "")
    if milliseconds.isdecimal():
        return int(milliseconds) / 1000
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        return _seconds_until(value)


def _seconds_until(http_date: str) -> float | None:
    try:
        when = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
