"""A class of the notebook as the shape of an answer."""

import pytest

from glm_magic.core.errors import InvalidValueError, SchemaError, UnknownNameError
from tests.servers.script import Script

CLASSES = """
from dataclasses import dataclass
from pydantic import BaseModel
class City(BaseModel):
    name: str
    people: int
@dataclass
class Point:
    x: int
class Cities(BaseModel):
    cities: list[City]
town = {"type": "object", "properties": {"name": {"type": "string"}}}
"""


@pytest.fixture
def classes(glm_shell, model_server):
    """Give a shell that knows some classes, at a model that answers in JSON."""
    model_server.tell(Script(answer='{"name": "Ulm", "people": 126000}'))
    glm_shell.run(CLASSES)
    return glm_shell


def test_the_value_is_an_object_of_the_class(classes, sent):
    classes.run("%%glm glm-4.6 --schema City -o reply\nUlm?")
    assert sent()[0]["response_format"] == {"type": "json_object"}
    assert classes["reply"].value == classes["City"](name="Ulm", people=126000)


def test_a_dict_of_the_notebook_is_a_schema_too(classes):
    classes.run("%%glm --schema town\nUlm?")
    assert classes["_glm"].value == {"name": "Ulm", "people": 126000}


def test_records_can_be_made_a_frame(classes, model_server):
    model_server.tell(Script(answer='{"cities": [{"name": "Ulm", "people": 1}]}'))
    classes.run("%%glm --schema Cities\nUlm?")
    assert list(classes["_glm"].to_frame().columns) == ["name", "people"]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("Citty", UnknownNameError, "did you mean City?"),
        ("City.nothing", UnknownNameError, "no such name"),
        ("list[City]", InvalidValueError, "--schema takes a name"),
    ],
)
def test_what_is_no_schema_is_refused_before_anything_is_sent(classes, sent, name, error, words):
    lines = classes.fail(f"%%glm --schema {name}\nUlm?")
    assert len(lines) == 2
    assert lines[0].startswith(error.__name__)
    assert words in " ".join(lines)
    assert sent() == []


def test_an_answer_that_never_fits_fails_the_cell_and_keeps_the_text(classes, model_server):
    model_server.tell(Script(answer="I would rather not."))
    lines = classes.fail("%%glm --schema City\nUlm?")
    assert isinstance(classes.error, SchemaError)
    assert classes.error.text == "I would rather not."
    assert any("I would rather not." in line for line in lines)
    assert classes["_glm"].value is None
