"""The functions that a caller named -> schemas, body keys, and what to do with a reply's calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue.resolve import LOCAL
from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError, UnsupportedError
from ..local.models import BETTER
from ..tools.function import resolve_tools
from ..tools.mcp_registry import mcp_server
from ..tools.output_schema import OutputSchema
from ..tools.tool import Approve, ask_user
from .options import WEB_SEARCH, Options
from .prepared import MAX_ROUNDS, TOOL_TIMEOUT_S, ToolPlan


@dataclass(frozen=True, slots=True)
class ToolSetup:
    """What tools add to a request and to its turn."""

    tools: tuple[Mapping[str, Any], ...]
    """Schemas, as they are sent."""
    parameters: Mapping[str, Any]
    """Body keys: the caller's, and those that the tools call for."""
    follow: ToolPlan | None = None
    """``None``: nothing follows a reply."""


_ANOTHER = {
    LOCAL: f"one that does: python -m glm_magic.local install --better, GLM_LOCAL_MODEL={BETTER}"
}
"""Provider -> how to get a model that takes functions."""


def set_up_tools(options: Options, offer: Offer, shape: OutputSchema | None = None) -> ToolSetup:
    """Sort out the caller's tools for one offer; the answer's shape is looked after as well.

    Raises
    ------
    InvalidValueError
        Something is no tool, or cannot be described in JSON.
    UnsupportedError
        The model takes no functions.
    """
    if options.max_rounds is not None and options.max_rounds < 1:
        raise InvalidValueError(
            f"there has to be room for one round of tool calls, not {options.max_rounds}",
            hint="leave --max-rounds out, or make it 1 or more",
        )
    of_servers = [tool for name in options.mcp for tool in mcp_server(name).tools()]
    given = [web_search(offer) if tool == WEB_SEARCH else tool for tool in options.tools]
    schemas, tools = resolve_tools([*given, *of_servers])
    if any(schema.get("type") == WEB_SEARCH for schema in schemas):
        web_search(offer)
    follow = _follow(options, tools, shape) if tools or shape else None
    if not schemas:
        return ToolSetup((), options.parameters, follow)
    if offer.functions == "no":
        raise UnsupportedError(
            f"{offer.model.id} at {offer.provider.title} takes no functions",
            hint=_ANOTHER.get(offer.provider.name, "choose another model, or leave the tools out"),
            provider=offer.provider.name,
        )
    return ToolSetup(schemas, {**_wanted(options, offer, tools), **options.parameters}, follow)


def web_search(offer: Offer) -> Mapping[str, Any]:
    """Return the provider's own web search as a tool.

    Raises
    ------
    UnsupportedError
        The provider has none for this model.
    """
    provider = offer.provider
    if not provider.web_search or offer.web_search == "no":
        raise UnsupportedError(
            f"{provider.title} has no web search for {offer.model.id}",
            hint="ask at bigmodel or zai, or give a function of your own that searches",
            provider=provider.name,
        )
    search = {"enable": True, "search_engine": provider.web_search, "search_result": True}
    return {"type": WEB_SEARCH, WEB_SEARCH: search}


def _wanted(options: Options, offer: Offer, tools: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body keys that functions of ours call for; the caller's own win over them."""
    wanted: dict[str, Any] = {}
    if tools and offer.tool_stream == "yes":
        wanted["tool_stream"] = True  # arguments appear as they arrive
    if options.parallel and "parallel_tool_calls" in offer.provider.parameters:
        wanted["parallel_tool_calls"] = True
    return wanted


def _follow(options: Options, tools: Mapping[str, Any], shape: OutputSchema | None) -> ToolPlan:
    return ToolPlan(
        tools=tools,
        max_rounds=options.max_rounds or MAX_ROUNDS,
        approve=_approve(options.approve),
        parallel=bool(options.parallel),
        timeout_s=options.tool_timeout_s or TOOL_TIMEOUT_S,
        schema=shape,
    )


def _approve(wanted: bool | Approve | None) -> Approve | None:
    if wanted is True:
        return ask_user
    return wanted or None
