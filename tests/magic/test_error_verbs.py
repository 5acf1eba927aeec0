"""``%glm fix`` and ``explain`` ask about the last exception; ``alias`` names a model."""

from __future__ import annotations

from tests.servers.script import Script


def prompt(sent):
    return sent()[-1]["messages"][-1]["content"]


def test_fix_asks_with_the_cell_and_its_traceback_and_gives_a_new_cell(asking, sent, model_server):
    model_server.tell(Script(answer="A typo.\n```python\nvalue = 1 / 2\n```\n"))
    asking.shell.run_cell("value = 1 / 0  # {sent}", store_history=True)
    asking.run("%glm fix")
    for words in ("```python\nvalue = 1 / 0  # {sent}\n```", "ZeroDivisionError", "corrected cell"):
        assert words in prompt(sent)
    assert asking.next_input == "value = 1 / 2"


def test_explain_asks_about_the_users_own_error_not_ours(asking, sent):
    asking.shell.run_cell("undefined_name", store_history=True)
    asking.fail("%glm -t 77 hello")
    asking.run("%glm explain")
    assert "NameError" in prompt(sent)
    assert "undefined_name" in prompt(sent)
    assert asking.next_input is None


def test_a_long_traceback_keeps_both_ends(asking, sent):
    asking.shell.run_cell("def f(n):\n    raise ValueError('x' * 50_000 + 'the end')\nf(1)",
                          store_history=True)  # fmt: skip
    asking.run("%glm explain")
    assert "characters left out" in prompt(sent)
    assert "the end" in prompt(sent)
    assert len(prompt(sent)) < 20_000


def test_without_an_error_there_is_nothing_to_fix(asking, sent):
    assert len(asking.fail("%glm fix")) == 2
    assert sent() == []
    asking.run("%glm -q fix my poem")  # a prompt
    assert prompt(sent) == "fix my poem"


def test_an_alias_stands_for_a_model_or_a_model_at_a_provider(asking, sent):
    assert "%glm alias NAME MODEL" in asking.run("%glm alias")
    asking.run("%glm alias quick glm-4.5-air")
    asking.run("%glm alias lab vllm/our-model")
    assert "quick  glm-4.5-air" in asking.run("%glm alias")
    asking.run("%glm -q quick hello")
    asking.run("%glm -q -m quick hello")
    asking.run("%glm use quick")
    asking.run("%glm -q hello")
    assert [body["model"] for body in sent()] == ["glm-4.5-air"] * 3
    assert "our-model at vllm" in asking.run("%glm use lab")
    asking.run("%glm dealias quick")
    asking.run("%glm use zai/glm-4.6")
    asking.run("%glm -q quick hello")
    assert sent()[-1]["messages"][-1]["content"] == "quick hello"


def test_an_alias_outlives_the_kernel(asking):
    asking.run("%glm alias quick glm-4.5-air")
    asking.shell.run_line_magic("unload_ext", "glm_magic")
    asking.shell.run_line_magic("load_ext", "glm_magic")
    assert "glm-4.5-air" in asking.run("%glm alias quick")


def test_what_cannot_be_an_alias_is_refused(asking):
    for line in ("alias glm-4.6 glm-4.5", "alias zai glm-4.5", "alias quick nosuch", "alias none"):
        assert len(asking.fail(f"%glm {line}")) == 2, line
