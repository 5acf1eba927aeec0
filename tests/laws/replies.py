"""Deltas and messages, spelled in every protocol, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from glm_magic.core import events as ev
from glm_magic.dialects import DIALECTS
from tests.laws.decoding import Folded, decode, read

PROTOCOLS = (*DIALECTS, "cumulative")
"""The dialects, and the native one with frames that repeat what came before."""
Delta = Mapping[str, Any]


def is_native(protocol: str) -> bool:
    """Whether a protocol is one of Model Studio's own."""
    return protocol in ("dashscope_native", "cumulative")


def chunk(protocol: str, delta: Delta, finish: str | None = None) -> dict[str, Any]:
    """Return one chunk, or one frame."""
    if is_native(protocol):
        return {"output": {"choices": [{"index": 0, "message": delta, "finish_reason": finish}]}}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def event(protocol: str, delta: Delta, finish: str | None = None) -> bytes:
    """Return one chunk as an event."""
    return b"data: " + json.dumps(chunk(protocol, delta, finish)).encode() + b"\n\n"


def read_body(protocol: str, *parts: bytes) -> Folded:
    """Return what a body says, for frames that are no snapshots."""
    return read("dashscope_native" if is_native(protocol) else protocol, b"".join(parts))


def reply_of(protocol: str, deltas: Iterable[Delta], finish: str | None = "stop") -> list[ev.Event]:
    """Return the events of a reply of these deltas."""
    sent: list[Delta] = []
    so_far: dict[str, Any] = {}
    for delta in deltas:
        so_far = {**so_far, **{name: _joined(so_far.get(name), delta[name]) for name in delta}}
        sent.append(so_far if protocol == "cumulative" else delta)
    body = b"".join(event(protocol, delta) for delta in sent)
    if finish:
        body += event(protocol, so_far if protocol == "cumulative" else {}, finish)
    request = {"parameters": {"incremental_output": False}} if protocol == "cumulative" else None
    return decode("dashscope_native" if is_native(protocol) else protocol, [body], request)


def _joined(before: Any, added: Any) -> Any:
    """Return what a snapshot holds after one more delta."""
    is_call = isinstance(added, list) and any(
        isinstance(item, Mapping) and "id" in item for item in added
    )
    if isinstance(before, str | list) and isinstance(added, type(before)) and not is_call:
        return before + added
    return added or before


def document_of(protocol: str, message: Delta) -> Folded:
    """Return what a reply says that comes as one document."""
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    document = {"output": {"choices": [choice]}} if is_native(protocol) else {"choices": [choice]}
    return read_body(protocol, json.dumps(document).encode())
