"""Servers of the Model Context Protocol, and their tools.

Each server has one task for as long as it runs, all on one thread: a client of the protocol must be
closed by the task that opened it. All servers end with the process. A tool is offered under its
server's name and its own, since servers name their tools alike, and Model Studio refuses a tool
called ``search``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
import threading
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from ..core.address import shown_url
from ..core.attachments import Attachment
from ..core.errors import GlmError, UnavailableError
from ..core.i18n import tr
from ..core.process import PerProcess
from ..pictures.values import ShownPicture, picture_of
from ..wire.io_thread import LoopThread, cancel_running
from .tool import ToolError, parse_arguments

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

START_S = 30.0
"""How long a server may take to start and to name its tools."""
STOP_S = 5.0
_NETWORK = (
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
"""What a command needs in a network of certificates and proxies of its own; it gets these, too."""
_MOST_PAGES = 50
_CONNECTION_CLOSED = -32000


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: a command that starts it, or the URL of one that runs."""

    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further environment variables of the command."""

    def __str__(self) -> str:
        return shown_url(self.url) or " ".join(self.command)


def _close(thread: LoopThread) -> None:
    if thread.alive:
        # a server that was never added, or that did not stop in time, must end its command
        with contextlib.suppress(Exception, FutureTimeoutError):
            thread.submit(cancel_running()).result(STOP_S)
    thread.close()


_loop_thread = PerProcess(LoopThread, _close, lambda thread: thread.alive)
"""Apart from the thread that sends requests, so that no server of the user can hold those up."""


class McpTool:
    """One tool of a server."""

    runs_in_thread = True

    def __init__(self, server: McpServer, tool: Any) -> None:
        self.name_at_server: str = tool.name
        self.name = re.sub(r"[^A-Za-z0-9_-]", "_", f"{server.name}_{tool.name}")[:64]
        self._server = server
        parameters = _field(tool, "input_schema", "inputSchema") or {"type": "object"}
        description = tool.description or ""
        function = {"name": self.name, "description": description, "parameters": parameters}
        self.schema: Mapping[str, Any] = {"type": "function", "function": function}

    def bind(self, arguments: str) -> Callable[[], Any]:
        """Return the call; the server itself checks the arguments.

        Raises
        ------
        ToolError
            The arguments are not a JSON object.
        """
        given = parse_arguments(arguments)

        async def call() -> str:
            return await asyncio.wrap_future(self._server.call(self.name_at_server, given))

        return call


class McpServer:
    """A server, started when first needed.

    Parameters
    ----------
    name : str
        The user's name for it.
    address : Address
        Where it is.
    """

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self.address = address
        self._client: Client | None = None
        self._tools: tuple[McpTool, ...] = ()
        self._stop: asyncio.Event | None = None
        self._life: Future[None] | None = None
        self._lock = threading.Lock()
        self._last_words = ""
        """The last line that its command wrote to stderr."""

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._life is not None and not self._life.done()

    @property
    def listed(self) -> str:
        """The names of its tools, as it listed them when it was last started."""
        return ", ".join(tool.name_at_server for tool in self._tools)

    def tools(self) -> tuple[McpTool, ...]:
        """Return its tools, starting it if need be.

        Raises
        ------
        UnavailableError
            It cannot be started, or does not answer.
        """
        with self._lock:
            if not self.alive:
                self._start()
            return self._tools

    def _start(self) -> None:
        ready: Future[None] = Future()
        self._life = _loop_thread.get().submit(self._live(ready))
        try:
            ready.result(START_S)
        except FutureTimeoutError:
            self._life.cancel()
            reason = tr("it did not answer within {time:g} s", time=START_S)
            raise self._unavailable(reason) from None
        except GlmError:
            raise
        except Exception as error:
            raise self._unavailable(self._without_login(_reason(error))) from None

    def _without_login(self, text: str) -> str:
        """Return the words of an error without the login and keys of the address."""
        return text.replace(self.address.url, str(self.address)) if self.address.url else text

    def _unavailable(self, why: str) -> UnavailableError:
        if self._last_words:
            why = tr("{reason} ({last})", reason=why, last=self._last_words)
        return UnavailableError(
            tr("the MCP server {name} is not available: {reason}", name=self.name, reason=why),
            hint=tr("check that this works: {command}", command=self.address),
        )

    async def _live(self, ready: Future[None]) -> None:
        """Connect, and keep the connection until the server is to stop."""
        self._stop = asyncio.Event()
        try:
            async with self._connected() as client:
                self._tools = tuple(McpTool(self, tool) for tool in await _list(client))
                self._client = client
                ready.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(_first(error))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._client = None

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        try:
            from mcp import Client, StdioServerParameters, stdio_client
        except ImportError:
            raise UnavailableError(
                tr("MCP servers need the package mcp, which is not installed (or is older than 2)"),
                hint=tr('pip install "glm-magic[mcp]"'),
            ) from None
        if self.address.url:
            async with Client(self.address.url) as client:
                yield client
            return
        command, *arguments = self.address.command
        network = {name: os.environ[name] for name in _NETWORK if name in os.environ}
        env = {**network, **self.address.env}
        parameters = StdioServerParameters(command=command, args=arguments, env=env)
        # a notebook's stderr has no file descriptor that a child process could use
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            try:
                async with Client(stdio_client(parameters, errlog=log)) as client:
                    yield client
            finally:
                self._last_words = _last_line(log)

    def call(self, name: str, arguments: dict[str, Any]) -> Future[Any]:
        """Call a tool; cancelling the result cancels the call."""
        return _loop_thread.get().submit(self._call(name, arguments))

    async def _call(self, name: str, arguments: dict[str, Any]) -> str | list[Any]:
        client = self._client
        if client is None:
            raise ToolError(f"the MCP server {self.name} has ended")
        try:
            result = await client.call_tool(name, arguments)
        except Exception as error:
            if getattr(error, "code", None) == _CONNECTION_CLOSED and self._stop is not None:
                self._stop.set()  # its command has ended; the next turn restarts it
            raise ToolError(f"the MCP server {self.name}: {_reason(error)}") from None
        text = _text(result)
        if _field(result, "is_error", "isError"):
            raise ToolError(text or "the tool failed")
        pictures = _pictures(result)
        return [text, *pictures] if pictures else text

    def stop(self) -> None:
        """End the connection, and the command where there is one."""
        life, stop = self._life, self._stop
        if life is None or life.done() or stop is None:
            return
        _loop_thread.get().loop.call_soon_threadsafe(stop.set)
        with contextlib.suppress(Exception, FutureTimeoutError):
            life.result(STOP_S)
        life.cancel()


async def _list(client: Client) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = _field(page, "next_cursor", "nextCursor")
        if cursor is None:
            break
    return tools


def _text(result: CallToolResult) -> str:
    """Return a result as text; other parts are named by their type."""
    parts = []
    for part in result.content:
        text = getattr(part, "text", None)
        resource = getattr(getattr(part, "resource", None), "text", None)
        content = text if text is not None else resource
        kind = f"({part.type}, {_field(part, 'mime_type', 'mimeType')})"
        parts.append(kind if content is None else content)
    return "\n".join(parts)


def _pictures(result: CallToolResult) -> list[Attachment]:
    """Return the pictures of a result, other than those that are broken."""
    pictures: list[Attachment | None] = []
    for part in result.content:
        content = getattr(part, "data", None)
        if part.type == "image" and isinstance(content, str):
            with contextlib.suppress(GlmError, ValueError):
                pictures.append(picture_of(ShownPicture(b64decode(content)), part.type))
    return [picture for picture in pictures if picture is not None]


def _field(value: Any, *names: str) -> Any:
    """Return a field by whichever of its names exists."""
    return next((getattr(value, name) for name in names if hasattr(value, name)), None)


def _first(error: BaseException) -> BaseException:
    """Return the first real error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _reason(error: BaseException) -> str:
    text = " ".join(str(_first(error)).split())[:200]
    return text or type(_first(error)).__name__


def _last_line(file: IO[str]) -> str:
    try:
        file.seek(0)
        lines = [line.strip() for line in file.read().splitlines() if line.strip()]
    except (OSError, ValueError):
        return ""
    return lines[-1][:200] if lines else ""
