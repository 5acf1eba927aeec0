"""The caller's schema for the answer -> what the provider is asked for, and what the user is told.

A server that takes a JSON schema gets it; a provider's JSON mode is switched on; anywhere else the
prompt alone asks for it. The system message describes the schema in any case, because neither mode
tells the model what the fields mean, and the answer is checked against it in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..catalogue.schema import Offer
from ..core.i18n import tr
from ..core.turn import Notice
from ..dialects import DIALECTS
from ..tools.output_schema import OutputSchema
from .options import Options

Mode = Literal["json_schema", "json_object", "prompt", "caller"]
"""How the answer's form is asked for; ``"caller"``: the caller set ``response_format``."""


@dataclass(frozen=True, slots=True)
class SchemaRequest:
    """Options that ask for an answer in a schema."""

    options: Options
    schema: OutputSchema | None = None
    notices: tuple[Notice, ...] = ()


def apply_schema(options: Options, offer: Offer) -> SchemaRequest:
    """Ask for an answer in the caller's schema, as the offer allows.

    Raises
    ------
    InvalidValueError
        It is not a schema.
    """
    schema = OutputSchema(options.schema)
    mode = _mode(options, offer)
    changed = replace(options, system=_system(options.system, schema))
    if mode == "json_schema":
        changed = _with_format(changed, json_schema(schema))
    elif mode == "json_object":
        changed = _with_format(changed, {"type": "json_object"})
    thinking_off = (
        mode == "json_object" and _needs_no_thinking(offer) and options.thinking is not False
    )
    if thinking_off:
        changed = replace(changed, thinking=False)
    return SchemaRequest(changed, schema, tuple(_notices(mode, offer, thinking_off)))


def json_schema(schema: OutputSchema) -> dict[str, Any]:
    """Return a schema as ``response_format`` takes it."""
    # OpenAI's rule for the name: letters, digits, underscores and dashes, 64 at most
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in schema.name)[:64]
    form = {"name": name or "answer", "schema": schema.wire_schema, "strict": True}
    return {"type": "json_schema", "json_schema": form}


def _mode(options: Options, offer: Offer) -> Mode:
    if "response_format" in options.parameters:
        return "caller"
    rule = offer.provider.parameters.get("response_format")
    if rule is None or options.tools or options.mcp:
        return "prompt"  # servers refuse a grammar, or call nothing, where there are tools too
    if "json_schema" in rule.values:
        return "json_schema"
    if offer.provider.self_hosted or offer.structured_output not in ("yes", "non-thinking"):
        return "prompt"
    return "json_object" if _can_be_without_thinking(options, offer) else "prompt"


def _needs_no_thinking(offer: Offer) -> bool:
    """Whether JSON is given only with thinking off, as at Model Studio."""
    return DIALECTS[offer.provider.dialect].json_needs_no_thinking


def _can_be_without_thinking(options: Options, offer: Offer) -> bool:
    asks_to_think = options.thinking not in (None, False, "auto")
    return not _needs_no_thinking(offer) or (offer.thinking_off and not asks_to_think)


def _system(system: str | None, schema: OutputSchema) -> str:
    return f"{system}\n\n{schema.prompt}" if system else schema.prompt


def _with_format(options: Options, form: Mapping[str, Any]) -> Options:
    return replace(options, parameters={**options.parameters, "response_format": form})


def _notices(mode: Mode, offer: Offer, thinking_off: bool) -> Iterator[Notice]:
    title = offer.provider.title
    if thinking_off:
        yield Notice(
            "schema-no-thinking",
            tr(
                "thinking is off for this answer: {provider} gives JSON only without it",
                provider=title,
            ),
        )
    # what a server makes of a schema that is sent along is seen in its reply, see `review`
    texts = {
        "json_object": tr(
            "JSON was requested from {provider}; the schema is in the system message",
            provider=title,
        ),
        "prompt": tr("the schema was asked for in words; the answer was checked against it"),
    }
    if mode in texts:
        yield Notice("schema", texts[mode])
