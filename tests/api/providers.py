"""How each provider is asked when it stands on the loopback server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.servers.model_server import ModelServer
from tests.servers.vendor import KEY


@dataclass(frozen=True)
class Place:
    """A provider on the loopback server."""

    provider: str
    path: str
    model: str
    flavor: str = "vllm"
    """Which of the self-hosted servers answers at ``/v1``."""
    hosted: bool = True

    def asked(self, server: ModelServer, **options: Any) -> dict[str, Any]:
        """Return the keywords that ask this provider at the server."""
        key = {"api_key": KEY} if self.hosted else {}
        address = {"base_url": server.url + self.path}
        return {"provider": self.provider, "model": self.model, **address, **key, **options}


PLACES = (
    Place("dashscope", "/compatible-mode/v1", "glm-5"),
    Place("dashscope-intl", "/compatible-mode/v1", "glm-4.6"),
    Place("dashscope-native", "/api/v1", "glm-4.5"),
    Place("dashscope-native-intl", "/api/v1", "glm-4.7"),
    Place("bigmodel", "/api/paas/v4", "glm-4.6"),
    Place("zai", "/api/paas/v4", "glm-4.7"),
    Place("zai", "/api/coding/paas/v4", "glm-5"),
    Place("wcode", "/api/gpt/v1", "glm-4.5"),
    Place("openrouter", "/api/v1", "glm-4.6"),
    Place("vllm", "/v1", "zai-org/GLM-4.7-Flash", "vllm", hosted=False),
    Place("vllm", "/v1", "glm-4.6", "vllm-old", hosted=False),
    Place("sglang", "/v1", "glm-4.6", "sglang", hosted=False),
    Place("llamacpp", "/v1", "anything", "llamacpp", hosted=False),
    Place("ollama", "/v1", "glm-4.7-flash", "ollama", hosted=False),
    Place("lmstudio", "/v1", "glm-4.6", "lmstudio", hosted=False),
)
