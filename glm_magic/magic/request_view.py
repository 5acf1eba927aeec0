"""Requests and raw replies as they are on the wire, without the key.

``%glm wire`` and ``--dry-run`` show them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pprint import pformat
from typing import Any

from ..core.i18n import from_data, plural, tr, translate
from ..core.text import json_content
from ..credentials import find_key
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from .display import Displayable, Sections

_MOST_RAW_CHARACTERS = 20_000


def dry_run(requests: Sequence[PreparedRequest]) -> Displayable:
    """Return the request that would be sent, or that of each lane."""
    offers = dict.fromkeys(f"{r.offer.model.id} at {r.offer.provider.name}" for r in requests)
    parts = [part for request in requests for part in _request(request)]
    title = plural(
        len(requests),
        "Request for {offers}; nothing was sent",
        "{count} requests for {offers}; nothing was sent",
        offers=", ".join(offers),
    )
    return Sections(parts, title=title)


def sent(stream: Stream, number: int) -> Displayable:
    """Return each request of a turn, the raw reply, and how to send it again from elsewhere."""
    turn = stream.turn
    title = tr(
        "Turn {number}: {model} at {provider}, {status}",
        number=number,
        model=turn.model,
        provider=turn.provider,
        status=from_data(turn.status),
    )
    exchanges = stream.sent or [(stream.call, b"")]
    parts = [part for request, raw in exchanges for part in _exchange(request, raw)]
    return Sections(parts, title=title, folded=True)


def _exchange(request: PreparedRequest, raw: bytes) -> list[tuple[str, str]]:
    text = raw.decode(errors="replace")
    if len(text) > _MOST_RAW_CHARACTERS:
        first = tr("… (first of {count:,} characters)", count=len(text))
        text = f"{text[:_MOST_RAW_CHARACTERS]}\n{translate(first)}"
    return [
        *_request(request),
        ("The same with curl", as_curl(request)),
        ("The same in Python", as_python(request)),
        ("Raw reply", text or tr("nothing")),
    ]


def _request(request: PreparedRequest) -> list[tuple[str, str]]:
    lines = [f"{name}: {value}" for name, value in request.wire.headers.items()]
    lines += [f"Authorization: Bearer {_variable(request)}"] if _needs_key(request) else []
    head = "\n".join([f"POST {request.wire.url}", "Content-Type: application/json", *lines])
    return [(head, json.dumps(_body(request), ensure_ascii=False, indent=2))]


def _body(request: PreparedRequest) -> Any:
    return json.loads(json_content(request.wire.body))


def _needs_key(request: PreparedRequest) -> bool:
    return not request.offer.provider.self_hosted or find_key(request.offer.provider) is not None


def _variable(request: PreparedRequest) -> str:
    """Return where the key is read from; its value is in nothing that is shown."""
    names = request.offer.provider.key_env
    return f"${names[0] if names else 'GLM_API_KEY'}"


def as_curl(request: PreparedRequest) -> str:
    """Return a shell command that sends the same request; the key comes from the environment."""
    body = json_content(request.wire.body).decode()
    headers = [shlex.quote(f"{name}: {value}") for name, value in request.wire.headers.items()]
    arguments = [
        f"curl --no-buffer {shlex.quote(request.wire.url)}",
        "-H 'Content-Type: application/json'",
        *([f'-H "Authorization: Bearer {_variable(request)}"'] if _needs_key(request) else []),
        *(f"-H {header}" for header in headers),
        f"--data {shlex.quote(body)}",
    ]
    return " \\\n  ".join(arguments)


def as_python(request: PreparedRequest) -> str:
    """Return a program that sends the same request; the key comes from the environment."""
    headers = [f"{name!r}: {value!r}" for name, value in request.wire.headers.items()]
    if _needs_key(request):
        key = f"os.environ['{_variable(request)[1:]}']"
        headers.append(f'"Authorization": f"Bearer {{{key}}}"')
    return f"""\
import os
import httpx

body = {pformat(_body(request), width=96, sort_dicts=False)}
headers = {{{", ".join(headers)}}}
url = {request.wire.url!r}
with httpx.stream("POST", url, json=body, headers=headers, timeout=300) as reply:
    for line in reply.iter_lines():
        print(line)"""
