"""A shape for the answer -> what is asked of the provider, and what is said about it.

Where a server takes a JSON schema it gets it; where a provider has a JSON mode it is switched on;
anywhere else the model is told in words. The model is told in any case, and the answer is read by
the schema in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..catalogue.schema import Offer
from ..core.turn import Notice
from ..tools.output_schema import OutputSchema
from .options import Options


@dataclass(frozen=True, slots=True)
class SchemaRequest:
    """Options under which an answer takes its shape."""

    options: Options
    shape: OutputSchema | None = None
    notices: tuple[Notice, ...] = ()


def apply_schema(options: Options, offer: Offer) -> SchemaRequest:
    """Arrange for an answer in the caller's schema, as the offer allows.

    Raises
    ------
    InvalidValueError
        The schema is none.
    """
    if options.schema is None:
        return SchemaRequest(options)
    shape = OutputSchema(options.schema)
    mode = _mode(options, offer)
    arranged = replace(options, system=_system(options.system, shape))
    if mode == "json_schema":
        arranged = _with(arranged, json_schema(shape))
    elif mode == "json_object":
        arranged = _with(arranged, {"type": "json_object"})
    off = mode == "json_object" and _needs_no_thinking(offer) and options.thinking is not False
    if off:
        arranged = replace(arranged, thinking=False)
    return SchemaRequest(arranged, shape, tuple(_notices(mode, off, offer)))


def json_schema(shape: OutputSchema) -> dict[str, Any]:
    """Return a shape as ``response_format`` takes it."""
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in shape.name)[:64]
    own = {"name": name or "answer", "schema": shape.wire_schema, "strict": True}
    return {"type": "json_schema", "json_schema": own}


def _mode(options: Options, offer: Offer) -> str:
    """Return how the shape is asked for: json_schema, json_object, own or words."""
    if "response_format" in options.parameters:
        return "own"
    rule = offer.provider.parameters.get("response_format")
    if rule is None or options.tools or options.mcp:
        return "words"  # servers refuse a grammar, or call nothing, where there are tools too
    if "json_schema" in rule.values:
        return "json_schema"
    if offer.provider.self_hosted or offer.structured_output not in ("yes", "non-thinking"):
        return "words"
    return "json_object" if _may_be_off(options, offer) else "words"


def _needs_no_thinking(offer: Offer) -> bool:
    """Whether JSON is given only with thinking off, as at Model Studio."""
    return offer.provider.json_needs_no_thinking


def _may_be_off(options: Options, offer: Offer) -> bool:
    wanted = options.thinking not in (None, False, "auto")
    return not _needs_no_thinking(offer) or (offer.thinking_off and not wanted)


def _system(system: str | None, shape: OutputSchema) -> str:
    return f"{system}\n\n{shape.prompt}" if system else shape.prompt


def _with(options: Options, form: Mapping[str, Any]) -> Options:
    return replace(options, parameters={**options.parameters, "response_format": form})


def _notices(mode: str, off: bool, offer: Offer) -> Iterator[Notice]:
    title = offer.provider.title
    if off:
        text = f"thinking is off for this answer: {title} gives JSON only without it"
        yield Notice("schema-no-thinking", text)
    said = {
        "json_schema": f"the schema was sent to {title}, which holds the model to it",
        "json_object": f"JSON was asked of {title}; the schema stands in the system message",
        "words": "the schema was asked for in words; the answer was checked against it",
    }
    if mode in said:
        yield Notice("schema", said[mode])
