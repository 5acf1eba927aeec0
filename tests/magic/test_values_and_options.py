"""Values come from where the magic is called, in options too; what does nothing is said."""

from pathlib import Path

import pytest

from glm_magic.core.errors import InvalidValueError, UnknownNameError
from tests.servers.script import Script


def prompts(bodies):
    return [body["messages"][-1]["content"] for body in bodies]


CALLERS = {
    "line": "def f(city):\n    %glm -q why {city}\nf('Ulm')",
    "line in a loop": "def f(city):\n    for _ in [0]:\n        %glm -q why {city}\nf('Ulm')",
    "run_line_magic": "def f(city):\n"
    "    get_ipython().run_line_magic('glm', '-q why {city}')\nf('Ulm')",
    "run_cell_magic": "def f(city):\n"
    "    get_ipython().run_cell_magic('glm', '-q', 'why {city}')\nf('Ulm')",
    "cell that is called": "ip = get_ipython()\ndef f(city):\n"
    "    ip.run_cell_magic('glm', '-q why {city}', '\\n')\nf('Ulm')",
    "enclosing": "def outer(city):\n    def inner():\n        %glm -q why {city}\n    inner()\n"
    "outer('Ulm')",
    "enclosing, two away": "def outer(city):\n    def middle():\n        def inner():\n"
    "            %glm -q why {city}\n        inner()\n    middle()\nouter('Ulm')",
    "closure that outlives": "def outer(city):\n    def inner():\n        city\n"
    "        %glm -q why {city}\n    return inner\nouter('Ulm')()",
    "inner first": "def outer(city):\n    def inner():\n        city = 'Ulm'\n"
    "        %glm -q why {city}\n    inner()\nouter('Bonn')",
    "comprehension": "def f(cities):\n"
    "    return [get_ipython().run_line_magic('glm', '-q why {city}') for city in cities]\n"
    "f(['Ulm'])",
    "method": "class A:\n    def __init__(self): self.city = 'Ulm'\n    def ask(self):\n"
    "        %glm -q why {self.city}\nA().ask()",
    "coroutine": "async def f(city):\n    %glm -q why {city}\nawait f('Ulm')",
    "thread": "import threading\ndef f(city):\n    %glm -q why {city}\n"
    "t = threading.Thread(target=f, args=('Ulm',))\nt.start()\nt.join()",
    "lambda": "(lambda city: get_ipython().run_line_magic('glm', '-q why {city}'))('Ulm')",
    "notebook": "town = 'Ulm'\ndef f():\n    %glm -q why {town}\nf()",
}


@pytest.mark.parametrize("name", CALLERS)
def test_values_come_from_where_the_magic_is_called(glm_shell, sent, name):
    glm_shell.run("city = 'Berlin'")
    glm_shell.run(CALLERS[name])
    assert prompts(sent()) == ["why Ulm"]


def test_a_function_that_only_calls_the_caller_lends_no_names(glm_shell, sent):
    glm_shell.run("def f():\n    %glm -q why {secret}\ndef g(secret):\n    f()\ng('x')")
    assert prompts(sent()) == ["why {secret}"]


def test_a_value_goes_after_the_call(glm_shell, sent):
    glm_shell.run("def f(city):\n    %glm -q why {city}\nf('Ulm')")
    glm_shell.run("%glm -q why {city}")
    assert prompts(sent()) == ["why Ulm", "why {city}"]


def test_values_go_into_options_as_well(glm_shell, sent):
    glm_shell.run(
        "model, n, t, text, names = 'glm-4.6', 100, 0.5, 'be brief,\\nplease', ['a', 'b']"
    )
    glm_shell.run("name = 'answer'")
    printed = glm_shell.run(
        '%%glm -m {model} --max-tokens {n} -t {t} -s "{text}" --stop {names[1]} -o {name} why\nme?'
    )
    (body,) = sent()
    assert body["model"] == "glm-4.6"
    assert body["max_tokens"] == 100
    assert body["temperature"] == 0.5
    assert body["stop"] == ["b"]
    assert body["messages"][0] == {"role": "system", "content": "be brief,\nplease"}
    assert glm_shell["answer"].answer == "Because."
    assert "model, n, t, text, names[1], name" in printed


def test_options_take_the_callers_values(glm_shell, sent):
    glm_shell.run(
        "def f(model, think, schema):\n"
        "    get_ipython().run_cell_magic('glm', '-q -m {model} --think={think} why', '\\n')\n"
        "f('glm-4.6', 'off', 0)"
    )
    assert sent()[0]["model"] == "glm-4.6"
    assert sent()[0]["thinking"] == {"type": "disabled"}


