"""``%glm system``, ``tools``, ``schema`` hold for a session; ``find`` looks in all of them."""

from __future__ import annotations

import pytest

from tests.servers.script import Call, Script


def test_a_system_prompt_holds_for_every_prompt_of_the_session(glm_shell, sent, tmp_path):
    assert "no system prompt" in glm_shell.run("%glm system")
    assert "Answer briefly." in glm_shell.run("%glm system Answer briefly.")
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q two")
    for body in sent():
        assert body["messages"][0] == {"role": "system", "content": "Answer briefly."}
    glm_shell.run("%glm -q -s 'Just now.' three")
    assert sent()[-1]["messages"][0]["content"] == "Just now."
    file = tmp_path / "system.txt"
    file.write_text("From a file.", encoding="utf-8")
    glm_shell.run(f"%glm system @{file}")
    glm_shell.run("%glm -q four")
    assert sent()[-1]["messages"][0]["content"] == "From a file."
    glm_shell.run("%glm system off")
    glm_shell.run("%glm -q five")
    assert sent()[-1]["messages"][0]["role"] == "user"
    assert len(glm_shell.fail("%glm system @missing.txt")) == 2


def test_functions_hold_for_every_prompt_of_the_session(glm_shell, model_server, sent):
    glm_shell.run("def weather(city: str) -> str:\n    'Weather of a city.'\n    return 'sun'")
    assert "may call weather" in glm_shell.run("%glm tools weather")
    model_server.tell(Script(calls=(Call("weather", '{"city": "Rome"}'),)), Script(answer="Sun."))
    glm_shell.run("%glm -q how is Rome?")
    assert [run.content for step in glm_shell["_glm"].steps for run in step.runs] == ["sun"]
    assert glm_shell["_glm"].answer == "Sun."
    assert "calls no functions" in glm_shell.run("%glm tools off")
    glm_shell.run("%glm -q and Paris?")
    assert "tools" not in sent()[-1]


def test_a_schema_holds_for_every_prompt_of_the_session(glm_shell, model_server):
    glm_shell.run("from dataclasses import dataclass\n@dataclass\nclass Town:\n    name: str")
    assert "take the shape Town" in glm_shell.run("%glm schema Town")
    model_server.tell(Script(answer='{"name": "Rome"}'))
    glm_shell.run("%glm -q the capital of Italy?")
    assert glm_shell["_glm"].value == glm_shell["Town"]("Rome")
    assert "free text" in glm_shell.run("%glm schema off")
    glm_shell.run("%glm -q and of France?")
    assert glm_shell["_glm"].value is None


@pytest.mark.parametrize("line", ["tools wether", "schema nothing_here", "tools a b"])
def test_a_name_that_is_not_there_is_refused_and_nothing_is_sent(glm_shell, sent, line):
    assert len(glm_shell.fail(f"%glm {line}")) == 2
    assert sent() == []


def test_words_are_found_and_the_turn_is_opened(glm_shell, model_server):
    model_server.tell(Script(answer="Rayleigh scattering."), Script(answer="Pandas merge."))
    glm_shell.run("%glm -q -S physics why is the sky blue?")
    glm_shell.run("%glm -q -S data how do I join?")
    printed = glm_shell.run("%glm find rayleigh")
    assert "physics" in printed
    assert "Rayleigh scattering." in printed
    assert "%glm show physics 1" in printed
    assert "Rayleigh scattering." in glm_shell.run("%glm show physics 1")
    assert "Nothing that is kept has entropy." in glm_shell.run("%glm find entropy")
    assert len(glm_shell.fail("%glm show physics 7")) == 2
    glm_shell.shell.run_line_magic("unload_ext", "glm_magic")
    glm_shell.shell.run_line_magic("load_ext", "glm_magic")
    assert "Pandas merge." in glm_shell.run("%glm find merge")
    assert "Pandas merge." in glm_shell.run("%glm show data 1")
