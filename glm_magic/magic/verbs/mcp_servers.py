"""``%glm mcp``: servers of the Model Context Protocol."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ...core.errors import InvalidValueError
from ...core.i18n import tr
from ...tools.mcp import Address
from ...tools.mcp_registry import add_mcp, mcp_servers, remove_mcp
from ..display import Displayable, Paragraph, Table
from ..line import candidates
from ..workspace import Workspace
from .arguments import matching
from .registry import verb

SERVER = matching(
    r"[\w.-]+",
    lambda workspace, before: candidates.servers(workspace) if before[-1] == "remove" else (),
    tr("the name of a server"),
)


@verb(
    "mcp",
    "servers of the Model Context Protocol",
    "add NAME …",
    "list",
    "remove NAME",
    NAME=SERVER,
)
def mcp(_: Workspace, words: Sequence[str]) -> Displayable:
    """Add, remove or list the servers; to add one again, as it is, changes nothing."""
    if words[:1] == ["add"]:
        return _add(words[1], words[2:])
    if words[:1] == ["remove"]:
        return _remove(words[1])
    return _list()


def _add(name: str, rest: Sequence[str]) -> Displayable:
    try:
        parts = shlex.split(" ".join(rest))
    except ValueError as error:
        raise InvalidValueError(
            tr("the command of {name} cannot be parsed: {reason}", name=name, reason=error),
            hint=tr("close every quotation mark"),
        ) from None
    parts = parts[1:] if parts[:1] == ["--"] else parts
    is_url = len(parts) == 1 and parts[0].startswith(("http://", "https://"))
    address = Address((), parts[0], {}) if is_url else Address(tuple(parts), "", {})
    server = next((server for server in mcp_servers() if server.name == name), None)
    if server is not None and server.address == address:  # the cell runs again
        tools = [tool.name_at_server for tool in server.tools()]
    else:
        tools = add_mcp(name, address.command, url=address.url)
    return Paragraph(
        tr(
            "The MCP server {name} is running, with {count} tools: {tools}. --mcp {name}",
            name=name,
            count=len(tools),
            tools=", ".join(tools) or tr("none"),
        )
    )


def _remove(name: str) -> Displayable:
    remove_mcp(name)
    return Paragraph(tr("The MCP server {name} is stopped and removed.", name=name))


def _list() -> Displayable:
    rows = [
        (
            server.name,
            tr("runs") if server.alive else tr("ended"),
            str(server.address),
            server.listed,
        )
        for server in mcp_servers()
    ]
    if not rows:
        return Paragraph(
            tr("No MCP server yet: %glm mcp add NAME -- COMMAND ARGUMENTS, or … add NAME URL")
        )
    return Table(("server", "state", "address", "tools"), rows)
