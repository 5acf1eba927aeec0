"""The tool loop: calls are made, and told to the model as each provider wants them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

import glm_magic as glm
from glm_magic.core.events import StepStarted, ToolFinished, ToolStarted
from tests.api.providers import PLACES, Place
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Script, Tokens

every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place.provider}{place.path}-{place.flavor}"
)
HERE = PLACES[0]
ASKS = Script(
    reasoning="\nI need the weather. ",
    answer="Let me look. ",
    calls=(Call("weather", '{"city": "巴黎", "days": 2}', "call_-78"),),
    tokens=Tokens(20, 7),
)
SAYS = Script(answer="It rains.", tokens=Tokens(40, 5))


def weather(city: str, days: int = 1) -> dict[str, Any]:
    """Tell the weather of a city."""
    return {"city": city, "days": days, "sky": "rain"}


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a body in either protocol."""
    return body.get("input", body)["messages"]


def options(body: dict[str, Any]) -> dict[str, Any]:
    return body.get("parameters", body)


def rounds(*scripts: Script, place: Place = HERE, **asked: Any) -> tuple[Any, list[Any]]:
    """Ask with scripted replies; return the reply and the bodies that were sent."""
    with ModelServer(place.flavor, strict=True) as server:
        server.tell(*scripts)
        asked.setdefault("tools", [weather])
        reply = glm.ask("Weather?", **place.asked(server, **asked))
        return reply, [request.json for request in server.requests]


@every_place
def test_a_call_is_made_and_the_model_goes_on_with_its_result(place: Place) -> None:
    reply, (first, second) = rounds(ASKS, SAYS, place=place)
    assert (reply.answer, reply.status) == ("It rains.", "complete")
    assistant, result = messages_of(second)[-2:]
    assert messages_of(second)[:-2] == messages_of(first)
    assert (assistant["role"], assistant["content"]) == ("assistant", "Let me look. ")
    assert assistant["tool_calls"] == [
        {
            "id": "call_-78",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "巴黎", "days": 2}'},
        }
    ]
    assert result == {
        "role": "tool",
        "tool_call_id": "call_-78",
        "content": '{"city":"巴黎","days":2,"sky":"rain"}',
    }
    field = "reasoning" if place.provider in ("wcode", "openrouter", "ollama") else None
    field = field or ("reasoning" if place.provider == "vllm" else "reasoning_content")
    assert assistant[field] == "\nI need the weather. "
    assert options(second)["tools"] == options(first)["tools"]


@every_place
def test_steps_hold_each_call_and_usage_is_their_sum(place: Place) -> None:
    reply, bodies = rounds(ASKS, SAYS, place=place)
    first, second = reply.steps
    assert (first.cause, second.cause) == ("prompt", "tools")
    assert (first.usage, second.usage) == (glm.Usage(20, 7), glm.Usage(40, 5))
    assert reply.usage == glm.Usage(60, 12)
    assert [step.request for step in reply.steps] == bodies
    assert (first.content, second.content) == ("Let me look. ", "It rains.")
    (run,) = first.runs
    assert run == first.run_of(first.tool_calls[0])
    assert (run.status, json.loads(run.content)["sky"]) == ("done", "rain")
    assert first.timing.total_s is not None
    assert first.timing.total_s <= run.began_s <= second.began_s
    assert reply.timing.total_s is not None
    assert reply.timing.total_s >= second.began_s
    assert reply.tool_calls == ()


def test_costs_are_computed_for_each_call_and_summed() -> None:
    reply, _ = rounds(ASKS, SAYS, model="glm-4.5")
    costs = [step.cost.amount for step in reply.steps if step.cost]
    assert len(costs) == 2
    assert reply.cost is not None
    assert reply.cost.amount == sum(costs)


