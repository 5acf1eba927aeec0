"""Tab offers what can stand there, and evaluates nothing."""

from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter


@pytest.fixture
def tab(cells):
    def complete(text):
        with provisionalcompleter():
            offered = list(cells.shell.Completer.completions(text, len(text)))
        return [text[: c.start] + c.text for c in offered]

    return complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%glm mod", ["%glm models"]),
        ("r = %glm sho", ["r = %glm show"]),
        ("%%glm --tem", ["%%glm --temperature"]),
        ("%%glm --max_t", ["%%glm --max-tokens"]),
        ("%%glm glm-4.6 --no-th", ["%%glm glm-4.6 --no-think"]),
        ("%%glm -q --no-th", ["%%glm -q --no-think"]),
        ("%%glm --think hi", ["%%glm --think high"]),
        ("%%glm --think=lo", ["%%glm --think=low"]),
        ("%%glm -f js", ["%%glm -f json"]),
        ("%%glm --format=ma", ["%%glm --format=markdown"]),
        ("%%glm -p big", ["%%glm -p bigmodel"]),
        ("%%glm -m zai/glm-4.6", ["%%glm -m zai/glm-4.6"]),
        ("%%glm -q glm-4.6", ["%%glm -q glm-4.6"]),
        ("%glm use openr", ["%glm use openrouter"]),
        ("%glm help und", ["%glm help undo"]),
        ("%%glm --compare tem", ["%%glm --compare temperature="]),
        ("%%glm --compare think=o", ["%%glm --compare think=on", "%%glm --compare think=off"]),
        ("%%glm --compare think=on,of", ["%%glm --compare think=on,off"]),
        ("%%glm --compare model=glm-4.7,glm-4.6", ["%%glm --compare model=glm-4.7,glm-4.6"]),
    ],
)
def test_what_can_stand_there_is_offered(tab, text, expected):
    offered = tab(text)
    assert [item for item in offered if item in expected] == expected
    assert offered == expected or len(offered) > len(expected)


def test_tapes_and_notebooks_of_the_folder_are_offered(tab):
    for name in ("lesson.glmtape", "lesson.ipynb", "notes.txt"):
        Path(name).touch()
    assert tab("%glm replay le") == ["%glm replay lesson.glmtape"]
    assert tab("%%glm --replay le") == ["%%glm --replay lesson.glmtape"]
    assert tab("%glm record le") == ["%glm record lesson.glmtape"]
    assert tab("%glm tape check lesson.glmtape les") == [
        f"%glm tape check lesson.glmtape {name}" for name in ("lesson.glmtape", "lesson.ipynb")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "%glm pin ", "%glm undo ", "%%glm --mcp ", "%%glm --budget ", "%%glm -t ",
        "%%glm --max-tokens ", "%%glm --stop ", "%glm mcp remove ", "%glm dealias ", "%glm usage x",
        "%glm resume ", "%%glm --budget=", "%%glm -s @nosuch", "%glm why is pri",
        "%%glm --param nosuch", "%%glm --speed 3",
    ],
)  # fmt: skip
def test_where_nothing_can_stand_nothing_is_offered(tab, cells, text):
    cells.run("nosuch_name, print_it, x_ray = 1, 2, 3")
    assert tab(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%glm --speed ", ["%%glm --speed 1", "%%glm --speed 2", "%%glm --speed max"]),
        ("%%glm --speed=m", ["%%glm --speed=max"]),
        ("%%glm -s @ru", ["%%glm -s @rules.txt"]),
        ("%%glm -s @notes", ["%%glm -s @notes/"]),
        ("%%glm -s @t", ["%%glm -s @two\\ words.md"]),
        ("%%glm --system=@notes/", ["%%glm --system=@notes/short.md"]),
        ("%glm -s @notes/s", ["%glm -s @notes/short.md"]),
        ("%%glm why {rul", ["%%glm why {rule_number"]),
        ("%%glm -m {rul", ["%%glm -m {rule_number"]),
    ],
)
def test_values_are_offered_for_what_takes_them(tab, cells, text, expected):
    Path("notes").mkdir()
    for name in ("rules.txt", "notes/short.md", "two words.md", ".hidden"):
        Path(name).touch()
    cells.run("rule_number = 1")
    assert tab(text) == expected


def test_parameters_of_the_catalogue_are_offered(tab, cells):
    offered = tab("%%glm --param ")
    assert "%%glm --param thinking_budget=" in offered
    assert all(word.endswith("=") for word in offered)


@pytest.mark.parametrize("text", ["%%glm mod", "%%glm why --th", "%glm undo ", "%%glm -m"])
def test_nothing_of_ours_is_offered_where_it_cannot_stand(tab, text):
    ours = ("models", "--think", "--temperature", "glm-4.6")
    assert not [item for item in tab(text) if item.endswith(ours)]


def test_only_the_first_line_of_a_cell_has_options(tab):
    assert not any("--temperature" in item for item in tab("%%glm\n--tem"))


def test_other_lines_are_left_alone(tab, cells):
    cells.run("temperature = 1")
    assert tab("temper") == ["temperature"]
    assert any(item.endswith("%%glm") for item in tab("%%gl"))
    assert "%config GLM.model" in tab("%config GLM.mod")


def test_names_of_variables_complete_without_reading_properties(tab, cells):
    cells.run(
        "class Trap:\n"
        "    @property\n"
        "    def value(self):\n"
        "        raise SystemExit\n"
        "    def __getattr__(self, name):\n"
        "        raise SystemExit\n"
        "trap_one, trap_two = Trap(), Trap()"
    )
    assert tab("%%glm -o trap") == ["%%glm -o trap_one", "%%glm -o trap_two"]
    assert tab("%%glm --schema Tr") == ["%%glm --schema Trap"]


def test_functions_complete_where_a_tool_is_wanted(tab, cells):
    cells.run("def weather(): pass\nclass Weaver: pass\nwealth = 3")
    assert tab("%%glm --tool we") == ["%%glm --tool weather"]


def test_sessions_complete(tab, glm_shell):
    glm_shell.run("%glm new lesson")
    assert tab("%glm use less") == ["%glm use lesson"]
    assert tab("%%glm -S less") == ["%%glm -S lesson"]


def test_no_key_is_looked_for(tab, monkeypatch):
    monkeypatch.setattr("glm_magic.credentials.find_key", lambda *_a, **_k: 1 / 0)
    assert tab("%glm ")
