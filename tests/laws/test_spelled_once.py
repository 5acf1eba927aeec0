"""A message is spelled once, and every body that has it is byte for byte as if it were new."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from glm_magic.core.attachments import Attachment
from glm_magic.core.messages import Message, Request, ToolCall
from glm_magic.core.spelled import SpelledMessage, body_content, body_tokens
from glm_magic.core.text import json_content
from glm_magic.dialects import DIALECTS
from tests.laws.decoding import offer_for

PICTURE = Attachment("picture", "image/png", "a.png", hash="0" * 64, size=4, data=b"\x89PNG")
MESSAGES = (
    Message("system", "Answer 简短."),
    Message("user", "Why?\u2028 \ud83d"),
    Message("assistant", "Because.", reasoning="Let me see", reasoning_from="bigmodel"),
    Message("user", "And this?", attachments=(PICTURE,)),
    Message("assistant", "", tool_calls=(ToolCall("call_0", "f", "{broken"),)),
    Message("tool", "3", tool_call_id="call_0"),
    Message("assistant", "Three.", reasoning="given by the caller"),
    Message("user", "Thanks!"),
)
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def body_of(dialect: str, messages: Sequence[Message], *, preserve: bool | None) -> dict[str, Any]:
    """Return the body of a request with these messages."""
    offer = replace(offer_for(dialect), images="yes")
    request = Request("glm-4.6", tuple(messages), tools=(TOOL,), preserve=preserve)
    return dict(DIALECTS[dialect].encode(request, offer).body)


def plain(value: Any) -> Any:
    """Return a body of plain dicts and lists, which keep nothing."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return list(map(plain, value)) if isinstance(value, list) else value


def new() -> tuple[Message, ...]:
    """Return messages that were never sent."""
    return tuple(replace(message) for message in MESSAGES)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_bodies_are_the_same_bytes(dialect: str) -> None:
    """Whatever was sent to whom before, and however the turns of the context change."""
    kept = new()
    for other in sorted(DIALECTS):
        for count in (2, 4, len(MESSAGES)):
            body_content(body_of(other, kept[:count], preserve=None))
    for chosen in (slice(None), slice(0, 4), slice(1, None), slice(6, None)):
        body = body_of(dialect, kept[chosen], preserve=None)
        anew = plain(body_of(dialect, new()[chosen], preserve=None))
        assert plain(body) == anew
        assert body_content(body) == json_content(anew)
        assert body_tokens(body) == body_tokens(anew)


@pytest.mark.parametrize("first", [True, False])
def test_reasoning_goes_back_where_it_is_asked_for(first: bool) -> None:
    """And is left out where it is not, of the same message."""
    kept = new()
    for preserve in (first, not first, first):
        body = body_of("bigmodel", kept, preserve=preserve)
        assert (b"Let me see" in body_content(body)) is preserve


def long(*, calls: bool) -> list[Message]:
    """Return a conversation of many turns, some with a round of calls."""
    messages: list[Message] = [Message("system", "Answer 简短.")]
    for number in range(30):
        messages.append(Message("user", f"Why {number}?"))
        if calls and number % 7 == 3:
            call = ToolCall(f"call_{number}", "f", "{broken" if number % 2 else "{}")
            messages.append(Message("assistant", "", tool_calls=(call,)))
            messages.append(Message("tool", str(number), tool_call_id=call.id))
        messages.append(Message("assistant", "Because.", reasoning="Hm", reasoning_from="bigmodel"))
    return [*messages, Message("user", "Thanks!")]


@pytest.mark.parametrize("calls", [True, False])
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_conversation_that_goes_on_is_the_same_bytes(dialect: str, calls: bool) -> None:
    """Turn by turn, when a turn leaves, when two go on differently, and when a picture comes."""
    kept = long(calls=calls)
    places = [at for at, message in enumerate(kept) if message.role == "user"]
    contexts = [kept[: at + 1] for at in places]
    contexts += [kept[:9] + kept[11:], kept, [replace(kept[0]), *kept[1:]], kept[: places[-2] + 1]]
    contexts += [[*kept[: places[-2]], Message("user", "Or so?")], [*kept[:-1], MESSAGES[3]]]
    contexts += [[*kept[:-1], MESSAGES[3], MESSAGES[2], kept[-1]], kept[:3], kept]
    for preserve in (None, False):
        for messages in contexts:
            body = body_of(dialect, messages, preserve=preserve)
            anew = plain(body_of(dialect, list(map(replace, messages)), preserve=preserve))
            assert plain(body) == anew
            assert body_content(body) == json_content(anew)
            assert body_tokens(body) == body_tokens(anew)


@pytest.mark.parametrize("calls", [True, False])
def test_what_all_bodies_begin_with_is_kept_once(calls: bool) -> None:
    """And that of an earlier body is the same when the conversation has gone on."""
    kept = long(calls=calls)
    places = [at for at, message in enumerate(kept) if message.role == "user"]
    bodies = [body_of("vllm", kept[: at + 1], preserve=None)["messages"] for at in places]
    before = [messages.content for messages in bodies]
    others = [Message("user", "And?"), Message("assistant", "So."), Message("user", "Well?")]
    body_of("vllm", [*kept[:-1], *others], preserve=None)
    assert [messages.content for messages in bodies] == before
    assert len({id(messages.transcript) for messages in bodies[-10:]}) == 1
    copies = (pickle.loads(pickle.dumps(bodies[-1])), copy.deepcopy(bodies[-1]))
    assert [one.content for one in copies] == [before[-1]] * 2


def test_a_message_is_spelled_once() -> None:
    """Each body has the very same one."""
    kept = new()
    once, again = (body_of("vllm", kept, preserve=None)["messages"] for _ in range(2))
    same = [one is other for one, other in zip(once, again, strict=True)]
    assert same == [True, True, True, False, False, False, True, True]
    assert isinstance(once[0], SpelledMessage)
    assert kept == new()