def test_a_tool_may_be_a_function_of_the_caller(glm_shell, sent):
    glm_shell.run(
        "def f():\n    def weather(city: str) -> str:\n        'Tell it.'\n        return 'rain'\n"
        "    %glm -q --tool weather why?\nf()"
    )
    assert sent()[0]["tools"][0]["function"]["name"] == "weather"


def test_json_and_unknown_names_in_options_stay(glm_shell, sent):
    glm_shell.run("a = 1")
    glm_shell.run('%glm -q --param x={"a": {"b": 1}} -s "{unknown} {{a}}" why')
    assert sent()[0]["x"] == {"a": {"b": 1}}
    assert sent()[0]["messages"][0]["content"] == "{unknown} {a}"


def test_a_file_is_read_by_its_own_name_and_taken_as_it_is(glm_shell, sent):
    Path("rules.txt").write_text("Be {brief}.", encoding="utf-8")
    glm_shell.run("brief, file, address = 'long', 'rules.txt', '@ada'")
    glm_shell.run("%glm -q -s @{file} why")
    glm_shell.run("%glm -q -s {address} why")
    assert [body["messages"][0]["content"] for body in sent()] == ["Be {brief}.", "@ada"]


def test_what_fails_in_an_option_is_named(glm_shell, sent):
    glm_shell.run("class C: name = 'glm-4.6'")
    printed = glm_shell.run("%glm -s {C.nam} why")
    assert "C.nam (not put in: did you mean name? AttributeError" in printed


def test_the_arguments_of_a_verb_take_values(glm_shell, sent):
    glm_shell.run("path, number, verb = 'a b.jsonl', 1, 'reset'")
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm save {path}")
    assert Path("a b.jsonl").exists()
    assert "Because." in glm_shell.run("%glm show {number}")
    glm_shell.run("%glm -q {verb}")
    assert prompts(sent()) == ["one", "reset"], "a value makes no verb"


def test_a_property_of_a_prompt_that_begins_with_a_verb_is_read(glm_shell, sent):
    glm_shell.run("word = 'entropy'")
    glm_shell.run("%glm explain {word} to a small child")
    assert prompts(sent()) == ["explain entropy to a small child"]


# ── options that come too late ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("why? --no-think", "--no-think is part of the prompt"),
        ("why? --max_tokens 5", "--max_tokens is part of the prompt"),
        ("why? --temperature=0.5", "--temperature is part of the prompt"),
        ("glm-4.6 -t 0.5 why --bg", "--bg is part of the prompt"),
        ("why is it? think=on,off", "think= is part of the prompt"),
        ("--compare think=on,off why temperature=0,1", "temperature= is part of the prompt"),
    ],
)
def test_an_option_after_the_prompt_began_is_a_notice(glm_shell, sent, line, words):
    glm_shell.run("%glm use glm-4.6")
    assert words in glm_shell.run(f"%glm {line}")
    assert words in glm_shell.run(f"%%glm {line}\nthe rest")
    assert words in glm_shell.run(f"%glm --dry-run {line}")
    prompt = line.removeprefix("--compare think=on,off ").removeprefix("glm-4.6 -t 0.5 ")
    assert prompts(sent())[0] == prompt


@pytest.mark.parametrize(
    "line",
    [
        "why is --nosuch there", "what does `--think` do", "-- why --think", "x = 1 and y=2",
        "a --think-tank of -t 0.5", "list --think, --seed, --stop, --model, --raw",
        "list --think --seed --stop --model --raw",
    ],
)  # fmt: skip
def test_words_that_look_like_no_option_of_ours_are_no_notice(glm_shell, line):
    assert "part of the prompt" not in glm_shell.run(f"%glm {line}")
    assert "part of the prompt" not in glm_shell.run("%%glm\nwhy --think temperature=1?")


@pytest.mark.parametrize(
    ("line", "lanes", "prompt"),
    [
        ("--compare think=on,off temperature=0,1 why?", 4, "why?"),
        ("--compare think=on,off temperature=0,1", 4, None),
        ("--compare=think=on,off   top-p=0.1,0.9 -q why?", 4, "why?"),
        ("--compare think=on,off --compare temperature=0,1 why?", 4, "why?"),
        ("--compare model=glm-4.6,{other} why?", 2, "why?"),
        ("--compare think=on,off a=b is prose", 2, "a=b is prose"),
    ],
)
def test_axes_right_after_the_first_are_axes(glm_shell, sent, line, lanes, prompt):
    glm_shell.run("other = 'glm-4.5'")
    glm_shell.run("%glm use glm-4.6")
    glm_shell.run(f"%%glm {line}\n{'' if prompt else 'why?'}")
    assert set(prompts(sent())) == {prompt or "why?"}
    assert len(sent()) == lanes