@pytest.mark.parametrize(
    ("place", "streams"),
    [
        (PLACES[0], True),  # glm-5
        (PLACES[1], True),  # glm-4.6
        (PLACES[2], False),  # glm-4.5 has none
        (PLACES[3], True),  # glm-4.7, native
        (PLACES[4], True),  # glm-4.6, BigModel
        (PLACES[9], False),  # vLLM
    ],
    ids=lambda value: value.provider if isinstance(value, Place) else str(value),
)
def test_arguments_are_streamed_where_the_provider_can(place: Place, streams: bool) -> None:
    _, bodies = rounds(ASKS, SAYS, place=place)
    assert [options(body).get("tool_stream") for body in bodies] == [True if streams else None] * 2
    if streams:
        _, bodies = rounds(ASKS, SAYS, place=place, params={"tool_stream": False})
        assert options(bodies[0])["tool_stream"] is False


def test_the_users_own_schemas_add_no_key_and_their_calls_are_his() -> None:
    bare = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    reply, (body,) = rounds(ASKS, SAYS, tools=[bare])
    assert "tool_stream" not in body
    assert body["tools"] == [bare]
    assert [call.name for call in reply.tool_calls] == ["weather"]
    assert reply.status == "complete"


def test_several_calls_run_in_order_in_the_waiting_thread() -> None:
    seen: list[tuple[str, str]] = []

    def note(word: str) -> str:
        seen.append((word, threading.current_thread().name))
        return word.upper()

    calls = tuple(Call("note", json.dumps({"word": word}), f"id-{word}") for word in "abc")
    reply, bodies = rounds(Script(calls=calls), SAYS, tools=[note])
    here = threading.current_thread().name
    assert seen == [("a", here), ("b", here), ("c", here)]
    results = [(m["tool_call_id"], m["content"]) for m in messages_of(bodies[1])[-3:]]
    assert results == [("id-a", "A"), ("id-b", "B"), ("id-c", "C")]
    assert [run.content for run in reply.steps[0].runs] == ["A", "B", "C"]


def test_several_calls_run_together_when_they_may() -> None:
    meet = threading.Barrier(3, timeout=10)

    def note(word: str) -> str:
        meet.wait()  # passes only when all three are here
        return word.upper()

    calls = tuple(Call("note", json.dumps({"word": word}), f"id-{word}") for word in "abc")
    reply, bodies = rounds(Script(calls=calls), SAYS, tools=[note], parallel=True)
    assert [m["content"] for m in messages_of(bodies[1])[-3:]] == ["A", "B", "C"]
    assert bodies[0]["parallel_tool_calls"] is True
    assert {run.status for run in reply.steps[0].runs} == {"done"}


def test_asynchronous_functions_run_too_and_in_the_callers_loop() -> None:
    loops: list[Any] = []

    async def look(city: str) -> str:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return f"fog in {city}"

    script = Script(calls=(Call("look", '{"city": "Rome"}'),))
    _, bodies = rounds(script, SAYS, tools=[look])
    assert messages_of(bodies[1])[-1]["content"] == "fog in Rome"

    async def ask(server: ModelServer) -> Any:
        loops.append(asyncio.get_running_loop())
        return await glm.aask("Weather?", **HERE.asked(server, tools=[look]))

    with ModelServer() as server:
        server.tell(script, SAYS)
        reply = asyncio.run(ask(server))
    assert reply.steps[0].runs[0].content == "fog in Rome"
    assert loops[1] is loops[2]


def test_all_ways_of_asking_run_the_functions() -> None:
    with ModelServer() as server:
        server.tell(*[ASKS, SAYS] * 3)
        asked = HERE.asked(server, tools=[weather])
        with glm.stream("Weather?", **asked) as stream:
            kinds = [type(event) for event in stream]
        order = [kinds.index(kind) for kind in (ToolStarted, ToolFinished, StepStarted)]
        assert order == sorted(order)

        async def collect() -> Any:
            async with glm.astream("Weather?", **asked) as opened:
                async for _ in opened:
                    pass
                return opened.reply

        assert asyncio.run(collect()).answer == "It rains."
        assert glm.Session("tools", **asked).ask("Weather?").answer == "It rains."


