"""Pictures on the magic line and in braces, and what the verbs show of them."""

from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pytest
from IPython.core.completer import provisionalcompleter
from PIL import Image

from tests.magic.conftest import bare_shell, cells  # noqa: F401
from tests.pictures.conftest import noise, seen
from tests.servers.pictures import pictures_in
from tests.servers.vendor import KEY

mpl.use("Agg")


@pytest.fixture
def asking(cells, server, monkeypatch, tmp_path):  # noqa: F811
    """Give a shell that asks a model that sees, and knows pictures by name."""
    monkeypatch.setenv("GLM_BASE_URL", f"{server.url}/api/paas/v4")
    monkeypatch.setenv("ZAI_API_KEY", KEY)
    monkeypatch.setenv("GLM_PROVIDER", "zai")
    monkeypatch.setenv("GLM_MODEL", "glm-4.6v")
    cells.shell.user_ns.update(img=noise(40, 50), one=255 - noise(40, 50), n=3)
    Image.fromarray(noise(40, 50)).save(tmp_path / "my photo.png")
    return cells


def parts(server):
    return server.last.json["messages"][-1]["content"]


def test_a_picture_stands_where_its_name_stood(asking, server):
    printed = asking.run("%%glm\nCompare {img} with {one}, {n} times.")
    assert [part.get("text") for part in parts(server)] == [
        "Compare ", None, " with ", None, ", 3 times.",
    ]  # fmt: skip
    assert all(map(np.array_equal, seen(server), [noise(40, 50), 255 - noise(40, 50)]))
    assert "shown to the model: img (50 × 40 · ≈16 tokens), one (50 × 40" in printed
    assert "in the prompt: n" in printed


def test_a_line_shows_a_picture_too(asking, server):
    asking.run("%glm what is {img} ?")
    assert len(seen(server)) == 1


def test_files_are_attached_by_name(asking, server, tmp_path):
    (tmp_path / "notes.txt").write_text("a note")
    asking.run('%%glm --attach "my photo.png" --attach notes.txt\nwhat?')
    assert np.array_equal(seen(server)[0], noise(40, 50))
    assert parts(server)[1]["text"] == "notes.txt:\n```\na note\n```\n\nwhat?"
    asking.run("%%glm --attach https://example.org/cat.png\nwhat?")
    assert parts(server)[0]["image_url"]["url"] == "https://example.org/cat.png"


def test_a_path_in_braces_names_a_file(asking, server, tmp_path):
    asking.shell.user_ns["path"] = tmp_path / "my photo.png"
    asking.run("%%glm\nwhat is {path}")
    assert np.array_equal(seen(server)[0], noise(40, 50))
    asking.run("%%glm --no-history --attach '{path}'\nwhat?")
    assert np.array_equal(seen(server)[0], noise(40, 50))


