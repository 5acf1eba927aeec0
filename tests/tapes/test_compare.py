"""One prompt in several lanes: asked at the same time, read side by side, kept as variants."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import glm_magic as glm
from glm_magic.core.errors import GlmError, InvalidValueError, UnknownNameError
from glm_magic.engine.compare import expand_axes
from glm_magic.engine.options import Options
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Failure, Script, Tokens

ZAI = PLACES[5]
THINKS = Script(answer="0.05", reasoning="Let me see.", tokens=Tokens(11, 129, 120))
PLAIN = Script(answer="0.10", tokens=Tokens(11, 9))


def labels(*axes: str) -> list[str]:
    return [lane.label for lane in expand_axes(axes, Options())]


def test_axes_make_each_with_each() -> None:
    lanes = expand_axes(["think=on,off temperature=0,1.5"], Options(model="glm-4.6"))
    assert [lane.label for lane in lanes] == [
        "think=on temperature=0", "think=on temperature=1.5",
        "think=off temperature=0", "think=off temperature=1.5"]  # fmt: skip
    assert lanes[1].options.thinking is True
    assert lanes[3].options.thinking is False
    assert lanes[1].options.parameters == {"temperature": 1.5}
    assert {lane.options.model for lane in lanes} == {"glm-4.6"}
    models = expand_axes(["model=zai/glm-4.6,glm-4.7"], Options())
    assert [(m.options.provider, m.options.model) for m in models] == [
        ("zai", "glm-4.6"), (None, "glm-4.7")]  # fmt: skip
    assert labels("effort=low,high") == ["think=low", "think=high"]
    assert len(labels("think=on,off", "model=a,b,c")) == 6


@pytest.mark.parametrize(
    ("axes", "problem"),
    [
        (["think=on"], "at least two values"),
        (["think=on,on"], "at least two values"),
        (["think"], "at least two values"),
        (["think=on,off", "think=low,high"], "axis think is given twice"),
        (["think=on,off model=a,b,c,d"], "8 lanes requested; at most 6"),
        (["temperature=warm,cold"], "temperature needs numbers"),
    ],
)
def test_axes_that_make_no_comparison_are_refused(axes: list[str], problem: str) -> None:
    with pytest.raises(InvalidValueError, match=problem):
        expand_axes(axes, Options())


def test_an_unknown_axis_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean temperature\?"):
        expand_axes(["temprature=0,1"], Options())


def test_lanes_are_asked_at_the_same_time(model_server: ModelServer) -> None:
    model_server.tell(Script(first_pause_s=2))
    reply = glm.compare("why?", "temperature=0,0.3,0.6", **ZAI.asked(model_server))
    arrived_s = [request.arrived_s for request in model_server.requests]
    assert max(arrived_s) - min(arrived_s) < 2, "none waits for the end of another"
    assert sorted(r.json["temperature"] for r in model_server.requests) == [0, 0.3, 0.6]
    assert [lane.answer for lane in reply.lanes] == ["Because short waves scatter more."] * 3
    frame = reply.to_frame()
    assert list(frame.index) == ["temperature=0", "temperature=0.3", "temperature=0.6"]
    assert set(frame["output"]) == {29}
    assert reply.answer == reply.lanes[0].answer
    assert glm.ask("why?", **ZAI.asked(model_server)).lanes == ()


def test_one_lane_that_fails_leaves_the_others(model_server: ModelServer) -> None:
    model_server.tell(Script(refusal=Failure(400, "1210", "no such thing")), PLAIN)
    reply = glm.compare("why?", "temperature=0,1", **ZAI.asked(model_server))
    assert sorted(lane.status for lane in reply.lanes) == ["complete", "failed"]
    model_server.tell(Script(refusal=Failure(400, "1210", "no such thing")))
    with pytest.raises(GlmError, match="no such thing"):
        glm.compare("why?", "temperature=0,1", **ZAI.asked(model_server))


def test_nothing_is_sent_when_a_lane_is_refused(glm_shell, sent) -> None:
    glm_shell.fail("%%glm --compare temperature=0,9\nwhy?")
    glm_shell.fail("%%glm --compare think=on,off --bg\nwhy?")
    assert sent() == []


class Table(HTMLParser):
    """The texts of a table's cells, row by row, whatever stands in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data


