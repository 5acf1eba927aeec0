"""Requests to servers on this computer, bypassing any proxy: is one ready, which ones run here."""

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


_PORTS = {"llamacpp": 8080, "ollama": 11434, "lmstudio": 1234, "vllm": 8000, "sglang": 30000}
"""Those of the catalogue, which `local` stands beside and may not import; a test compares them."""

_LOOK_S = 0.2


def found_servers() -> list[str]:
    """Return the provider names of the model servers found on their usual ports.

    Notes
    -----
    All five list their models at ``/v1/models``; another program on such a port does not. This is
    for advice only and is never asked before a prompt.
    """
    return [name for name, port in _PORTS.items() if _lists_models(port)]


def _lists_models(port: int) -> bool:
    listing = get(f"http://127.0.0.1:{port}/v1/models", timeout_s=_LOOK_S)
    return isinstance(listing, dict) and isinstance(listing.get("data"), list)