def test_a_drawing_in_svg_goes_as_the_text_that_it_is(asking, server, tmp_path):
    (tmp_path / "logo.svg").write_text("<svg><circle r='3'/></svg>")
    asking.shell.user_ns["logo"] = tmp_path / "logo.svg"
    printed = asking.run("%%glm -m glm-4.6\nWhat does {logo} draw?")
    assert parts(server) == "What does <svg><circle r='3'/></svg> draw?"
    assert "in the prompt: logo (logo.svg)" in printed


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--attach none.png", "none.png cannot be attached: No such file or directory"),
        ("--attach .", "cannot be attached: Is a directory"),
        ("--attach https://", "https:// is no address of a picture"),
        ("--attach", "--attach needs a value"),
        ("-m glm-4.6 --attach 'my photo.png'", "glm-4.6 at Z.ai does not see pictures"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_two_lines(asking, server, line, reason):
    lines = asking.fail(f"%%glm {line}\nwhat?")
    assert reason in lines[0]
    assert lines[1].startswith("→ ")
    assert not server.requests


def test_a_picture_that_fails_in_braces_is_named_and_the_brace_stays(asking, server):
    asking.shell.user_ns["empty"] = Image.new("L", (0, 4))
    printed = asking.run("%%glm\nwhat is {empty}?")
    assert "empty (not put in: empty is an empty picture)" in printed
    assert parts(server) == "what is {empty}?"


def test_without_pillow_the_panel_says_what_to_type(asking, server, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    printed = asking.run("%%glm\nwhat is {img}?")
    assert 'pip install "glm-magic[pictures]"' in " ".join(printed.split())


def test_raw_text_shows_nothing(asking, server):
    asking.run("%%glm --raw\nwhat is {img}?")
    assert parts(server) == "what is {img}?"


def test_a_matrix_stays_numbers(asking, server):
    asking.shell.user_ns["m"] = np.eye(2)
    asking.run("%%glm\ninvert {m}")
    assert parts(server) == "invert [[1. 0.]\n [0. 1.]]"


def test_the_cells_above_stand_before_the_picture(asking, server):
    asking.run("x = 1")
    asking.run("%%glm --above\nwhat is {img}?")
    before, picture, after = parts(server)
    assert before["text"].endswith("what is ")
    assert picture["type"] == "image_url"
    assert after["text"] == "?"


def test_the_context_names_each_picture_with_its_size(asking, server):
    asking.run("%%glm\nwhat is {img}?")
    printed = asking.run("%glm context")
    (row,) = [line for line in printed.splitlines() if "user (picture)" in line]
    assert row.split() == ["user", "(picture)", "img", "50", "×", "40", "≈16"]
    assert "sha256," in printed
    asking.run("%glm use glm-4.6")
    printed = asking.run("%glm context")
    assert "[picture: img, 50×40; not shown here]" in printed
    assert "is not shown to glm-4.6: img" in printed


def test_a_dry_run_and_the_wire_show_a_picture_by_its_hash(asking, server):
    printed = asking.run("%%glm --dry-run\nwhat is {img}?")
    assert not server.requests
    assert "sha256," in printed
    assert len(printed) < 3000
    asking.run("%%glm\nwhat is {img}?")
    printed = asking.run("%glm wire")
    assert printed.count("sha256,") == 3
    assert len(printed) < 8000


def test_a_recording_can_hold_the_pictures(asking, server, tmp_path):
    asking.run("%%glm --record a.glmtape --with-attachments\nwhat is {img}?")
    assert (tmp_path / "a.glmtape").read_text(encoding="utf-8").startswith("glmtape 2\n")
    printed = asking.run("%%glm --with-attachments\nwhat is {img}?")
    assert "--with-attachments has no effect: no tape is recorded" in printed


def test_turns_are_listed_with_the_names_of_their_pictures(asking, server):
    asking.run("%%glm\nwhat is {img}?")
    assert "what is [img]?" in asking.run("%glm show")
    assert "what is [img]?" in asking.run("%glm find img")


def test_hidden_turns_show_nothing_and_pinned_ones_do(asking, server):
    asking.run("%%glm\nwhat is {img}?")
    asking.run("%glm hide 1")
    asking.run("%%glm\nand {one}?")
    assert len(seen(server)) == 1
    asking.run("%glm pin 1")
    asking.run("%%glm\nboth?")
    assert len(seen(server)) == 2


def test_lanes_and_samples_are_all_shown_it(asking, server):
    asking.run("%%glm --no-history --compare think=on,off\nwhat is {img}?")
    assert all(len(request.json["messages"][0]["content"]) == 3 for request in server.requests)
    count = len(server.requests)
    asking.run("%%glm --samples 3\nwhat is {img}?")
    sampled = server.requests[count:]
    assert len(sampled) == 3
    assert all(
        part["type"] == "image_url"
        for r in sampled
        for part in [r.json["messages"][0]["content"][0]]
    )


def test_each_row_is_shown_what_is_attached(asking, server):
    asking.shell.user_ns["rows"] = [{"word": "a"}, {"word": "b"}]
    asking.run("%%glm --map rows --attach 'my photo.png'\nIs it {word}?")
    contents = [request.json["messages"][0]["content"] for request in server.requests]
    assert sorted(content[1]["text"] for content in contents) == ["Is it a?", "Is it b?"]


def test_files_complete_behind_the_option(asking, tmp_path):
    (tmp_path / "plot.png").touch()
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "one.png").touch()
    for text, expected in (
        ("%%glm --attach plo", ["plot.png", "plots/"]),
        ("%%glm --attach=plot.", ["plot.png"]),
        ("%%glm --attach plots/", ["plots/one.png"]),
    ):
        with provisionalcompleter():
            offered = list(asking.shell.Completer.completions(text, len(text)))
        words = [(text[: each.start] + each.text).split("attach")[1][1:] for each in offered]
        assert words == expected


def test_forget_all_deletes_the_pictures(asking, server, isolated_home):
    asking.run("%%glm\nwhat is {img}?")
    from glm_magic.session.contents import contents_store

    assert contents_store().read("SELECT count(*) FROM content") == [(1,)]
    asking.run("%glm forget all")
    assert contents_store().read("SELECT count(*) FROM content") == [(0,)]


def test_each_row_shows_the_picture_of_its_column(asking, server):
    asking.shell.user_ns["rows"] = [
        {"photo": noise(40, 50), "place": "a"},
        {"photo": 255 - noise(40, 50), "place": "b"},
    ]
    asking.run("%%glm --map rows\nWhat is {photo} in {place}?")
    sums = set()
    for request in server.requests:
        before, picture, after = request.json["messages"][0]["content"]
        assert before["text"] == "What is "
        assert picture["type"] == "image_url"
        sums.add((after["text"], int(pictures_in(request.json)[0].sum(dtype=int))))
    expected = noise(40, 50).sum(dtype=int)
    assert sums == {(" in a?", expected), (" in b?", 255 * 40 * 50 * 3 - expected)}


def test_the_facts_of_a_model_say_whether_it_sees_and_how_many(asking):
    printed = asking.run("%glm models glm-5.3-flash")
    assert re.search(r"^pictures +yes +official", printed, re.MULTILINE)
    assert re.search(r"^most pictures of a request +50 ", printed, re.MULTILINE)
    assert re.search(r"^pictures +no ", asking.run("%glm models glm-5.2"), re.MULTILINE)
