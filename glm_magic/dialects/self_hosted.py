"""Self-hosted servers: vLLM, SGLang, llama.cpp, Ollama, LM Studio.

Notes
-----
A strict gateway in front of a server may reject unknown keys, so each server is sent its spelling
alone, never those of the others beside it. Documentation and sources of the servers, seen 2026-11.
"""

from __future__ import annotations

import re
from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.i18n import tr
from ..core.messages import Thinking
from .chat import ChatDialect
from .error_classes import ErrorClass
from .errors import ErrorReply, common_class

_BY_TYPE: dict[str, ErrorClass] = {
    "exceed_context_size_error": (
        errors.ContextLengthError,
        tr(
            "the conversation is longer than the server's context: shorten it, %glm new, "
            "or start the server with a larger one"
        ),
        False,
    ),
    "unavailable_error": (
        errors.ServerError,
        tr("the server is still loading its model; wait"),
        True,
    ),
    "not_found_error": (
        errors.NotFoundError,
        tr("the server does not have this model; its /models page lists what is there"),
        False,
    ),
    "authentication_error": (
        errors.AuthenticationError,
        tr("the server requires a key: set GLM_API_KEY to the one it was started with"),
        False,
    ),
}


_NO_PICTURES = re.compile(
    r"image input is not supported|not a multimodal model|at most \d+ image", re.IGNORECASE
)
"""What llama.cpp (as HTTP 500) and vLLM answer where a picture, or one more, cannot be read."""
_SEES_NOTHING: ErrorClass = (
    errors.UnsupportedError,
    tr(
        "the server's model does not see so many pictures, or none: leave them out, ask another"
        " model, or start the server for them (llama.cpp: --mmproj)"
    ),
    False,
)


def classify(reply: ErrorReply) -> ErrorClass | None:
    """Return the class of an error, which these servers tell by a type or only in the message."""
    if _NO_PICTURES.search(reply.message):
        return _SEES_NOTHING
    if reply.status == 401:
        return _BY_TYPE["authentication_error"]
    if reply.status == 404:
        hint = tr("check the model name (-m NAME), and that the base URL ends in /v1")
        return errors.NotFoundError, hint, False
    if reply.type in _BY_TYPE:
        return _BY_TYPE[reply.type]
    if reply.status != 413 and common_class(reply)[0] is errors.ContextLengthError:
        return _BY_TYPE["exceed_context_size_error"]
    return None


def template_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as a switch of the chat template."""
    return {"chat_template_kwargs": {"enable_thinking": thinking is not False}}


def template_preserve(body: dict[str, Any], preserve: bool, offer: Offer) -> None:  # noqa: ARG001
    """Keep or drop earlier reasoning by a switch of the newer GLM chat templates."""
    switches = {**body.get("chat_template_kwargs", {}), "clear_thinking": not preserve}
    body["chat_template_kwargs"] = switches


def vllm_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:
    """Spell thinking as vLLM does, which also takes an effort level."""
    switch = template_thinking(thinking, offer)
    return {**switch, "reasoning_effort": thinking} if isinstance(thinking, str) else switch


def ollama_thinking(thinking: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Ollama's /v1 does: by effort, where ``none`` is off."""
    if isinstance(thinking, str):
        return {"reasoning_effort": thinking}
    return {"reasoning_effort": "medium" if thinking else "none"}


VLLM = ChatDialect(
    "vllm", vllm_thinking, classify, reasoning_field="reasoning", preserve=template_preserve
)
SGLANG = ChatDialect("sglang", template_thinking, classify, preserve=template_preserve)
LLAMACPP = ChatDialect("llamacpp", template_thinking, classify, preserve=template_preserve)
OLLAMA = ChatDialect("ollama", ollama_thinking, classify, reasoning_field="reasoning")
LMSTUDIO = ChatDialect("lmstudio", template_thinking, classify)
