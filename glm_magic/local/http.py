"""The few questions that are asked of a server on this computer, past any proxy."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit


def get(url: str, *, key: str = "", timeout_s: float) -> Any:
    """Return the JSON value at `url`; ``None`` when there is none to be had.

    Parameters
    ----------
    url : str
        An address on this computer.
    key : str
        Sent as the bearer, when not empty.
    timeout_s : float
        Seconds for each step of the exchange.
    """
    parts = urlsplit(url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with closing(HTTPConnection(parts.netloc, timeout=timeout_s)) as connection:
        try:
            connection.request("GET", parts.path, headers=headers)
            response = connection.getresponse()
            return json.load(response) if response.status == 200 else None
        except (OSError, HTTPException, ValueError):
            return None


def answers(base_url: str) -> bool:
    """Return whether a llama.cpp server at `base_url` is ready for requests."""
    return get(f"{base_url}/health", timeout_s=2.0) is not None
