"""``%%glm --map``: the cell is the template, the result is bound."""

from __future__ import annotations

import pytest

from tests.servers.vendor import KEY

ROWS = "import pandas as pd\ndf = pd.DataFrame({'text': ['fine', 'awful', 'fine']})\nname = 'x'"


@pytest.fixture
def rows(glm_shell):
    """Give a shell with a frame, at a model."""
    glm_shell.run(ROWS)
    return glm_shell


def prompts(sent):
    return sorted(body["messages"][-1]["content"] for body in sent())


def test_every_row_is_asked_about_and_the_result_is_bound(rows, sent):
    rows.run("%%glm --map df -o out --jobs 2\nSentiment of: {text}\nin one word, {name}?")
    assert rows["out"] is rows["_glm"]
    assert "Sentiment of: awful\nin one word, {name}?" in prompts(sent)
    notices = " ".join(rows["out"].progress.notices)
    assert "{name} is no column, and is sent as it is written" in notices


def test_the_cell_is_the_template(rows, sent):
    rows.run("%%glm --map df -o out\nSentiment of: {text}\nin one word")
    assert prompts(sent) == [
        "Sentiment of: awful\nin one word",
        "Sentiment of: fine\nin one word",
    ]
    rows.run("assert list(out.frame['status']) == ['complete'] * 3")


def test_the_options_of_the_line_hold(rows, sent):
    rows.run("%%glm --map df --temperature 0.5 --system Short. -q\n{text}")
    assert all(body["temperature"] == 0.5 for body in sent())
    assert all(body["messages"][0]["content"] == "Short." for body in sent())


def test_the_conversation_is_left_alone(rows, sent):
    rows.run("%%glm --map df -q\nAbout {text}")
    rows.run("%%glm\nAnd now?")
    assert len(sent()[-1]["messages"]) == 1


def test_a_name_is_used_again_and_fresh_asks(rows, sent):
    for count in (2, 2):
        rows.run("%%glm --map df --name mine -q\nAbout {text}")
        assert len(sent()) == count
    rows.run("%%glm --map df --name mine --fresh -q\nAbout {text}")
    assert len(sent()) == 4


def test_a_dry_run_sends_nothing(rows, sent):
    printed = rows.run("%%glm --map df --dry-run\nAbout {text}")
    assert "About fine" in printed
    assert "3 rows, 2 to ask" in printed
    assert not sent()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--map dff", "did you mean df?"),
        ("--map df()", "--map takes a name"),
        ("--map df --compare think=on,off", "--map and --compare exclude each other"),
        ("--map df --bg", "--map and --bg exclude each other"),
        ("--map df --above", "--map and --above exclude each other"),
        ("--map df --budget ¥0.0000001x", "amount"),
        ("--map df --jobs 0", "--jobs"),
        ("--map name", "rows are a DataFrame"),
    ],
)
def test_what_cannot_be_asked(rows, sent, line, words):
    lines = rows.fail(f"%%glm {line}\nAbout {{text}}")
    assert len(lines) == 2
    assert words in "\n".join(lines)
    assert not sent()


def test_options_without_rows_say_so(rows):
    printed = rows.run("%%glm --jobs 3\nhello")
    assert "--jobs has no effect: neither rows nor samples are asked for" in printed


def test_samples_of_one_prompt_are_counted(rows, sent, model_server):
    rows.run("%%glm --samples 4 -o out\nIs {name} fine?")
    assert prompts(sent) == ["Is x fine?"] * 4
    assert list(rows["out"].vote.values()) == [4]
    assert repr(rows["out"]) == "<VoteResult 4 of 4 rows, 0 failed>"


def test_samples_of_every_row(rows, sent):
    rows.run("%%glm --map df --samples 2 -o out -q\nAbout {text}")
    assert len(sent()) == 4  # two of the three rows are equal
    rows.run("assert list(out.frame['case']) == [0, 0, 1, 1, 2, 2]")
    lines = rows.fail("%%glm --samples 2 --bg\nx")
    assert "--samples and --bg exclude each other" in lines[0]


def test_forget_all_forgets_the_answers_too(rows, sent):
    rows.run("%%glm --map df --name mine -o out -q\nAbout {text}")
    rows.run("%glm forget all")
    lines = rows.fail("out[0]")
    assert "answers of this run are not on disk any more" in lines[0]
    rows.run("%%glm --map df --name mine -q\nAbout {text}")
    assert len(sent()) == 4


@pytest.mark.timeout(240)
def test_the_workers_of_a_dask_client(rows, sent, tmp_path):
    dask_clusters = pytest.importorskip("tests.many.dask_clusters")
    with dask_clusters.cluster(tmp_path, workers=1, env={"ZAI_API_KEY": KEY}) as client:
        rows.shell.user_ns["client"] = client
        rows.run("%%glm --map df -o out --on client\nAbout {text}")
        rows.run("assert list(out.frame['status']) == ['complete'] * 3")
        assert prompts(sent) == ["About awful", "About fine"]
        assert "asked by 1 Dask worker" in rows["out"].progress.notices
        rows.run("%%glm --samples 2 --on client -o votes\nHeads or tails?")
        rows.run("assert sum(votes.vote.values()) == 2")
    assert len(sent()) == 4
