"""Whether to send a request again, and after how long.

Notes
-----
At most two retries, after 0.5 s and then 1 s with jitter, or after the time that the service
names, up to 30 s. A request is sent again only where nothing of its reply was shown and the failure
says that nothing was generated, so that no prompt is billed twice. Which failures say so is decided
where they are read (`GlmError.retryable`, `dialects.error_classes`): Zhipu answers 429 for an empty
account too.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..core.i18n import Text, tr

MAX_RETRIES = 2
BACKOFF_S = (0.5, 1.0)
MAX_WAIT_S = 30.0
_MAX_CHARS = 1000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d)\s*)+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.ASCII)
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def retry_delay_s(attempt: int, requested_s: float | None = None) -> float | None:
    """Return how long to wait before retry number `attempt`, or ``None`` to give up.

    Parameters
    ----------
    attempt : int
        0 before the first retry.
    requested_s : float, optional
        The wait that the service asked for.
    """
    if attempt >= MAX_RETRIES:
        return None
    if requested_s is not None:
        return requested_s if requested_s <= MAX_WAIT_S else None
    return BACKOFF_S[attempt] * random.uniform(0.75, 1.25)  # noqa: S311  jitter, not a secret


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After-Ms`` or ``Retry-After``; ``None`` where neither means a time."""
    milliseconds = parse_wait(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    return parse_wait(headers.get("retry-after", ""))


def has_retry_after(headers: Mapping[str, str]) -> bool:
    """Whether a response asks to come back, be it at a time that cannot be read."""
    return any(headers.get(name, "").strip() for name in ("retry-after", "retry-after-ms"))


def parse_wait(value: str) -> float | None:
    """Read a wait in seconds: a number, a duration such as ``1m30s``, or an HTTP date.

    Returns
    -------
    float or None
        0 for what has passed already, infinity for what no number holds; ``None`` for anything
        that is not a time.
    """
    value = value.strip()
    if len(value) > _MAX_CHARS and not value.isdigit():
        return None
    if _NUMBER.fullmatch(value):
        return max(0.0, float(value))
    if value.lower() in ("inf", "infinity"):
        return math.inf
    if _DURATION.fullmatch(value.lower()):
        parts = _PART.findall(value.lower())
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    return _seconds_until(value)


def wait_text(wait_s: float) -> Text:
    """Return a wait in words, rounded up."""
    for unit_s, text in (
        (120, tr("{count} s", count=math.ceil(min(wait_s, 1e9)))),
        (7200, tr("{count} minutes", count=math.ceil(min(wait_s, 1e9) / 60))),
        (172_800, tr("{count} hours", count=math.ceil(min(wait_s, 1e9) / 3600))),
        (366 * 86_400, tr("{count} days", count=math.ceil(min(wait_s, 1e9) / 86_400))),
    ):
        if wait_s <= unit_s:
            return text
    return tr("more than a year")


def _seconds_until(http_date: str) -> float | None:
    try:
        when = parsedate_to_datetime(http_date)
        when = when.replace(tzinfo=when.tzinfo or UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
