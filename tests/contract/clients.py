"""The calls that the vendors document, made with their own clients, and by us."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.vendor import KEY

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
        },
    },
}
QUESTION = [{"role": "user", "content": "Why is the sky blue? 天为什么是蓝的?"}]
HISTORY = [
    {"role": "user", "content": "Name a colour."},
    {"role": "assistant", "content": "Blue."},
    {"role": "user", "content": "Why that one?"},
]
ROUND = [
    {"role": "user", "content": "How is the weather in Rome?"},
    {
        "role": "assistant",
        "content": "I will look.",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]

DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAA"
    "AElFTkSuQmCC"
)
"""A picture of one red pixel."""
PICTURE = {"type": "image_url", "image_url": {"url": DOT}}
LINKED = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
TEXT = {"type": "text", "text": "What do you see? 看到什么?"}
DOCUMENT = {"type": "file_url", "file_url": {"url": "https://example.org/paper.pdf"}}
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
GATEWAY_FILE = {"type": "file", "file": {"filename": "paper.pdf", "file_data": PDF}}


def shown(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a prompt in parts."""
    return [{"role": "user", "content": list(parts)}]


Calls = dict[int, list[str]]


@dataclass
class Read:
    """What a client read from a reply."""

    reasoning: str = ""
    answer: str = ""
    calls: Calls = field(default_factory=dict)
    usage: tuple[int, int] | None = None

    def add_calls(
        self, fragments: Iterable[tuple[int, str | None, str | None, str | None]]
    ) -> None:
        """Join tool-call fragments by index."""
        for index, id_, name, arguments in fragments:
            call = self.calls.setdefault(index, ["", "", ""])
            known = [id_ or call[0], name or call[1], call[2] + (arguments or "")]
            self.calls[index] = known

    @property
    def call_list(self) -> list[tuple[str, ...]]:
        """Id, name and arguments of each call."""
        return [tuple(call) for _, call in sorted(self.calls.items())]


@dataclass(frozen=True)
class Documented:
    """One documented call: how the vendor's client makes it, and how we do."""

    id: str
    path: str
    """Where the client's base URL points on the server."""
    theirs: Callable[[str], Read]
    ours: Mapping[str, Any]
    """Keywords of `glm_magic.ask`."""
    prompt: Any = field(default_factory=lambda: QUESTION)


def with_openai(base_url: str, **asked: Any) -> Read:
    """Make a call with the openai client, streamed or not."""
    from openai import OpenAI

    with OpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client:
        reply = client.chat.completions.create(**{"messages": QUESTION, **asked})
        return _openai_stream(reply) if asked.get("stream") else _openai_message(reply)


def _openai_stream(reply: Any) -> Read:
    read = Read()
    for chunk in reply:
        if chunk.usage:
            read.usage = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        for choice in chunk.choices:
            _add_delta(read, choice.delta)
    return read


def _openai_message(reply: Any) -> Read:
    read = Read(usage=(reply.usage.prompt_tokens, reply.usage.completion_tokens))
    _add_delta(read, reply.choices[0].message)
    return read


def _add_delta(read: Read, delta: Any) -> None:
    read.answer += delta.content or ""
    read.reasoning += getattr(delta, "reasoning_content", None) or ""
    read.reasoning += getattr(delta, "reasoning", None) or ""
    read.add_calls(
        (getattr(call, "index", None) or 0, call.id, call.function.name, call.function.arguments)
        for call in delta.tool_calls or ()
    )


def with_zai(base_url: str, *, international: bool = False, **asked: Any) -> Read:
    """Make a call with the zai-sdk client, streamed or not."""
    import zai

    kind = zai.ZaiClient if international else zai.ZhipuAiClient
    client = kind(api_key=KEY, base_url=base_url, max_retries=0)
    try:
        reply = client.chat.completions.create(**{"messages": QUESTION, **asked})
        return _openai_stream(reply) if asked.get("stream") else _openai_message(reply)
    finally:
        client.close()


def with_dashscope(base_url: str, **asked: Any) -> Read:
    """Make a streamed call with the dashscope client."""
    import dashscope

    read = Read()
    usual, dashscope.base_http_api_url = dashscope.base_http_api_url, base_url
    try:
        for frame in dashscope.Generation.call(api_key=KEY, **{"messages": QUESTION, **asked}):
            if frame.status_code != 200:
                raise RuntimeError(frame.code)
            _add_frame(read, frame)
    finally:
        dashscope.base_http_api_url = usual
    return read


def _add_frame(read: Read, frame: Any) -> None:
    message = frame.output.choices[0].message
    read.answer += message.content
    read.reasoning += message.get("reasoning_content") or ""
    read.usage = frame.usage.input_tokens, frame.usage.output_tokens
    read.add_calls(
        (call.get("index", 0), call.get("id"), call["function"].get("name"), arguments)
        for call in message.get("tool_calls") or ()
        for arguments in [call["function"].get("arguments")]
    )


