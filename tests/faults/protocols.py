"""The dialects, each with one reply in its own words, cut where a fault needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.servers.script import Script
from tests.servers.vendor import to_json
from tests.streams.corpus import Body, body_of, whole

KEY = "sk-faults-4f1e9a72c0"
REPLY = Script(reasoning=("Thi", "nk"), answer=("Bl", "ue"))


@dataclass(frozen=True)
class Protocol:
    """One dialect at one provider."""

    vendor: str
    """Whose words the server speaks."""
    provider: str
    path: str
    model: str
    native: bool = False

    def asked(self, url: str, **options: Any) -> dict[str, Any]:
        """Return the keywords that ask at a server's address."""
        own = {"provider": self.provider, "model": self.model, "base_url": url + self.path}
        return {**own, "api_key": KEY, **options}

    @property
    def reply(self) -> Body:
        """The whole reply: reasoning ``Think``, answer ``Blue``."""
        return body_of(self.vendor, "fault", REPLY)

    @property
    def start(self) -> bytes:
        """The reply up to and with the last piece of the answer."""
        return b"".join(self.reply.records[: self._ends()])

    @property
    def rest(self) -> bytes:
        """What follows `start`: finish reason, usage, sentinel."""
        return b"".join(self.reply.records[self._ends() :])

    def _ends(self) -> int:
        return 1 + next(n for n, record in enumerate(self.reply.records) if b'"ue"' in record)

    def piece(self, text: str) -> bytes:
        """Return one more piece of an answer."""
        record = next(record for record in self.reply.records if b'"ue"' in record)
        return record.replace(b'"ue"', to_json(text).encode())

    def finished(self, reason: str) -> bytes:
        """Return the reply, ended with a reason of the provider's."""
        script = Script(reasoning=REPLY.reasoning, answer=REPLY.answer, finish=reason)
        return body_of(self.vendor, "fault", script).content

    def error_in_stream(self) -> bytes:
        """Return the event by which this provider tells of a failure in mid-stream."""
        error = {"code": "InternalError", "message": "it broke", "request_id": "r-9"}
        if self.native:
            return f"id:9\nevent:error\n:HTTP_STATUS/500\ndata:{to_json(error)}\n\n".encode()
        return f"data: {to_json({'error': error})}\n\n".encode()

    def document(self) -> bytes:
        """Return the reply as one JSON document."""
        return whole(self.vendor, REPLY).content


PROTOCOLS = (
    Protocol("dashscope", "dashscope", "/compatible-mode/v1", "glm-5"),
    Protocol("dashscope-native", "dashscope-native", "/api/v1", "glm-5", native=True),
    Protocol("bigmodel", "bigmodel", "/api/paas/v4", "glm-4.6"),
    Protocol("bigmodel", "zai", "/api/coding/paas/v4", "glm-4.6"),
    Protocol("wcode", "wcode", "/api/gpt/v1", "glm-4.5"),
    Protocol("openrouter", "openrouter", "/api/v1", "glm-4.6"),
    Protocol("vllm", "vllm", "/v1", "glm-4.6"),
    Protocol("sglang", "sglang", "/v1", "glm-4.6"),
    Protocol("llamacpp", "llamacpp", "/v1", "glm-4.6"),
    Protocol("ollama", "ollama", "/v1", "glm-4.6"),
    Protocol("lmstudio", "lmstudio", "/v1", "glm-4.6"),
)
