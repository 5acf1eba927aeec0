"""The MCP servers that the user added to this process, by name; they end with it."""

from __future__ import annotations

import atexit
import re
from collections.abc import Mapping, Sequence

from ..core.errors import InvalidValueError, UnknownNameError
from ..core.i18n import tr
from .mcp import Address, McpServer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
_servers: dict[str, McpServer] = {}


def add_mcp(
    name: str,
    command: Sequence[str] = (),
    *,
    url: str = "",
    env: Mapping[str, str] | None = None,
) -> list[str]:
    """Start an MCP server, or connect to one, so that prompts can name it.

    Parameters
    ----------
    name : str
        What to call it.
    command : sequence of str
        Program and arguments that start it.
    url : str
        Address of a running one, instead of a command.
    env : mapping, optional
        Environment variables for the command, besides the few that every command gets and those of
        proxies and certificates.

    Returns
    -------
    list of str
        The names of its tools.

    Raises
    ------
    InvalidValueError
        The name is taken or invalid, or there is neither a command nor a URL.
    UnavailableError
        The server cannot be started or reached.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValueError(
            tr("an MCP server cannot be called {name!r}", name=name),
            hint=tr("use letters, digits, _ and -, at most 31"),
        )
    if bool(command) == bool(url) or (url and not url.startswith(("http://", "https://"))):
        raise InvalidValueError(
            tr("give a command or a URL for the MCP server {name}", name=name),
            hint=tr(
                "%glm mcp add {name} -- COMMAND ARGUMENTS, or %glm mcp add {name} https://…",
                name=name,
            ),
        )
    if name in _servers:
        raise InvalidValueError(
            tr("an MCP server named {name} exists already", name=name),
            hint=tr("%glm mcp remove {name} ends it", name=name),
        )
    server = McpServer(name, Address(tuple(command), url, dict(env or {})))
    tools = server.tools()
    _servers[name] = server
    return [tool.name_at_server for tool in tools]


def remove_mcp(name: str) -> None:
    """End an MCP server and forget it.

    Raises
    ------
    UnknownNameError
        There is no server of that name.
    """
    mcp_server(name).stop()
    del _servers[name]


def mcp_server(name: str) -> McpServer:
    """Return the server of that name.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    if name not in _servers:
        existing = ", ".join(_servers)
        raise UnknownNameError(
            tr("there is no MCP server {name!r}", name=name),
            hint=tr("there are: {names}", names=existing)
            if existing
            else tr("%glm mcp add {name} -- COMMAND ARGUMENTS", name=name),
        )
    return _servers[name]


def mcp_servers() -> list[McpServer]:
    """Return every server that was added."""
    return list(_servers.values())


def stop_all() -> None:
    """End every server."""
    for server in mcp_servers():
        server.stop()
    _servers.clear()


atexit.register(stop_all)