def test_a_function_that_runs_long_is_seen_running() -> None:
    go, began = threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go.wait(10)
        return "done"

    with ModelServer() as server:
        server.tell(Script(calls=(Call("slow", "{}"),)), SAYS)
        with glm.stream("Go.", **HERE.asked(server, tools=[slow])) as stream:
            assert began.wait(10)
            time.sleep(0.05)
            turn = stream.turn
            assert (turn.status, turn.steps[0].runs[0].status) == ("streaming", "running")
            assert turn.steps[0].runs[0].elapsed_s > 0.04
            assert turn.timing.total_s > turn.steps[0].timing.total_s
            go.set()
            assert stream.reply.steps[0].runs[0].status == "done"


def test_later_prompts_are_sent_the_rounds_too() -> None:
    with ModelServer(strict=True) as server:
        server.tell(ASKS, SAYS)
        session = glm.Session("rounds", **HERE.asked(server, tools=[weather]))
        session.ask("Weather?")
        session.ask("And tomorrow?")
        roles = [message["role"] for message in messages_of(server.last.json)]
        sent = messages_of(server.last.json)
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    assert "reasoning_content" not in sent[1]  # this round is over
    assert sent[3]["content"] == "It rains."
    assert session.usage == glm.Usage(20 + 40 + 40, 7 + 5 + 5)


def test_only_named_functions_are_ever_called() -> None:
    reply, bodies = rounds(Script(calls=(Call("exit", '{"code": 1}', "x"),)), SAYS)
    assert messages_of(bodies[1])[-1]["content"] == (
        "error: there is no function 'exit'; there are: weather"
    )
    assert reply.steps[0].runs[0].status == "failed"


def fails(**_: Any) -> None:
    raise ValueError("no such\ncity")


def exits(**_: Any) -> None:
    raise SystemExit(3)


def cancels(**_: Any) -> None:
    raise asyncio.CancelledError


def stops(**_: Any) -> None:
    raise StopIteration


def returns_huge(**_: Any) -> str:
    return "x" * 10_000_000


def returns_broken(**_: Any) -> Any:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no picture")

    return Broken()


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "content"),
    [
        (fails, "{}", "failed", "error: ValueError: no such city (line "),
        (exits, "{}", "failed", "error: SystemExit: 3"),
        (cancels, "{}", "failed", "error: CancelledError"),
        (stops, "{}", "failed", "error: StopIteration"),
        (returns_huge, "{}", "done", "x" * 100),
        (returns_broken, "{}", "failed", "error: the function returned Broken"),
        (weather, "{oops", "failed", "error: the arguments are not JSON"),
        (weather, '{"days": 2}', "failed", "error: the arguments do not fit: city: Field required"),
        (
            weather,
            '{"city": "x", "days": "many"}',
            "failed",
            "error: the arguments do not fit: days",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:12]),
)
def test_whatever_a_call_does_the_model_is_told_and_goes_on(
    tool: Any, arguments: str, status: str, content: str
) -> None:
    reply, bodies = rounds(Script(calls=(Call(tool.__name__, arguments),)), SAYS, tools=[tool])
    (run,) = reply.steps[0].runs
    assert (run.status, run.content[: len(content)]) == (status, content)
    assert messages_of(bodies[1])[-1]["content"] == run.content
    assert len(run.content) < 21_000
    assert (reply.answer, reply.status) == ("It rains.", "complete")


def test_a_function_that_hangs_is_given_up_and_the_model_is_told() -> None:
    def hangs() -> None:
        while True:
            time.sleep(0.01)

    began = time.monotonic()
    reply, bodies = rounds(
        Script(calls=(Call("hangs", "{}"),)), SAYS, tools=[hangs], tool_timeout_s=0.3
    )
    assert time.monotonic() - began < 10
    assert messages_of(bodies[1])[-1]["content"] == "error: no result within 0.3 s; given up"
    assert reply.answer == "It rains."


def test_a_coroutine_that_hangs_is_cancelled() -> None:
    ended = threading.Event()

    async def hangs() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    rounds(Script(calls=(Call("hangs", "{}"),)), SAYS, tools=[hangs], tool_timeout_s=0.3)
    assert ended.wait(10)


