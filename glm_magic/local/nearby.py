"""Which model servers already run on this computer."""

from __future__ import annotations

from .http import get

_PORTS = {"llamacpp": 8080, "ollama": 11434, "lmstudio": 1234, "vllm": 8000, "sglang": 30000}
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