STREAM: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
NATIVE: dict[str, Any] = {"stream": True, "incremental_output": True, "result_format": "message"}
THINKING = {"type": "enabled"}
COMPATIBLE_PATH = "/compatible-mode/v1"
NATIVE_PATH = "/api/v1"
BIGMODEL_PATH = "/api/paas/v4"
CODING_PATH = "/api/coding/paas/v4"
GATEWAY_PATH = "/api/gpt/v1"


def documented() -> list[Documented]:
    """Return every documented call."""
    return [*_model_studio(), *_model_studio_native(), *_bigmodel(), *_gateway(), *_seeing()]


def _seeing() -> list[Documented]:
    """Return the documented calls that show a model something."""

    def by_zai(
        name: str, model: str, messages: list[dict[str, Any]], provider: str = "bigmodel"
    ) -> Documented:
        asked = {"model": model, "messages": messages, "stream": True}

        def theirs(base: str) -> Read:
            # the client takes the head of a picture's content off in the very dict it is given
            return with_zai(base, international=provider == "zai", **copy.deepcopy(asked))

        ours = {"provider": provider, "model": model}
        return Documented(f"{provider}: {name}", BIGMODEL_PATH, theirs, ours, messages)

    def by_openai(
        provider: str, name: str, model: str, path: str, messages: list[dict[str, Any]]
    ) -> Documented:
        asked = {"model": model, "messages": messages, "stream": True}

        def theirs(base: str) -> Read:
            return with_openai(base, **asked)

        ours = {"provider": provider, "model": model.removeprefix("z-ai/")}
        return Documented(f"{provider}: {name}", path, theirs, ours, messages)

    return [
        by_zai("a picture, then a question", "glm-4.5v", shown(PICTURE, TEXT)),
        by_zai("two pictures, one by its address", "glm-4.6v", shown(PICTURE, LINKED, TEXT)),
        by_zai("a document", "glm-5v-turbo", shown(DOCUMENT, TEXT)),
        by_zai("international", "glm-4.6v", shown(PICTURE, TEXT), "zai"),
        by_openai("openrouter", "a question, then a picture", "z-ai/glm-4.6v", NATIVE_PATH,
                  shown(TEXT, PICTURE)),
        by_openai("openrouter", "a document", "z-ai/glm-4.6v", NATIVE_PATH,
                  shown(TEXT, GATEWAY_FILE)),
        by_openai("vllm", "a picture between texts", "zai-org/GLM-4.7-Flash", "/v1",
                  shown(TEXT, PICTURE, {"type": "text", "text": "And why?"})),
    ]  # fmt: skip


def _model_studio() -> list[Documented]:
    def compatible(name: str, asked: dict[str, Any], **ours: Any) -> Documented:
        def theirs(base: str) -> Read:
            return with_openai(base, **STREAM, **asked)

        ours = {"provider": "dashscope", "model": asked["model"], **ours}
        return Documented(name, COMPATIBLE_PATH, theirs, ours, asked.get("messages", QUESTION))

    tools = {"tools": [WEATHER]}
    thinks = {"extra_body": {"enable_thinking": True}}
    return [
        *(
            compatible(f"thinking on, {model}", {"model": model, **thinks}, thinking=True)
            for model in ("glm-4.5", "glm-4.5-air", "glm-4.6", "glm-4.7", "glm-5")
        ),
        compatible(
            "thinking off",
            {"model": "glm-4.6", "extra_body": {"enable_thinking": False}},
            thinking=False,
        ),
        compatible("nothing but the question", {"model": "glm-5"}),
        compatible(
            "streamed tool arguments",
            {"model": "glm-5", **tools, "extra_body": {"tool_stream": True}},
            tools=[WEATHER],
            params={"tool_stream": True},
        ),
        compatible("tool arguments at once", {"model": "glm-5", **tools}, tools=[WEATHER]),
        compatible(
            "a tool's result", {"model": "glm-5", "messages": ROUND, **tools}, tools=[WEATHER]
        ),
        compatible(
            "every sampling parameter",
            {
                "model": "glm-4.6",
                "temperature": 0.6,
                "top_p": 0.95,
                "max_tokens": 100,
                "seed": 7,
                "presence_penalty": 0.5,
                "stop": ["END"],
                "extra_body": {"top_k": 20, "repetition_penalty": 1.0, "thinking_budget": 50},
            },
            temperature=0.6,
            top_p=0.95,
            max_tokens=100,
            params={
                "seed": 7,
                "presence_penalty": 0.5,
                "stop": ["END"],
                "top_k": 20,
                "repetition_penalty": 1.0,
                "thinking_budget": 50,
            },
        ),
    ]


