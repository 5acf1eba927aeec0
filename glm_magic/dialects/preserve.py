"""Reasoning of earlier turns that goes back with every request, where a provider offers it.

Notes
-----
BigModel and Z.ai: ``thinking.clear_thinking``, false keeps it (BigModel API documentation, seen
2026-07). Model Studio: ``clear_thinking`` at the top level for glm-4.7 and later (third-party
reports, seen 2026-11). vLLM, SGLang and llama.cpp: a switch of the newer GLM chat templates.
OpenRouter and wcode.net need no switch: reasoning that comes back is used. Every provider wants it
complete and unchanged.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core.errors import UnsupportedError

_TEMPLATES = ("vllm", "sglang", "llamacpp")
_GATEWAYS = ("openrouter", "wcode")
_MODEL_STUDIO = ("dashscope", "dashscope_native")
_SINCE = 4.7
"""Generation from which Model Studio's models know the switch."""


def add_preserving(body: dict[str, Any], preserve: bool | None, offer: Offer) -> None:
    """Add to a body what asks for reasoning to be kept, or to be dropped.

    Raises
    ------
    UnsupportedError
        It is to be kept, and the provider or model does not offer that.
    """
    if preserve is None:
        return
    dialect, switch = offer.provider.dialect, {"clear_thinking": not preserve}
    if dialect == "bigmodel":
        body["thinking"] = {"type": "enabled", **(body.get("thinking") or {}), **switch}
    elif dialect in _MODEL_STUDIO and offer.model.rank >= _SINCE:
        body.update(switch)
    elif dialect in _TEMPLATES:
        body["chat_template_kwargs"] = {**body.get("chat_template_kwargs", {}), **switch}
    elif preserve and dialect not in _GATEWAYS:
        raise UnsupportedError(
            f"{offer.model.id} at {offer.provider.title} does not take earlier reasoning back",
            hint="switch it off with %glm preserve off, or choose another provider",
            provider=offer.provider.name,
        )
