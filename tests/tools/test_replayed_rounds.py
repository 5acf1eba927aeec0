"""A recorded turn with tool calls answers again from its tape; the functions run anew."""

from __future__ import annotations

from pathlib import Path

import glm_magic as glm
from tests.api.providers import PLACES
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script


def test_every_request_of_a_turn_comes_from_the_tape(tmp_path: Path) -> None:
    ran: list[str] = []

    def note(word: str) -> str:
        ran.append(word)
        return word.upper()

    tape = tmp_path / "rounds.glmtape"
    with ModelServer() as server:
        server.tell(
            Script(reasoning="hm", answer="", calls=(Call("note", '{"word": "a"}'),)),
            Script(answer='{"x": "not a number"}'),
            Script(answer='{"x": 1}'),
        )
        asked = PLACES[9].asked(
            server, tools=[note], schema={"properties": {"x": {"type": "integer"}}}
        )
        with glm.record(tape):
            live = glm.ask("Go.", **asked)
        count = len(server.requests)
        with glm.replay(tape, speed=float("inf")):
            again = glm.ask("Go.", **asked)
        assert len(server.requests) == count == 3
    assert live.value == again.value == {"x": 1}
    assert ran == ["a", "a"]
    assert [step.cause for step in again.steps] == ["prompt", "tools", "repair"]
    assert [step.usage for step in again.steps] == [step.usage for step in live.steps]
    assert again.steps[0].runs[0].content == "A"
