"""Reply bodies of every dialect, told by the project's own servers from the project's own words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.servers.bigmodel import BigModel
from tests.servers.model_studio import ModelStudio
from tests.servers.model_studio_native import ModelStudioNative
from tests.servers.openrouter import OpenRouter, Wcode
from tests.servers.script import Call, Failure, Script, Tokens
from tests.servers.selfhost import SelfHost
from tests.servers.vendor import Vendor, to_json

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
PARIS = Call("get_weather", '{"city": "Paris", "note": "é😀"}', "call_a1")
ROME = Call("get_weather", '{"city": "Rome"}', "call_b2")


@dataclass(frozen=True)
class Body:
    """One reply as bytes, the request that it answers, and what it says."""

    id: str
    dialect: str
    request: dict[str, Any]
    content: bytes
    reasoning: str
    answer: str
    calls: tuple[Call, ...] = ()
    tokens: Tokens | None = None
    finish: str | None = "stop"
    failure: Failure | None = None
    tags: bool = False
    records: list[bytes] = field(default_factory=list, compare=False)


VENDORS: dict[str, tuple[str, Vendor]] = {
    "dashscope": ("dashscope", ModelStudio()),
    "dashscope-native": ("dashscope_native", ModelStudioNative()),
    "bigmodel": ("bigmodel", BigModel()),
    "openrouter": ("openrouter", OpenRouter()),
    "wcode": ("wcode", Wcode()),
    "vllm": ("vllm", SelfHost("vllm")),
    "vllm-old": ("vllm", SelfHost("vllm-old")),
    "sglang": ("sglang", SelfHost("sglang")),
    "llamacpp": ("llamacpp", SelfHost("llamacpp")),
    "ollama": ("ollama", SelfHost("ollama")),
    "lmstudio": ("lmstudio", SelfHost("lmstudio")),
}
SELF_HOSTED = ("vllm", "vllm-old", "sglang", "llamacpp", "ollama", "lmstudio")
CUTS_ARGUMENTS = ("dashscope", "dashscope-native", "bigmodel")
"""Vendors that stream a call's arguments in pieces when they are asked to."""

RICH = Script(
    reasoning=("\nSky: \u2028", "short waves 短波", " scatter 😀"),
    answer=("\nBlue", " \u0085light\n\n", "scatters — "),
    calls=(PARIS, ROME),
    tokens=Tokens(17, 53, 21, 8),
    piece_chars=11,
    comments=1,
)
SCRIPTS = {
    "rich": RICH,
    "answer only": Script(answer=("It", " is", " blue."), reasoning=""),
    "reasoning then answer": Script(reasoning=("Think", "ing."), answer=("Blue", ".")),
    "equal deltas": Script(reasoning=("hm", "hm", "hm"), answer=("ha", "ha", "ha", "!", "!")),
    "one character each": Script(reasoning="why", answer="\n\nso", piece_chars=1),
    "cut at the limit": Script(reasoning=("On", " and"), answer="", finish="length"),
    "no usage": Script(reasoning="a", answer="b", tokens=None),
    "zero usage": Script(answer="b", tokens=Tokens(0, 0, 0, 0)),
    "a call only": Script(answer="", calls=(PARIS,)),
    "a call without arguments": Script(answer="", calls=(Call("now", "", "call_n"),)),
    "an error in the middle": Script(
        reasoning="Half", answer=("A", "B"), failure=Failure(500, "boom", "it broke")
    ),
    "no finish reason": Script(reasoning="a", answer=("b", "c"), finish=None, tokens=None),
    "no sentinel": Script(reasoning="a", answer=("b", "c"), done=False),
}
TAGGED = {
    "both tags": Script(reasoning="I think\n", answer="\nSo", tags="both", piece_chars=3),
    "both tags, by character": Script(reasoning="a<b", answer="c</d", tags="both", piece_chars=1),
    "a lone closing tag": Script(reasoning="I think", answer="So", tags="close", piece_chars=2),
    "a tag that never closes": Script(reasoning="I think", answer="", tags="open", piece_chars=4),
}


def body_of(vendor_name: str, script_name: str, script: Script, **options: Any) -> Body:
    """Return a script as the vendor tells it, `options` joining the request."""
    dialect, vendor = VENDORS[vendor_name]
    request = _request(vendor, script, options)
    records = list(vendor.records(script, request))
    spoken = vendor.says(script, request)
    return Body(
        id=f"{vendor_name}: {script_name}",
        dialect=dialect,
        request=request,
        content=b"".join(records),
        reasoning="".join(spoken.reasoning_pieces),
        answer="".join(spoken.answer_pieces),
        calls=spoken.calls,
        tokens=None if spoken.failure else spoken.tokens,
        finish=None if spoken.failure else spoken.finish,
        failure=spoken.failure,
        tags=spoken.tags != "no",
        records=records,
    )


def whole(vendor_name: str, script: Script) -> Body:
    """Return a script as the vendor's reply to a call that is not streamed."""
    body = body_of(vendor_name, "whole", script)
    _, vendor = VENDORS[vendor_name]
    document = to_json(vendor.document(script, body.request)).encode()
    return Body(**{**vars(body), "content": document, "records": [document]})


def _request(vendor: Vendor, script: Script, options: dict[str, Any]) -> dict[str, Any]:
    tools = {"tools": TOOLS} if script.calls else {}
    messages = [{"role": "user", "content": "Why is the sky blue?"}]
    if isinstance(vendor, ModelStudioNative):
        parameters = {"incremental_output": True, "result_format": "message", **tools, **options}
        return {"model": "glm-4.6", "input": {"messages": messages}, "parameters": parameters}
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    return {"model": "glm-4.6", "messages": messages, **usage, **tools, **options}


def bodies() -> Iterator[Body]:
    """Return every script in every dialect."""
    for vendor_name in VENDORS:
        for name, script in SCRIPTS.items():
            yield body_of(vendor_name, name, script)
        if vendor_name in CUTS_ARGUMENTS:
            yield body_of(vendor_name, "rich, streamed arguments", RICH, tool_stream=True)
        if vendor_name in SELF_HOSTED:
            for name, script in TAGGED.items():
                yield body_of(vendor_name, name, script)
    for running in ("null", "none"):
        script = Script(reasoning="a", answer=("b", "b"), running=running)
        yield body_of("dashscope-native", f"running finish reason {running}", script)
    for name in ("rich", "equal deltas", "reasoning then answer"):
        yield body_of(
            "dashscope-native", f"{name}, cumulative", SCRIPTS[name], incremental_output=False
        )


BODIES = list(bodies())
RICH_BODIES = [body for body in BODIES if "rich" in body.id]
