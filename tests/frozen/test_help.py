"""Which options and verbs there are, and how they are written; ``help.json`` is edited by hand.

The sentences beside them are in ``messages.json``.
"""

from __future__ import annotations

import re

import pytest

from tests.frozen.snapshots import read

HELP = read("help.json")
LANGUAGES = ("en", "zh")


def tables_of(printed: str) -> list[dict[str, str]]:
    """Return the tables of the help: how something is written, and what it means."""
    tables: list[dict[str, str]] = []
    for block in re.split(r"\n\n", printed):
        rows = [re.fullmatch(r"  (\S.*?)  +(.+)", line) for line in block.splitlines()]
        helps = {row[1]: row[2] for row in rows if row}
        if len(helps) > 10:
            tables.append(helps)
    return tables


@pytest.fixture(params=LANGUAGES)
def reader(request, shell):
    """Give a shell for a reader of each language."""
    shell.run(f"%config GLM.language = '{request.param}'")
    return shell


@pytest.mark.parametrize("line", ["%glm help", "%glm --help", "%glm -h", "%%glm --help"])
def test_the_help_lists_every_option_and_verb_in_order(reader, line):
    options, verbs = tables_of(reader.run(line))
    assert list(options) == HELP["options"]
    assert list(verbs) == HELP["verbs"]


def test_the_help_on_one_option_shows_how_it_is_written(reader):
    for word, usage in HELP["option_help"].items():
        shown = reader.run(f"%glm help {word}").strip()
        assert re.match(re.escape(usage) + "[:：] ?\\S", shown), word


def test_the_help_on_one_verb_shows_how_it_is_written(reader):
    for word, usage in HELP["verb_help"].items():
        shown = reader.run(f"%glm help {word}").strip()
        assert re.match(re.escape(usage) + "[:：] ?\\S", shown), word


def test_completion_offers_the_options_and_verbs(shell):
    complete = shell.shell.Completer.all_completions
    assert sorted(complete("%%glm --")) == HELP["complete_options"]
    line = sorted(complete("%glm "))
    models = [word for word in line if "glm-" in word]
    assert [word for word in line if word not in models] == HELP["complete_line"]
    assert {"glm-4.6", "zai/glm-4.6"} <= set(models)


@pytest.mark.parametrize("word", HELP["verb_help"])
def test_a_verb_with_words_that_it_does_not_take_is_a_prompt(shell, at_zai, word):
    shell.run(f"%glm -q {word} me the long way round the hill, please, and why?")
    (request,) = at_zai.requests
    assert request.json["messages"][-1]["content"].startswith(f"{word} me the long way")
