"""How each API is spelled: a request out, a stream in, an error read."""

from __future__ import annotations

from .base import Decoder, Dialect
from .bigmodel import BIGMODEL
from .dashscope import DASHSCOPE
from .dashscope_native import DASHSCOPE_NATIVE
from .openrouter import OPENROUTER, WCODE
from .self_hosted import LLAMACPP, LMSTUDIO, OLLAMA, SGLANG, VLLM

__all__ = ["DIALECTS", "Decoder", "Dialect"]

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        DASHSCOPE,
        DASHSCOPE_NATIVE,
        BIGMODEL,
        WCODE,
        OPENROUTER,
        VLLM,
        SGLANG,
        LLAMACPP,
        OLLAMA,
        LMSTUDIO,
    )
}
"""By the name that the catalogue's providers use."""