def test_a_model_that_never_stops_calling_is_told_and_then_stopped() -> None:
    calls: list[int] = []

    def again() -> str:
        calls.append(1)
        return "more"

    script = Script(answer="", calls=(Call("again", "{}"),))
    reply, bodies = rounds(script, tools=[again], max_rounds=2)
    assert len(calls) == 2
    assert len(bodies) == 4
    assert "limit of 2 rounds" in messages_of(bodies[3])[-1]["content"]
    assert reply.status == "incomplete"
    assert [notice.code for notice in reply.turn.notices] == ["max-rounds"]
    ran = [run.status for step in reply.steps for run in step.runs]
    assert ran == ["done", "done", "refused"], "the third was not called"
    _, bodies = rounds(script, SAYS, tools=[again], max_rounds=1)
    assert len(bodies) == 2


def test_a_model_that_obeys_the_limit_answers() -> None:
    script = Script(answer="", calls=(Call("weather", '{"city": "x"}'),))
    reply, bodies = rounds(script, script, SAYS, max_rounds=1)
    assert "limit of 1 rounds" in messages_of(bodies[2])[-1]["content"]
    assert (reply.answer, reply.status) == ("It rains.", "complete")


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "8"])
def test_a_limit_that_is_no_count_is_refused(value: Any) -> None:
    with ModelServer() as server:
        with pytest.raises(glm.GlmError, match="max_rounds takes a whole number"):
            glm.ask("x", **HERE.asked(server, tools=[weather], max_rounds=value))
        assert not server.requests


def test_a_reply_that_breaks_off_inside_a_call_calls_nothing() -> None:
    called: list[Any] = []
    with ModelServer() as server:
        server.tell(Script(answer="", calls=ASKS.calls, finish=None, done=False))
        reply = glm.ask("x", **HERE.asked(server, tools=[called.append, weather][1:]))
        assert len(server.requests) == 1
    assert reply.status == "incomplete"
    assert reply.steps[0].runs == ()


def test_an_error_in_the_second_round_keeps_the_first() -> None:
    with ModelServer() as server:
        server.tell(ASKS, Script(cut_after=0))
        with pytest.raises(glm.GlmError) as caught:
            glm.ask("x", **HERE.asked(server, tools=[weather]))
    turn = caught.value.turn
    assert turn is not None
    assert turn.status == "failed"
    assert turn.steps[0].runs[0].status == "done"


def test_each_call_can_be_approved() -> None:
    asked: list[Any] = []

    def approve(name: str, arguments: Any) -> bool:
        asked.append((name, arguments))
        return arguments["city"] == "b"

    calls = tuple(Call("weather", json.dumps({"city": c}), f"id-{c}") for c in "ab")
    reply, bodies = rounds(Script(calls=calls), SAYS, approve=approve)
    assert asked == [("weather", {"city": "a"}), ("weather", {"city": "b"})]
    assert [run.status for run in reply.steps[0].runs] == ["refused", "done"]
    assert messages_of(bodies[1])[-2]["content"] == "not called: the user did not allow it"


