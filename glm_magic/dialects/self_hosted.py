"""Servers that people run themselves: vLLM, SGLang, llama.cpp, Ollama, LM Studio.

Notes
-----
A strict gateway in front may reject unknown keys, so each is sent only its own spelling. Server
documentation and sources, seen 2026-11.
"""

from __future__ import annotations

from typing import Any

from ..catalogue.schema import Offer
from ..core import errors
from ..core.messages import Thinking
from .chat import ChatDialect
from .errors import ErrorClass, ErrorReply

_BY_TYPE: dict[str, ErrorClass] = {
    "exceed_context_size_error": (
        errors.ContextLengthError,
        "the conversation is longer than the server's context: shorten it, %glm new, or start the "
        "server with a larger one",
        False,
    ),
    "unavailable_error": (errors.ServerError, "the server is still loading its model; wait", True),
    "not_found_error": (
        errors.NotFoundError,
        "the server does not have this model; its /models page lists what is there",
        False,
    ),
    "authentication_error": (
        errors.AuthenticationError,
        "the server wants a key: set GLM_API_KEY to the one it was started with",
        False,
    ),
}
_OVERFLOW = ("context length", "context size", "context window", "maximum context")


def classify(failure: ErrorReply) -> ErrorClass | None:
    """Return what an error means; these servers mostly tell by a type or in words."""
    if failure.status == 401:
        return _BY_TYPE["authentication_error"]
    if failure.status == 404:
        hint = "check the model name (-m NAME), and that the base URL ends in /v1"
        return errors.NotFoundError, hint, False
    if failure.type in _BY_TYPE:
        return _BY_TYPE[failure.type]
    message = failure.message.lower()
    if any(words in message for words in _OVERFLOW):
        return _BY_TYPE["exceed_context_size_error"]
    return None


def template_switch(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as a switch of the chat template."""
    return {"chat_template_kwargs": {"enable_thinking": wanted is not False}}


def vllm_thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:
    """Spell thinking as vLLM does, which also takes an effort level."""
    switch = template_switch(wanted, offer)
    return {**switch, "reasoning_effort": wanted} if isinstance(wanted, str) else switch


def ollama_thinking(wanted: Thinking, offer: Offer) -> dict[str, Any]:  # noqa: ARG001
    """Spell thinking as Ollama's /v1 does: by effort, where ``none`` is off."""
    if isinstance(wanted, str):
        return {"reasoning_effort": wanted}
    return {"reasoning_effort": "medium" if wanted else "none"}


VLLM = ChatDialect("vllm", vllm_thinking, classify, reasoning_field="reasoning")
SGLANG = ChatDialect("sglang", template_switch, classify)
LLAMACPP = ChatDialect("llamacpp", template_switch, classify)
OLLAMA = ChatDialect("ollama", ollama_thinking, classify, reasoning_field="reasoning")
LMSTUDIO = ChatDialect("lmstudio", template_switch, classify)
