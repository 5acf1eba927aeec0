"""glm_magic: talk to GLM reasoning models inside a notebook.

``%load_ext glm_magic`` gives the magics ``%%glm`` and ``%glm``; the same is there for programs::

    import glm_magic as glm
    reply = glm.ask("why is the sky blue?")

Public names are loaded when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .api import AsyncStream as AsyncStream
    from .api import Comparison as Comparison
    from .api import Reply as Reply
    from .api import Stream as Stream
    from .api import aask as aask
    from .api import ask as ask
    from .api import astream as astream
    from .api import compare as compare
    from .api import enable_nested_asyncio as enable_nested_asyncio
    from .api import stream as stream
    from .core.errors import AccessDeniedError as AccessDeniedError
    from .core.errors import ApiError as ApiError
    from .core.errors import AuthenticationError as AuthenticationError
    from .core.errors import AuthError as AuthError
    from .core.errors import BillingError as BillingError
    from .core.errors import ConnectionFailedError as ConnectionFailedError
    from .core.errors import ContentBlockedError as ContentBlockedError
    from .core.errors import ContextLengthError as ContextLengthError
    from .core.errors import EmptyReplyError as EmptyReplyError
    from .core.errors import GlmError as GlmError
    from .core.errors import IdleTimeoutError as IdleTimeoutError
    from .core.errors import InvalidRequestError as InvalidRequestError
    from .core.errors import InvalidValueError as InvalidValueError
    from .core.errors import MissingKeyError as MissingKeyError
    from .core.errors import NotAnApiError as NotAnApiError
    from .core.errors import NotFoundError as NotFoundError
    from .core.errors import NotOnTapeError as NotOnTapeError
    from .core.errors import ProtocolError as ProtocolError
    from .core.errors import RateLimitError as RateLimitError
    from .core.errors import RefusedError as RefusedError
    from .core.errors import SchemaError as SchemaError
    from .core.errors import ServerError as ServerError
    from .core.errors import TapeError as TapeError
    from .core.errors import UnavailableError as UnavailableError
    from .core.errors import UnknownNameError as UnknownNameError
    from .core.errors import UnsupportedError as UnsupportedError
    from .core.events import ContentDelta as ContentDelta
    from .core.events import ContentWasReasoning as ContentWasReasoning
    from .core.events import Finish as Finish
    from .core.events import ReasoningDelta as ReasoningDelta
    from .core.events import Started as Started
    from .core.events import StreamError as StreamError
    from .core.events import TokenReport as TokenReport
    from .core.events import ToolCallDelta as ToolCallDelta
    from .core.events import UsageReport as UsageReport
    from .core.turn import Notice as Notice
    from .core.turn import Turn as Turn
    from .core.usage import Usage as Usage
    from .engine.tapes import record as record
    from .engine.tapes import replay as replay
    from .magic.extension import load_ipython_extension as load_ipython_extension
    from .magic.extension import unload_ipython_extension as unload_ipython_extension
    from .many.anchors import anchors as anchors
    from .many.batch.files import read_results as read_results
    from .many.batch.handle import Batch as Batch
    from .many.batch.listing import BatchList as BatchList
    from .many.batch.listing import batches as batches
    from .many.results import MapResult as MapResult
    from .many.results import RowReply as RowReply
    from .many.run import amap as amap
    from .many.run import imap as imap
    from .many.run import map as map  # noqa: A004 - as the builtin, over prompts
    from .many.scores import SweepResult as SweepResult
    from .many.scores import VoteResult as VoteResult
    from .many.sweep import sweep as sweep
    from .session.session import Session as Session
    from .tools.mcp_registry import add_mcp as add_mcp
    from .tools.mcp_registry import remove_mcp as remove_mcp

# In the order in which people meet them. The imports above say the same to type checkers;
# a test holds the two against each other.
_EXPORTS = {
    "ask": "api",
    "aask": "api",
    "stream": "api",
    "astream": "api",
    "compare": "api",
    "map": "many.run",
    "amap": "many.run",
    "imap": "many.run",
    "sweep": "many.sweep",
    "anchors": "many.anchors",
    "batches": "many.batch.listing",
    "read_results": "many.batch.files",
    "Session": "session.session",
    "record": "engine.tapes",
    "replay": "engine.tapes",
    "add_mcp": "tools.mcp_registry",
    "remove_mcp": "tools.mcp_registry",
    "Reply": "api",
    "Stream": "api",
    "AsyncStream": "api",
    "Comparison": "api",
    "MapResult": "many.results",
    "RowReply": "many.results",
    "SweepResult": "many.scores",
    "VoteResult": "many.scores",
    "Batch": "many.batch.handle",
    "BatchList": "many.batch.listing",
    "Turn": "core.turn",
    "Usage": "core.usage",
    "GlmError": "core.errors",
    "RefusedError": "core.errors",
    "UnknownNameError": "core.errors",
    "MissingKeyError": "core.errors",
    "InvalidValueError": "core.errors",
    "UnsupportedError": "core.errors",
    "UnavailableError": "core.errors",
    "TapeError": "core.errors",
    "NotOnTapeError": "core.errors",
    "ConnectionFailedError": "core.errors",
    "IdleTimeoutError": "core.errors",
    "ApiError": "core.errors",
    "AuthError": "core.errors",
    "AuthenticationError": "core.errors",
    "AccessDeniedError": "core.errors",
    "BillingError": "core.errors",
    "NotFoundError": "core.errors",
    "InvalidRequestError": "core.errors",
    "ContextLengthError": "core.errors",
    "ContentBlockedError": "core.errors",
    "RateLimitError": "core.errors",
    "ServerError": "core.errors",
    "SchemaError": "core.errors",
    "ProtocolError": "core.errors",
    "NotAnApiError": "core.errors",
    "EmptyReplyError": "core.errors",
    "Started": "core.events",
    "ReasoningDelta": "core.events",
    "ContentDelta": "core.events",
    "ContentWasReasoning": "core.events",
    "ToolCallDelta": "core.events",
    "UsageReport": "core.events",
    "TokenReport": "core.events",
    "Notice": "core.turn",
    "Finish": "core.events",
    "StreamError": "core.events",
    "enable_nested_asyncio": "api",
    "load_ipython_extension": "magic.extension",
    "unload_ipython_extension": "magic.extension",
}
__all__ = [*_EXPORTS, "__version__"]  # noqa: PLE0604 - names of a table


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