def test_the_saved_output_is_one_table_with_figures_and_differences(
    glm_shell, model_server
) -> None:
    model_server.tell(THINKS)
    glm_shell.run("%%glm -q -m glm-4.7 --compare think=on,off\nHow much is the ball?")
    reply = glm_shell["_glm"]
    assert isinstance(reply, glm.Comparison)
    data, metadata = reply._repr_mimebundle_()
    rows = {row[0]: row[1:] for row in Table(data["text/html"]).rows}
    assert rows["Lane"] == ["think=on", "think=off"]
    assert [cell.strip() for cell in rows["Answer"]] == ["0.05", "0.05"]
    assert "Let me see." in rows["Reasoning"][0]
    assert rows["Reasoning"][1] == "no thinking"
    assert rows["tokens out"] == ["129 (120 reasoning)", "129 (120 reasoning)"]
    assert rows["thinking"][1] == "none"
    assert set(rows) >= {"first thought", "total", "cost", "Model"}
    assert rows["Difference to think=on"][0] == "compared with this"
    for part in ("| Lane | think=on | think=off |", "| tokens out | 129", "**think=off**"):
        assert part in data["text/markdown"]
    for form in data.values():
        assert form.count("Let me see.") == 1, "the reasoning is in every form"
        assert reply.lanes[0].turn.provider in form, "and so is the provider"
    assert "<details><summary>Reasoning</summary>\n\nLet me see." in data["text/markdown"]
    assert [lane["label"] for lane in metadata["glm_magic"]["lanes"]] == ["think=on", "think=off"]


def test_differences_are_told_with_their_sign(model_server: ModelServer) -> None:
    model_server.tell(THINKS)
    wanting = ZAI.asked(model_server)
    on = glm.ask("why?", **wanting, thinking=True)
    model_server.tell(PLAIN)
    off = glm.ask("why?", **wanting, thinking=False)
    from glm_magic.views.options import ViewOptions
    from glm_magic.views.saved.compare_page import compare_bundle

    data, _ = compare_bundle(["think=on", "think=off"], [on.turn, off.turn], ViewOptions())
    assert "tokens out −120" in data["text/html"]
    data, _ = compare_bundle(["think=off", "think=on"], [off.turn, on.turn], ViewOptions())
    assert "tokens out +120" in data["text/html"]
    chinese, _ = compare_bundle(["a", "b"], [off.turn, on.turn], ViewOptions(language="zh"))
    assert "与 a 的差别" in chinese["text/html"]


def test_each_lane_is_a_variant_and_the_user_picks_which_one_goes_on(
    glm_shell, model_server, sent
) -> None:
    model_server.tell(Script(answer="warm"), Script(answer="cold"))
    glm_shell.run("%%glm -q --compare temperature=0,1\nweather?")
    reply = glm_shell["_glm"]
    first, second = (lane.answer for lane in reply.lanes)
    model_server.tell(Script(answer="so"))
    glm_shell.run("%%glm -q\nand then?")
    assert sent()[-1]["messages"][1]["content"] == first
    reply.choose("temperature=1")
    assert reply.answer == second
    glm_shell.run("%%glm -q\nand now?")
    assert sent()[-1]["messages"][1]["content"] == second
    glm_shell.run("%glm choose 1 1")
    glm_shell.run("%%glm -q\nreally?")
    assert sent()[-1]["messages"][1]["content"] == first
    with pytest.raises(InvalidValueError, match="there is no lane 3"):
        reply.choose(3)


def test_a_terminal_shows_the_lanes_below_each_other(glm_shell, model_server) -> None:
    model_server.tell(Script(answer="yes", reasoning="Hm."))
    printed = glm_shell.run("%%glm --compare temperature=0,1\nwell?")
    assert printed.index("── temperature=0 ──") < printed.index("── temperature=1 ──")
    assert printed.count("yes") == 2
    assert "tokens out" in printed


def test_a_comparison_replays_from_a_tape(glm_shell, model_server, sent) -> None:
    model_server.tell(THINKS)
    glm_shell.run("%%glm -q --record t.glmtape -m glm-4.7 --compare think=on,off\nwhy?")
    asked = len(sent())
    glm_shell.shell.run_line_magic("glm", "reset")
    glm_shell.run("%%glm -q --replay t.glmtape --speed max -m glm-4.7 --compare think=on,off\nwhy?")
    assert [lane.answer for lane in glm_shell["_glm"].lanes] == ["0.05", "0.05"]
    assert len(sent()) == asked == 2
