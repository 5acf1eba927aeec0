"""Requests and raw replies as they are on the wire, without the key.

``%glm wire`` and ``--dry-run`` show them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pprint import pformat
from typing import Any

from ..catalogue.resolve import LOCAL
from ..core.attachments import by_hash
from ..core.i18n import from_data, plural, tr, translate
from ..core.text import json_content
from ..credentials import ANY_PROVIDER
from ..dialects.attachments import Shown
from ..engine.prepared import PreparedRequest
from ..engine.stream import Stream
from .display import Displayable, Sections

_MOST_RAW_CHARACTERS = 20_000
LOGIN = "$GLM_LOGIN"
"""Stands for the login of the base URL, in base64, as the header has it."""


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
        *_shown(request),
        ("The same with curl", as_curl(request)),
        ("The same in Python", as_python(request)),
        ("Raw reply", text or tr("nothing")),
    ]


def _request(request: PreparedRequest) -> list[tuple[str, str]]:
    lines = [f"{name}: {value}" for name, value in request.wire.headers.items()]
    lines += [f"Authorization: {_authorization(request)}"] if _authorization(request) else []
    head = "\n".join([f"POST {request.wire.url}", "Content-Type: application/json", *lines])
    return [(head, json.dumps(_body(request), ensure_ascii=False, indent=2))]


def _shown(request: PreparedRequest) -> list[tuple[str, str]]:
    """Return what to do with the hashes of pictures, where the request holds any."""
    if not Shown(request.request.messages, request.offer).in_order:
        return []
    text = tr("named by their hash; to send it again, put data:…;base64 and the content there")
    return [("Pictures and files", translate(text))]


def _body(request: PreparedRequest) -> Any:
    """Return the body as it is shown: a picture has a million characters, and its hash 64."""
    return json.loads(json_content(by_hash(request.wire.body)))


def _authorization(request: PreparedRequest) -> str:
    """Return what the header has in place of the key or login; empty where there is neither."""
    key, provider = request.key, request.offer.provider
    if key is not None and key.is_blank and key.has_login:
        return f"Basic {LOGIN}"
    if provider.name == LOCAL or (provider.self_hosted and (key is None or key.is_blank)):
        return ""
    return f"Bearer {_variable(request)}"


def _variable(request: PreparedRequest) -> str:
    """Return where the key is read from; its value is in nothing that is shown."""
    names = (*request.offer.provider.key_env, ANY_PROVIDER)
    source = request.key.source.partition(" ")[0] if request.key is not None else ""
    return f"${source if source in names else names[0]}"


def as_curl(request: PreparedRequest) -> str:
    """Return a shell command that sends the same request; the key comes from the environment."""
    body = json_content(by_hash(request.wire.body)).decode()
    headers = [shlex.quote(f"{name}: {value}") for name, value in request.wire.headers.items()]
    arguments = [
        f"curl --no-buffer {shlex.quote(request.wire.url)}",
        "-H 'Content-Type: application/json'",
        *([f'-H "Authorization: {value}"'] if (value := _authorization(request)) else []),
        *(f"-H {header}" for header in headers),
        f"--data {shlex.quote(body)}",
    ]
    return " \\\n  ".join(arguments)


def as_python(request: PreparedRequest) -> str:
    """Return a program that sends the same request; the key comes from the environment."""
    headers = [f"{name!r}: {value!r}" for name, value in request.wire.headers.items()]
    scheme, _, value = _authorization(request).partition(" ")
    if scheme:
        key = f"os.environ['{value[1:]}']"
        headers.append(f'"Authorization": f"{scheme} {{{key}}}"')
    return f"""\
import os
import httpx

body = {pformat(_body(request), width=96, sort_dicts=False)}
headers = {{{", ".join(headers)}}}
url = {request.wire.url!r}
with httpx.stream("POST", url, json=body, headers=headers, timeout=300) as reply:
    for line in reply.iter_lines():
        print(line)"""