@pytest.mark.parametrize(
    ("typed", "status"), [("y", "done"), (" YES ", "done"), ("", "refused"), ("no", "refused")]
)
def test_the_user_is_asked_at_the_keyboard(
    typed: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def answer(prompt: str) -> str:
        shown.append(prompt)
        return typed

    monkeypatch.setattr("builtins.input", answer)
    reply, _ = rounds(ASKS, SAYS, approve=True)
    assert shown == ['Call weather(city="巴黎", days=2)? [y/N] ']
    assert reply.steps[0].runs[0].status == status


def test_where_nobody_can_be_asked_nothing_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError("no keyboard")

    monkeypatch.setattr("builtins.input", nobody)
    reply, bodies = rounds(ASKS, SAYS, approve=True)
    assert reply.steps[0].runs[0].status == "failed"
    assert messages_of(bodies[1])[-1]["content"].startswith(
        "error: not called: nobody could be asked"
    )


def test_the_thinking_before_a_second_answer_can_be_cut_short() -> None:
    with ModelServer(strict=True) as server:
        thinks = Script(reasoning="hm, " * 50, stall_after=6)
        server.tell(ASKS, thinks, SAYS)
        with glm.stream("x", **HERE.asked(server, tools=[weather])) as stream:
            waiting = threading.Thread(target=stream.wait)
            waiting.start()
            until = time.monotonic() + 20
            while "hm, hm" not in stream.turn.reasoning and time.monotonic() < until:
                time.sleep(0.005)
            assert stream.answer_now()
            reply = stream.reply
            waiting.join()
        last = messages_of(server.last.json)
    assert [step.cause for step in reply.steps] == ["prompt", "tools", "answer now"]
    assert [message["role"] for message in last] == ["user", "assistant", "tool"]
    assert reply.answer == "It rains."


def test_an_empty_result_is_no_call_that_was_not_made() -> None:
    def read() -> str:
        return ""

    _, bodies = rounds(Script(calls=(Call("read", "{}"),)), SAYS, tools=[read])
    assert messages_of(bodies[1])[-1]["content"] == "(nothing)"


def test_a_call_in_which_the_reply_was_cut_is_not_made() -> None:
    wiped: list[str] = []

    def wipe(path: str = "/data") -> str:
        wiped.append(path)
        return "done"

    for arguments in ("", '{"path": "/tm'):
        cut = Script(calls=(Call("wipe", arguments),), finish="length")
        reply, bodies = rounds(cut, SAYS, tools=[wipe])
        assistant, result = messages_of(bodies[1])[-2:]
        assert "cut at the token limit inside this call" in result["content"]
        assert assistant["tool_calls"][0]["function"]["arguments"] == "{}", (
            "half of it is not sent back"
        )
        assert reply.answer == "It rains."
    assert wiped == []
    rounds(Script(calls=(Call("wipe", '{"path": "/tmp/x"}'),), finish="length"), SAYS, tools=[wipe])
    assert wiped == ["/tmp/x"], "a whole call before the limit is one"


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "weather"}}]
)
def test_a_call_is_forced_only_once(choice: Any) -> None:
    place = next(place for place in PLACES if place.provider == "vllm")
    _, bodies = rounds(ASKS, SAYS, place=place, params={"tool_choice": choice})
    assert [body.get("tool_choice") for body in bodies] == [choice, None]


def test_an_interrupt_in_one_of_several_calls_ends_the_turn() -> None:
    def stop() -> str:
        raise KeyboardInterrupt

    calls = (Call("stop", "{}", "a"), Call("weather", '{"city": "Ulm"}', "b"))
    with ModelServer() as server:
        server.tell(Script(calls=calls), SAYS)
        stream = glm.stream("x", **HERE.asked(server, tools=[stop, weather], parallel=True))
        with stream:
            stream.wait(20)
        assert stream.turn.status == "interrupted"
        assert len(server.requests) == 1


def test_a_plain_function_may_give_a_coroutine_also_where_a_loop_runs() -> None:
    async def look() -> str:
        await asyncio.sleep(0)
        return "rain"

    def weather() -> Any:
        return look()

    async def lines() -> Any:
        for n in range(3):
            yield n

    async def ask() -> list[str]:
        both = (Call("weather", "{}", "a"), Call("lines", "{}", "b"))
        _, bodies = rounds(Script(calls=both), SAYS, tools=[weather, lines])  # as in a notebook
        return [message["content"] for message in messages_of(bodies[1])[-2:]]

    assert asyncio.run(ask()) == ["rain", "[0,1,2]"]


def test_the_cost_of_a_paid_round_stays_when_a_later_one_is_refused() -> None:
    from tests.servers.script import Failure

    asks = Script(calls=(Call("weather", '{"city": "Ulm"}'),), tokens=Tokens(1000, 100))
    refused = Script(refusal=Failure(400, "1210", "no"))
    place = next(p for p in PLACES if p.provider == "zai" and "coding" not in p.path)
    with ModelServer() as server:
        server.tell(asks, refused)
        asked = place.asked(server, tools=[weather], model="glm-4.6")
        with pytest.raises(glm.GlmError) as caught:
            glm.ask("x", **asked)
    assert caught.value.turn is not None
    assert caught.value.turn.cost is not None