@pytest.mark.parametrize(
    ("axis", "error"),
    [("temprature=0,1", UnknownNameError), ("temperature=0", InvalidValueError)],
)
def test_an_axis_that_is_none_is_refused(glm_shell, sent, axis, error):
    glm_shell.fail(f"%glm --compare think=on,off {axis} why?")
    assert isinstance(glm_shell.error, error)
    assert sent() == []


# ── options that change nothing ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--speed 2", "--speed has no effect: no tape is replayed"),
        ("--speed max --record x.glmtape", "--speed has no effect"),
        ("--approve", "--approve has no effect: no tool is named"),
        ("--parallel", "--parallel has no effect"),
        ("--max-rounds 3", "--max-rounds has no effect"),
        ("-f code", "-f code has no effect: the answer has no code block"),
        ("-f code --hold answer", "-f code has no effect: --hold keeps the answer back"),
        ("-f code --compare temperature=0,1", "-f code has no effect: a comparison"),
        ("--new --no-history", "--new has no effect: --no-history touches"),
    ],
)
def test_an_option_without_effect_is_a_notice(glm_shell, line, words):
    assert words in glm_shell.run(f"%%glm {line}\nwhy?")


def test_an_option_with_effect_is_none(glm_shell, model_server):
    glm_shell.run("def weather(city: str) -> str:\n    return 'rain'")
    glm_shell.run("%%glm --record x.glmtape --no-history\nwhy?")
    assert "no effect" not in glm_shell.run(
        "%%glm --replay x.glmtape --speed max --no-history\nwhy?"
    )
    tools = "%%glm --tool weather --max-rounds 3 --parallel\nwhy?"
    assert "no effect" not in glm_shell.run(tools)
    model_server.tell(Script(answer="```\nx\n```"))
    assert "no effect" not in glm_shell.run("%%glm -f code\nwhy?")
    assert glm_shell.next_input == "x"


def test_code_that_is_held_back_stays_back(glm_shell, model_server):
    model_server.tell(Script(answer="```python\nx\n```"))
    glm_shell.run("%%glm -f code --hold answer\nwhy?")
    assert glm_shell.next_input is None


def test_nobody_is_asked_in_the_background(glm_shell, sent):
    glm_shell.run("def weather(city: str) -> str:\n    return 'rain'")
    lines = glm_shell.fail("%%glm --bg --approve --tool weather\nwhy?")
    assert "--bg and --approve need a panel" in lines[0]
    assert len(lines) == 2
    assert sent() == []


# ── sessions that are renamed, and verbs that are run twice ──────────────────────────────────────


def test_whoever_takes_a_name_says_what_became_of_its_turns(glm_shell, sent):
    glm_shell.run("%glm -q -S side one")
    words = "The earlier turns of side are kept as "
    assert f"{words}side-2." in glm_shell.run("%%glm -S side --new\ntwo")
    glm_shell.run("%glm save ./side.jsonl")
    assert f"{words}side-3." in glm_shell.run("%glm fork side")
    glm_shell.run("%glm -q -S side three")
    glm_shell.run("%glm use side")
    glm_shell.run("%glm save s.jsonl")
    assert f"{words}side-4." in glm_shell.run("%glm load s.jsonl")
    assert f"{words}side-5." in glm_shell.run("%glm new side")
    assert "kept as" not in glm_shell.run("%glm new side"), "it was never asked anything"


def test_without_history_nothing_is_started_afresh(glm_shell, sent):
    glm_shell.run("%glm -q one")
    glm_shell.run("%glm -q --new --no-history two")
    glm_shell.run("%glm -q three")
    assert [len(body["messages"]) for body in sent()] == [1, 1, 3]


@pytest.mark.parametrize(
    ("line", "asked", "prompt"),
    [
        ("--logprobs why?", 5, "why?"),
        ("--logprobs 3 why?", 3, "why?"),
        ("--logprobs=12 why?", 12, "why?"),
        ("--logprobs on why?", 5, "why?"),
        ("--logprobs three pigs", 5, "three pigs"),
        ("--logprobs off why?", None, "why?"),
    ],
)
def test_logprobs_takes_a_number_only_where_one_follows(cells, model_server, monkeypatch,
                                                        line, asked, prompt):  # fmt: skip
    monkeypatch.setenv("GLM_BASE_URL", model_server.url + "/v1")
    cells.run(f"%glm -p vllm -m glm-4.6 {line}")
    body = model_server.requests[-1].json
    assert body.get("top_logprobs") == asked
    assert body.get("logprobs") == (True if asked else None)
    assert body["messages"][-1]["content"] == prompt


def test_logprobs_refuses_none(cells):
    lines = cells.fail("%glm --logprobs 0 why?")
    assert "--logprobs must be at least 1" in lines[0]
