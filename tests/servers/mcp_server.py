"""A server of the Model Context Protocol, made with the official SDK: over stdio, or HTTP."""

from __future__ import annotations

import os
import sys
import time

from mcp.server.mcpserver import Image, MCPServer

server = MCPServer("example")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def search(word: str) -> list[str]:
    """Find a word."""
    return [f"{word} here", f"{word} there"]


@server.tool()
def fail() -> str:
    """Always fail."""
    raise ValueError("out of order")


@server.tool()
def slow() -> str:
    """Take a minute."""
    time.sleep(60)
    return "done"


@server.tool()
def picture() -> Image:
    """Show a dot."""
    return Image(data=b"\x89PNG", format="png")


@server.tool()
def vanish() -> str:
    """End the server in the middle of a call."""
    os._exit(3)


@server.tool()
def environment(name: str) -> str:
    """Tell an environment variable."""
    return os.environ.get(name, "not set")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
