"""Arguments that a real server refuses, since its template takes them as an object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import glm_magic as glm
from glm_magic import local
from glm_magic.core.messages import Message, ToolCall
from glm_magic.local.models import TINY, packaged_model
from glm_magic.local.server import launch

from .asking import asked_at

pytestmark = pytest.mark.local

# The call as the templates of GLM-4.5 and later write it: argument by argument.
TEMPLATE = """
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{%- for call in message.tool_calls or [] -%}
<tool_call>{{ call.function.name }}
{% for key, value in call.function.arguments.items() -%}
<arg_key>{{ key }}</arg_key>
<arg_value>{{ value if value is string else value | tojson }}</arg_value>
{% endfor -%}
</tool_call>
{%- endfor -%}
{{ message.content or '' }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""

WRITTEN = {
    "broken": '{"city": "Ul',
    "none": "",
    "scalar": "7",
    "list": "[1]",
    "text": '"Ulm"',
    "twice": json.dumps('{"city": "Ulm"}'),
    "glued": '{}{"city": "Ulm"}',
    "two": '{"city": "Ulm"}{"city": "Oslo"}',
    "comma": '{"city": "Ulm",}',
    "not a number": '{"days": NaN}',
    "half a character": '{"city": "\\ud83d"}',
    "too large": '{"days": 1e999}',
    "line end": '{"city": "Ulm\n"}',
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local.LocalServer]:
    """Give a server whose template takes arguments apart."""
    if not local.available():
        pytest.skip(local.why_not())
    template = tmp_path_factory.mktemp("template") / "glm.jinja"
    template.write_text(TEMPLATE, encoding="utf-8")
    tiny = replace(
        packaged_model(TINY), template=Path(template), grammar="", sampling={}, params={}
    )
    server = launch(tiny, 60.0)
    yield server
    server.stop()


def status(server: local.LocalServer, arguments: str) -> int:
    """Return what the server answers to arguments in the context, sent as they are."""
    function = {"name": "get_weather", "arguments": arguments}
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "c", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]  # fmt: skip
    request = Request(
        f"{server.base_url}/chat/completions",
        json.dumps({"messages": messages, "max_tokens": 1}).encode(),
        {"Authorization": f"Bearer {server.secret.reveal()}"},
    )
    try:
        with urlopen(request, timeout=60) as response:
            return int(response.status)
    except HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_the_server_refuses_never_reaches_it(kind: str, strict: local.LocalServer) -> None:
    written = WRITTEN[kind]
    assert status(strict, written) >= 400
    assert status(strict, '{"city": "Ulm"}') == 200
    call = Message("assistant", tool_calls=(ToolCall("c", "get_weather", written),))
    conversation = [Message("user", "Weather?"), call, Message("tool", "rain", tool_call_id="c")]
    reply = glm.ask(conversation, **asked_at(strict), model=strict.model, max_tokens=8)
    assert reply.status == "complete"
    assert reply.usage is not None
