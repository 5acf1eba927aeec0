"""``%glm mcp``: servers of the Model Context Protocol."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from ...core.errors import InvalidValueError
from ...core.i18n import tr
from ...credentials import ANY_PROVIDER
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
def mcp(workspace: Workspace, words: Sequence[str]) -> Displayable:
    """Add, remove or list the servers; to add one again, as it is, changes nothing.

    ``add NAME --env VARIABLE … -- COMMAND`` gives the command further variables, by their names.
    """
    if words[:1] == ["add"]:
        return _add(workspace, words[1], words[2:])
    if words[:1] == ["remove"]:
        return _remove(words[1])
    return _list()


def _add(workspace: Workspace, name: str, rest: Sequence[str]) -> Displayable:
    try:
        parts = shlex.split(" ".join(rest))
    except ValueError as error:
        raise InvalidValueError(
            tr("the command of {name} cannot be parsed: {reason}", name=name, reason=error),
            hint=tr("close every quotation mark"),
        ) from None
    variables, parts = _split_variables(parts)
    env = {variable: _value(workspace, variable) for variable in variables}
    is_url = len(parts) == 1 and parts[0].startswith(("http://", "https://"))
    if is_url and env:
        raise InvalidValueError(
            tr("--env is for a command, and {name} has an address", name=name),
            hint=tr("a server that runs has its environment already"),
        )
    address = Address((), parts[0], {}) if is_url else Address(tuple(parts), "", env)
    server = next((server for server in mcp_servers() if server.name == name), None)
    if server is not None and server.address == address:  # the cell runs again
        tools = [tool.name_at_server for tool in server.tools()]
    else:
        tools = add_mcp(name, address.command, url=address.url, env=env)
    return Paragraph(
        tr(
            "The MCP server {name} is running, with {count} tools: {tools}. --mcp {name}",
            name=name,
            count=len(tools),
            tools=", ".join(tools) or tr("none"),
        )
    )


def _split_variables(parts: list[str]) -> tuple[list[str], list[str]]:
    """Return the names after each ``--env``, and the command or address that follows them."""
    variables: list[str] = []
    while parts[:1] == ["--env"]:
        if parts[1:2] in ([], ["--"]):
            raise InvalidValueError(
                tr("--env names no variable"),
                hint=tr("%glm mcp add NAME --env VARIABLE -- COMMAND"),
            )
        variables.append(parts[1])
        parts = parts[2:]
    return variables, parts[1:] if parts[:1] == ["--"] else parts


def _value(workspace: Workspace, variable: str) -> str:
    """Return a variable's value, unless it is the key of a provider, under whatever name."""
    names = {name for info in workspace.catalogue.providers.values() for name in info.key_env}
    names.add(ANY_PROVIDER)
    value = os.environ.get(variable)
    if variable in names or (value and value in {os.environ.get(name) for name in names}):
        raise InvalidValueError(
            tr(
                "{variable} is the key of a model provider and goes to no MCP server",
                variable=variable,
            ),
            hint=tr(
                "leave it out; a server that needs a key of its own takes it from another variable"
            ),
        )
    if value is None:
        raise InvalidValueError(
            tr("there is no variable {variable} in the environment", variable=variable),
            hint=tr("set it before Jupyter starts; --env takes its name, never its value"),
        )
    return value


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
