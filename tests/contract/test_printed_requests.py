"""Every request that the vendors' pages print is accepted by the server, and is what we send."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

import glm_magic as glm
from tests.reference import reference_files, without_reference
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script
from tests.servers.vendor import KEY

_CURL = re.compile(
    r"curl [^'\"\n]*['\"]?(https://[^'\"\s]+)['\"]? ?\\\n(.*?)(?:-d|--data) '(\{.*?\n\s*\})'",
    re.DOTALL,
)
_PLACES = {
    "/compatible-mode/v1/chat/completions": "dashscope",
    "/api/v1/services/aigc/text-generation/generation": "dashscope-native",
    "/api/paas/v4/chat/completions": "bigmodel",
    "/api/gpt/v1/chat/completions": "wcode",
}


@dataclass(frozen=True)
class Printed:
    """A request as a page prints it."""

    page: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def options(self) -> dict[str, Any]:
        """The body's options, wherever the protocol puts them."""
        if "parameters" in self.body:
            return dict(self.body["parameters"])
        left_out = ("model", "messages", "stream", "stream_options")
        return {name: value for name, value in self.body.items() if name not in left_out}

    @property
    def messages(self) -> Any:
        """The messages, wherever the protocol puts them."""
        return (self.body.get("input") or self.body)["messages"]

    @property
    def ours(self) -> dict[str, Any]:
        """The keywords with which we ask the same."""
        options = self.options
        asked: dict[str, Any] = {"provider": _PLACES[self.path], "model": self.body["model"]}
        if "enable_thinking" in options:
            asked["thinking"] = options.pop("enable_thinking")
        if "thinking" in options:
            asked["thinking"] = options.pop("thinking")["type"] == "enabled"
        if "tools" in options:
            asked["tools"] = options.pop("tools")
        for implied in ("incremental_output", "result_format"):
            options.pop(implied, None)
        return {**asked, "params": options}


def printed() -> list[Printed]:
    """Return every request in the pages."""
    requests = []
    for path in reference_files("documents/0*.txt"):
        text = path.read_text(encoding="utf-8")
        for url, head, body in _CURL.findall(text):
            pairs = (
                line.partition(": ") for line in re.findall(r"['\"]([\w-]+: [^'\"]+)['\"]", head)
            )
            headers = {name.lower(): value for name, _, value in pairs}
            requests.append(Printed(path.stem[:3], urlsplit(url).path, headers, json.loads(body)))
    return requests


every_request = pytest.mark.parametrize("request_", printed() or [without_reference])


def test_the_pages_print_as_many_requests_as_are_tried(reference: object) -> None:
    assert [request.page for request in printed()] == [
        "000",
        "000",
        *["002"] * 4,
        "003",
        "003",
        "004",
    ]


@every_request
def test_a_printed_request_is_accepted_and_is_what_we_send(request_: Printed) -> None:
    with ModelServer(strict=True) as server:
        server.tell(Script(reasoning="Think", answer="Blue", calls=(Call("get_weather", "{}"),)))
        base = server.url + request_.path.removesuffix("/chat/completions")
        base = base.removesuffix("/services/aigc/text-generation/generation")
        reply = glm.ask(request_.messages, base_url=base, api_key=KEY, **request_.ours)
        sent = server.last
    assert (reply.reasoning, reply.answer) == ("Think", "Blue")
    assert bool(reply.tool_calls) == ("tools" in request_.options)
    added = {"stream", "stream_options"} - set(request_.body)
    assert {name: value for name, value in sent.json.items() if name not in added} == {
        **request_.body,
        **({"stream": True} if "stream" in request_.body else {}),
    }
    assert sent.path == request_.path
    for name in set(request_.headers) - {"authorization"}:
        assert sent.headers[name] == request_.headers[name]
