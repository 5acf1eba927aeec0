"""A request as it goes over the wire, without the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.spelled import body_content

USER_AGENT = "glm_magic"

IDLE_TIMEOUT_S = 300.0
"""Silence after which a stream is given up; a model may think for minutes without a byte."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP request. The key is not part of it: it joins the headers only while sending."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    """Anything else has no body."""
    content: bytes | None = field(default=None, repr=False)
    """What is sent in place of the body as JSON, such as a file; its type is in the headers."""

    def encoded(self) -> bytes | None:
        """Return what is sent; ``None``: nothing."""
        if self.content is not None or self.method != "POST":
            return self.content
        return body_content(self.body)
