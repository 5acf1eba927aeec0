"""What went over the wire, without the key: for ``%glm wire`` and ``--dry-run``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pprint import pformat
from typing import Any

from ..credentials import find_key
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from .display import Displayable, Sections

_MOST_RAW_CHARACTERS = 20_000


def dry_run(calls: Sequence[PreparedRequest]) -> Displayable:
    """Return the request that would be sent, or that of each lane."""
    places = dict.fromkeys(f"{c.offer.model.id} at {c.offer.provider.name}" for c in calls)
    what = "Request" if len(calls) == 1 else f"{len(calls)} requests"
    parts = [part for call in calls for part in _request(call)]
    return Sections(parts, title=f"{what} for {', '.join(places)}; nothing was sent")


def sent(stream: Stream, number: int) -> Displayable:
    """Return each request of a turn, the raw reply, and how to send it again from elsewhere."""
    turn = stream.turn
    title = f"Turn {number}: {turn.model} at {turn.provider}, {turn.status}"
    made = stream.sent or [(stream.call, b"")]
    parts = [part for call, raw in made for part in _exchange(call, raw)]
    return Sections(parts, title=title, folded=True)


def _exchange(call: PreparedRequest, raw: bytes) -> list[tuple[str, str]]:
    text = raw.decode(errors="replace")
    if len(text) > _MOST_RAW_CHARACTERS:
        text = f"{text[:_MOST_RAW_CHARACTERS]}\n… (first of {len(text):,} characters)"
    return [
        *_request(call),
        ("The same with curl", as_curl(call)),
        ("The same in Python", as_python(call)),
        ("Reply as it came", text or "nothing"),
    ]


def _request(call: PreparedRequest) -> list[tuple[str, str]]:
    lines = [f"{name}: {value}" for name, value in call.wire.headers.items()]
    lines += [f"Authorization: Bearer {_variable(call)}"] if _needs_key(call) else []
    head = "\n".join([f"POST {call.wire.url}", "Content-Type: application/json", *lines])
    return [(head, json.dumps(_body(call), ensure_ascii=False, indent=2))]


def _body(call: PreparedRequest) -> Any:
    return json.loads(call.wire.content())


def _needs_key(call: PreparedRequest) -> bool:
    return not call.offer.provider.self_hosted or find_key(call.offer.provider) is not None


def _variable(call: PreparedRequest) -> str:
    """Return where the key is read from; its value is in nothing that is shown."""
    names = call.offer.provider.key_env
    return f"${names[0] if names else 'GLM_API_KEY'}"


def as_curl(call: PreparedRequest) -> str:
    """Return a shell command that sends the same request; the key comes from the environment."""
    body = call.wire.content().decode()
    headers = [shlex.quote(f"{name}: {value}") for name, value in call.wire.headers.items()]
    words = [
        f"curl --no-buffer {shlex.quote(call.wire.url)}",
        "-H 'Content-Type: application/json'",
        *([f'-H "Authorization: Bearer {_variable(call)}"'] if _needs_key(call) else []),
        *(f"-H {header}" for header in headers),
        f"--data {shlex.quote(body)}",
    ]
    return " \\\n  ".join(words)


def as_python(call: PreparedRequest) -> str:
    """Return a program that sends the same request; the key comes from the environment."""
    headers = [f"{name!r}: {value!r}" for name, value in call.wire.headers.items()]
    if _needs_key(call):
        key = f"os.environ['{_variable(call)[1:]}']"
        headers.append(f'"Authorization": f"Bearer {{{key}}}"')
    return f"""\
import os
import httpx

body = {pformat(_body(call), width=96, sort_dicts=False)}
headers = {{{", ".join(headers)}}}
url = {call.wire.url!r}
with httpx.stream("POST", url, json=body, headers=headers, timeout=300) as reply:
    for line in reply.iter_lines():
        print(line)"""
