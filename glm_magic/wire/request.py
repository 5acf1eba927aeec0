"""A request as it goes over the wire, without the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

USER_AGENT = "glm_magic"

IDLE_TIMEOUT_S = 300.0
"""Silence after which a stream is given up; a model may think for minutes without a byte."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One HTTP POST. The key is not part of it: it joins the headers only while sending."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
