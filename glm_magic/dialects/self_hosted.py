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
from ..core.messages import Beginning
from ..core.thinking import Thinking
from .chat import ChatDialect
from .error_classes import ErrorClass
from .errors import ErrorReply, common_class
from .think_tags import CLOSE, OPEN

_TEMPLATE_OPENS_SINCE = 4.7
"""Rank of the first model whose template ends the prompt with the opening tag."""

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
    errors.InvalidRequestError,
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


def llamacpp_beginning(body: dict[str, Any], beginning: Beginning, offer: Offer) -> None:  # noqa: ARG001
    """Begin a reply as llama.cpp's server takes it: its reasoning in a field of its own.

    Notes
    -----
    The words say in which part of the message the reply goes on; "content" makes the template end
    the thought (llama.cpp pull request 23089, and the server of xllamacpp 2026.10, seen 2026-11).
    """
    part = "content" if beginning.is_ended else "reasoning_content"
    message = {"role": "assistant", "reasoning_content": beginning.reasoning, "content": ""}
    body["messages"].append(message)
    body |= {"continue_final_message": part, "add_generation_prompt": False}


def vllm_beginning(body: dict[str, Any], beginning: Beginning, offer: Offer) -> None:  # noqa: ARG001
    """Begin a reply as vLLM takes it: as text, between tags.

    Notes
    -----
    The text has to stand in the rendered prompt as it is written here, or vLLM refuses it: it cuts
    the prompt after it. GLM's templates write ``<think>…</think>`` without blanks around what they
    find between the tags. A thought that is still open they put after an empty one, which is not
    what the model was trained on; vLLM, whose field is a boolean, has no documented way around that
    in one request (vLLM documentation, seen 2026-11; GLM-4.6's template, rendered by transformers
    5.24, gives these prompts; the server was not run).
    """
    thought = beginning.reasoning.strip()
    text = f"{OPEN}{thought}{CLOSE if beginning.is_ended else ''}"
    body["messages"].append({"role": "assistant", "content": text})
    body |= {"continue_final_message": True, "add_generation_prompt": False}


def sglang_beginning(body: dict[str, Any], beginning: Beginning, offer: Offer) -> None:
    """Begin a reply as SGLang takes it: as text that is put after the prompt of the template.

    Notes
    -----
    From GLM-4.7 on, that prompt ends with the opening tag (SGLang's ``serving_chat.py`` and GLM's
    templates, seen 2026-11; not run).
    """
    opening = "" if offer.model.rank >= _TEMPLATE_OPENS_SINCE else f"\n{OPEN}"
    text = f"{opening}{beginning.reasoning}{CLOSE if beginning.is_ended else ''}"
    body["messages"].append({"role": "assistant", "content": text})
    body["continue_final_message"] = True


VLLM = ChatDialect(
    "vllm",
    vllm_thinking,
    classify,
    reasoning_field="reasoning",
    preserve=template_preserve,
    begin=vllm_beginning,
)
SGLANG = ChatDialect(
    "sglang", template_thinking, classify, preserve=template_preserve, begin=sglang_beginning
)
LLAMACPP = ChatDialect(
    "llamacpp", template_thinking, classify, preserve=template_preserve, begin=llamacpp_beginning
)
OLLAMA = ChatDialect("ollama", ollama_thinking, classify, reasoning_field="reasoning")
LMSTUDIO = ChatDialect("lmstudio", template_thinking, classify)
