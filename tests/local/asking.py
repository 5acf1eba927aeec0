"""Asking the local server over plain HTTP, as any client would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from glm_magic.local import LocalServer


@dataclass
class Heard:
    """What came back, and in which order."""

    reasoning: str = ""
    answer: str = ""
    finish: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def take(self, chunk: dict[str, Any]) -> None:
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk["choices"]:
            self.finish = choice["finish_reason"] or self.finish
            self._take_delta(choice["delta"])

    def _take_delta(self, delta: dict[str, Any]) -> None:
        for kind in ("reasoning_content", "content"):
            text = delta.get(kind) or ""
            if text and kind not in self.order:
                self.order.append(kind)
            if kind == "content":
                self.answer += text
            else:
                self.reasoning += text


def asked_at(server: LocalServer) -> dict[str, Any]:
    """Return the keywords by which `glm.ask` asks a server."""
    return {
        "provider": "llamacpp",
        "base_url": server.base_url,
        "api_key": server.secret.reveal(),
    }


def ask(server: LocalServer, *messages: str, key: str | None = None, **body: Any) -> Heard:
    """Ask with alternating user and assistant `messages` and hear the whole reply."""
    roles = ("user", "assistant")
    talk = [{"role": roles[n % 2], "content": text} for n, text in enumerate(messages)]
    request = Request(
        f"{server.base_url}/chat/completions",
        json.dumps({"messages": talk, "stream": True, "model": server.model, **body}).encode(),
        {"Authorization": f"Bearer {server.secret.reveal() if key is None else key}"},
    )
    heard = Heard()
    for chunk in _chunks(request):
        heard.take(chunk)
    return heard


def _chunks(request: Request) -> Iterator[dict[str, Any]]:
    with urlopen(request, timeout=60) as response:
        for line in response:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])