def _model_studio_native() -> list[Documented]:
    def native(name: str, asked: dict[str, Any], **ours: Any) -> Documented:
        def theirs(base: str) -> Read:
            return with_dashscope(base, **NATIVE, **asked)

        ours = {"provider": "dashscope-native", "model": asked["model"], **ours}
        return Documented(
            f"native: {name}", NATIVE_PATH, theirs, ours, asked.get("messages", QUESTION)
        )

    return [
        *(
            native(
                f"thinking on, {model}", {"model": model, "enable_thinking": True}, thinking=True
            )
            for model in ("glm-4.5", "glm-5")
        ),
        native("thinking off", {"model": "glm-4.6", "enable_thinking": False}, thinking=False),
        native(
            "streamed tool arguments",
            {"model": "glm-5", "tools": [WEATHER], "tool_stream": True},
            tools=[WEATHER],
            params={"tool_stream": True},
        ),
        native(
            "a tool's result",
            {"model": "glm-5", "messages": ROUND, "tools": [WEATHER]},
            tools=[WEATHER],
        ),
        native(
            "sampling parameters",
            {"model": "glm-4.6", "temperature": 0.6, "top_p": 0.95, "max_tokens": 9, "seed": 3},
            temperature=0.6,
            top_p=0.95,
            max_tokens=9,
            params={"seed": 3},
        ),
    ]


def _bigmodel() -> list[Documented]:
    def bigmodel(
        name: str, asked: dict[str, Any], path: str = BIGMODEL_PATH, **ours: Any
    ) -> Documented:
        provider = ours.setdefault("provider", "bigmodel")

        def theirs(base: str) -> Read:
            return with_zai(base, international=provider == "zai", **asked)

        ours = {"model": asked["model"], **ours}
        return Documented(
            f"{provider}: {name}", path, theirs, ours, asked.get("messages", QUESTION)
        )

    history = {"model": "glm-4.5", "messages": HISTORY, "thinking": THINKING}
    limits = {"max_tokens": 4096, "temperature": 0.6}
    ours = {"thinking": True, **limits}
    return [
        bigmodel("three messages, streamed", {**history, **limits, "stream": True}, **ours),
        bigmodel("three messages, whole", {**history, **limits}, **ours),
        bigmodel("international", {**history, **limits, "stream": True}, provider="zai", **ours),
        bigmodel(
            "thinking off",
            {"model": "glm-4.6", "thinking": {"type": "disabled"}, "stream": True},
            thinking=False,
        ),
        bigmodel("nothing but the question", {"model": "glm-4.5-flash", "stream": True}),
        bigmodel(
            "streamed tool arguments",
            {"model": "glm-4.6", "tools": [WEATHER], "tool_stream": True, "stream": True},
            tools=[WEATHER],
            params={"tool_stream": True},
        ),
        bigmodel(
            "a tool's result on the Coding Plan",
            {"model": "glm-4.7", "messages": ROUND, "tools": [WEATHER], "stream": True},
            path=CODING_PATH,
            provider="zai",
            tools=[WEATHER],
        ),
    ]


def _gateway() -> list[Documented]:
    def gateway(name: str, asked: dict[str, Any], **ours: Any) -> Documented:
        def theirs(base: str) -> Read:
            return with_openai(base, **asked)

        ours = {"provider": "wcode", "model": "glm-4.5", **ours}
        return Documented(f"wcode: {name}", GATEWAY_PATH, theirs, ours)

    model = "z-ai/glm-4.5"
    return [
        gateway("nothing but the question", {"model": model}),
        gateway("streamed", {"model": model, "stream": True}),
        *(
            gateway(
                f"reasoning {'on' if on else 'off'}",
                {"model": model, "extra_body": {"reasoning": {"enabled": on}}},
                thinking=on,
            )
            for on in (True, False)
        ),
        gateway(
            "every parameter of the page",
            {
                "model": model,
                "temperature": 1.0,
                "top_p": 1.0,
                "frequency_penalty": 0.0,
                "presence_penalty": 0.0,
                "seed": 1,
                "max_tokens": 50,
                "logprobs": True,
                "top_logprobs": 2,
                "stop": ["END"],
                "tools": [WEATHER],
                "tool_choice": "auto",
                "parallel_tool_calls": True,
                "verbosity": "low",
                "extra_body": {"top_k": 0, "repetition_penalty": 1.0, "min_p": 0.0, "top_a": 0.0},
            },
            temperature=1.0,
            top_p=1.0,
            max_tokens=50,
            tools=[WEATHER],
            params={
                "frequency_penalty": 0.0,
                "presence_penalty": 0.0,
                "seed": 1,
                "logprobs": True,
                "top_logprobs": 2,
                "stop": ["END"],
                "tool_choice": "auto",
                "parallel_tool_calls": True,
                "verbosity": "low",
                "top_k": 0,
                "repetition_penalty": 1.0,
                "min_p": 0.0,
                "top_a": 0.0,
            },
        ),
    ]
