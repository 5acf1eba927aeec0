"""The tools that a caller named -> schemas, body keys, and what to do with a reply's calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalogue.resolve import LOCAL
from ..catalogue.schema import Offer
from ..core.errors import UnsupportedError
from ..core.i18n import tr
from ..dialects import DIALECTS
from ..local.models import BETTER
from ..tools.function import resolve_tools
from ..tools.mcp_registry import mcp_server
from ..tools.output_schema import OutputSchema
from ..tools.tool import Approve, Tool, ask_user
from .options import WEB_SEARCH, Options
from .prepared import MAX_ROUNDS, TOOL_TIMEOUT_S, ToolPlan


@dataclass(frozen=True, slots=True)
class ToolSetup:
    """What tools add to a request and to its turn."""

    schemas: tuple[Mapping[str, Any], ...] = ()
    """The tools as they are sent."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Body keys: the caller's, and those that the tools need."""
    plan: ToolPlan | None = None
    """What to do after a reply; ``None``: nothing."""


_OTHER_MODEL = {
    LOCAL: tr(
        "one that does: python -m glm_magic.local install --better, GLM_LOCAL_MODEL={name}",
        name=BETTER,
    )
}
"""Provider -> how to get a model that takes functions."""


def set_up_tools(options: Options, offer: Offer, schema: OutputSchema | None = None) -> ToolSetup:
    """Resolve the caller's tools for one offer, and plan what follows a reply.

    Parameters
    ----------
    options : Options
        Its `tools` and `mcp` are resolved.
    offer : Offer
        The model that is to call them.
    schema : OutputSchema, optional
        The schema that the answer has to match; a turn has one plan for both.

    Raises
    ------
    InvalidValueError
        Something is not a tool, or cannot be described in JSON.
    UnsupportedError
        The model takes no functions.
    """
    of_servers = [tool for name in options.mcp for tool in mcp_server(name).tools()]
    given = [web_search(offer) if tool == WEB_SEARCH else tool for tool in options.tools]
    schemas, tools = resolve_tools([*given, *of_servers])
    if any(schema.get("type") == WEB_SEARCH for schema in schemas):
        web_search(offer)  # also where the caller wrote its schema himself
    plan = _plan(options, tools, schema) if tools or schema else None
    if not schemas:
        return ToolSetup((), options.parameters, plan)
    if offer.functions == "no":
        raise UnsupportedError(
            tr(
                "{model} at {provider} takes no functions",
                model=offer.model.id,
                provider=offer.provider.title,
            ),
            hint=_OTHER_MODEL.get(
                offer.provider.name, tr("choose another model, or leave the tools out")
            ),
            provider=offer.provider.name,
        )
    parameters = {**_tool_parameters(options, offer, tools), **options.parameters}
    return ToolSetup(schemas, parameters, plan)


def web_search(offer: Offer) -> Mapping[str, Any]:
    """Return the provider's web search as a tool.

    Raises
    ------
    UnsupportedError
        The provider has none for this model.
    """
    provider = offer.provider
    engine = provider.web_search or DIALECTS[provider.dialect].web_search
    if not engine or offer.web_search == "no":
        raise UnsupportedError(
            tr(
                "{provider} has no web search for {model}",
                provider=provider.title,
                model=offer.model.id,
            ),
            hint=tr("ask at bigmodel or zai, or give a function that searches"),
            provider=provider.name,
        )
    settings = {"enable": True, "search_engine": engine, "search_result": True}
    return {"type": WEB_SEARCH, WEB_SEARCH: settings}


def _tool_parameters(options: Options, offer: Offer, tools: Mapping[str, Tool]) -> dict[str, Any]:
    """Return the body keys that the functions need; the keys that the caller set win."""
    parameters: dict[str, Any] = {}
    if tools and offer.tool_stream == "yes":
        parameters["tool_stream"] = True  # otherwise arguments come in one piece, at the end
    if options.parallel and "parallel_tool_calls" in offer.provider.parameters:
        parameters["parallel_tool_calls"] = True
    return parameters


def _plan(options: Options, tools: Mapping[str, Tool], schema: OutputSchema | None) -> ToolPlan:
    return ToolPlan(
        tools=tools,
        max_rounds=options.max_rounds or MAX_ROUNDS,
        approve=_approve(options.approve),
        parallel=bool(options.parallel),
        timeout_s=options.tool_timeout_s or TOOL_TIMEOUT_S,
        schema=schema,
    )


def _approve(approve: bool | Approve | None) -> Approve | None:
    return ask_user if approve is True else approve or None
