"""Functions that a real server's model calls; the tiny one is made to, as it never learnt it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest

import glm_magic as glm
from glm_magic import local
from glm_magic.core.errors import UnsupportedError
from glm_magic.local.models import BETTER, TINY, packaged_model
from glm_magic.local.server import launch

from .asking import asked_at

STEPS = Path(local.__file__).with_name("qwen-coder.jinja")
TOOL = {"type": "function", "function": {"name": "population", "parameters": {}}}


def population(city: str) -> int:
    """Return the number of people who live in a city."""
    return len(city)


@pytest.fixture(scope="module")
def obedient() -> Iterator[local.LocalServer]:
    """Give a server whose tiny model is told of functions as the better one is."""
    if not local.available():
        pytest.skip(local.why_not())
    tiny = packaged_model(TINY)
    server = launch(replace(tiny, template=STEPS, grammar="", sampling={}, params={}), 60.0)
    yield server
    server.stop()


def test_a_call_goes_to_the_function_and_its_result_goes_back(
    obedient: local.LocalServer,
) -> None:
    reply = glm.ask(
        'Look up Oslo. Write {"name": "population", "arguments": {"city": "Oslo"}}',
        **asked_at(obedient),
        model=obedient.model,
        tools=[population],
        thinking=False,
        max_rounds=1,
        temperature=0,
        max_tokens=400,
        params={"tool_choice": "required"},
    )
    first, second = reply.steps[:2]
    call, run = first.tool_calls[0], first.runs[0]
    assert call.name == "population"
    assert run.status == "done"
    assert run.content == str(len(json.loads(call.arguments)["city"]))
    sent = [message["role"] for message in second.request["messages"]]
    assert sent == ["user", "assistant", *["tool"] * len(first.tool_calls)]
    assert second.usage.input > first.usage.input, "the result was read"


def test_the_tiny_model_is_known_not_to_call_functions(installed: None) -> None:
    with pytest.raises(UnsupportedError, match="takes no functions") as refused:
        glm.ask("How many?", provider="local", tools=[population])
    assert BETTER in str(refused.value.hint)


def rendered(**values: object) -> str:
    environment = jinja2.Environment(autoescape=False)
    # jinja2's own escapes for HTML, which the server's does not
    environment.filters["tojson"] = lambda value: json.dumps(value)
    template = environment.from_string(STEPS.read_text(encoding="utf-8"))
    return template.render(add_generation_prompt=True, **values)


def test_the_template_tells_the_functions_the_calls_and_the_results() -> None:
    call = {"function": {"name": "population", "arguments": {"city": "Oslo"}}}
    messages = [
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "7"},
    ]
    prompt = rendered(messages=messages, tools=[TOOL], enable_thinking=False)
    assert f"<tools>\n{json.dumps(TOOL)}\n</tools>" in prompt
    assert '<|im_start|>assistant\n{"name": "population", "arguments": {"city": "Oslo"}}' in prompt
    assert "<tool_response>\n7\n</tool_response>" in prompt
    as_text = {"function": {"name": "population", "arguments": '{"city": "Oslo"}'}}
    messages[1] = {**messages[1], "tool_calls": [as_text]}
    assert rendered(messages=messages, tools=[TOOL], enable_thinking=False) == prompt


def test_the_template_says_nothing_of_functions_where_there_are_none() -> None:
    prompt = rendered(messages=[{"role": "user", "content": "Why?"}])
    assert "tool" not in prompt
    assert "clock" not in prompt
