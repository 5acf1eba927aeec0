"""The real llama.cpp server holds a small model to a JSON schema."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field

import glm_magic as glm

pytestmark = pytest.mark.local


class City(BaseModel):
    """A city."""

    name: str = Field(max_length=20)
    size: Literal["small", "large"]
    people: int = Field(ge=0, le=99_999_999)


@pytest.fixture
def at(at):
    return {**at, "temperature": 0, "max_tokens": 400}


@pytest.mark.parametrize("thinking", [False, None])
def test_the_server_holds_the_model_to_the_schema(at, thinking):
    reply = glm.ask("Describe the city of Paris.", schema=City, thinking=thinking, **at)
    assert isinstance(reply.value, City)
    assert reply.status == "complete"
    assert len(reply.steps) == 1
    assert reply.request["response_format"]["type"] == "json_schema"


def test_a_list_of_records_comes_back_as_objects(at):
    schema = {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {
            "type": "object",
            "properties": {"word": {"type": "string", "maxLength": 10}},
            "required": ["word"],
            "additionalProperties": False,
        },
    }
    reply = glm.ask("Two colours.", schema=schema, thinking=False, **at)
    assert len(reply.to_frame()) == 2
    assert all(set(item) == {"word"} for item in reply.value)
