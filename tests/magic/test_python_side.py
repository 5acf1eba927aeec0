"""The notebook's own session, its background turns and its errors, from Python."""

from __future__ import annotations

import inspect

import pytest

import glm_magic as glm
from glm_magic.core import errors
from glm_magic.core.errors import InvalidValueError, UnavailableError
from tests.servers.script import Failure, Script, Tokens

ERRORS = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.GlmError)
}


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_class_is_public(name):
    assert getattr(glm, name) is ERRORS[name]
    assert name in glm.__all__


def test_what_is_not_public_is_not_listed():
    assert sorted(glm.__all__) == dir(glm)
    assert not {"Any", "sys", "annotations", "import_module"} & set(dir(glm))


def test_a_failure_is_caught_by_its_public_class(glm_shell, model_server):
    model_server.tell(Script(refusal=Failure(429, "1308", "window used up")))
    glm_shell.run(
        "import glm_magic as glm\n"
        "try:\n    glm.ask('why?')\n"
        "except glm.BillingError as error:\n    caught = error"
    )
    assert isinstance(glm_shell["caught"], glm.ApiError)


def test_the_notebooks_session_is_there_in_python(glm_shell, sent):
    glm_shell.run("%glm -q my name is Ada")
    glm_shell.run("import glm_magic as glm; session = glm.Session.notebook()")
    glm_shell.run("reply = session.ask('what is my name?')")
    texts = [message["content"] for message in sent()[-1]["messages"]]
    assert texts == ["my name is Ada", "Because.", "what is my name?"]
    assert "what is my name?" in glm_shell.run("%glm show")
    glm_shell.run("%glm new physics")
    glm_shell.run("assert glm.Session.notebook().name == 'physics'")


def test_a_program_without_the_extension_has_no_session_of_a_notebook():
    with pytest.raises(UnavailableError, match="the extension is not loaded") as caught:
        glm.Session.notebook()
    assert "%load_ext glm_magic" in caught.value.hint


def test_a_session_is_saved_and_loaded_in_python(glm_shell, tmp_path):
    glm_shell.run("import glm_magic as glm; s = glm.Session('talk', system='Be brief.')")
    glm_shell.run("s.ask('one?'); s.ask('two?')")
    path = tmp_path / "talk.jsonl"
    glm_shell.run(f"s.save({str(path)!r})")
    glm_shell.run(f"again = glm.Session.load({str(path)!r})")
    again = glm_shell["again"]
    assert [turn.prompt for turn in again.turns] == ["one?", "two?"]
    assert (again.name, again.options.system) == ("talk", "Be brief.")
    assert again.turns == glm_shell["s"].turns
    glm_shell.run(f"brief = glm.Session.load({str(path)!r}, system='Be long.')")
    assert glm_shell["brief"].options.system == "Be long."
    with pytest.raises(InvalidValueError, match="cannot be read"):
        glm.Session.load(tmp_path / "none.jsonl")


def public(value):
    return {name for name in dir(value) if not name.startswith("_")}


def test_a_background_turn_has_everything_that_a_reply_has(glm_shell, model_server):
    model_server.tell(Script(answer="42", reasoning="six by seven", tokens=Tokens(5, 9)))
    glm_shell.run("%glm -q --bg -o job what is six by seven?")
    job = glm_shell["job"]
    reply = job.result()
    assert public(reply) <= public(job)
    for name in public(reply) - {"result", "to_frame", "tokens", "turn"}:
        assert getattr(job, name) == getattr(reply, name), name
    assert job.to_frame().equals(reply.to_frame())
    assert job.tokens.equals(reply.tokens)
    assert str(job) == str(reply) == "42"
    assert reply.result() is reply
    assert reply.result(timeout_s=1) is reply
    glm_shell.run("assert _glm.result().answer == '42'")


def test_a_background_turn_under_a_schema_has_its_value_at_the_end(glm_shell, model_server):
    model_server.tell(Script(answer='{"n": 42}'))
    glm_shell.run("schema = {'type': 'object', 'properties': {'n': {'type': 'integer'}}}")
    glm_shell.run("%glm -q --bg -o job --schema schema how many?")
    assert glm_shell["job"].result().value == {"n": 42}
    assert glm_shell["job"].value == {"n": 42}
    assert list(glm_shell["job"].to_frame()["answer"]) == ['{"n": 42}']
