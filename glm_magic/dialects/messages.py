"""The messages of a request, in the grammar that all dialects share.

A message that stands alone is spelled the same with every prompt that follows it. So it is spelled
once, and the messages up to it are one `Transcript`, which the next prompt goes on with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from ..catalogue.schema import Offer
from ..core.calls import (
    Arguments,
    arguments_text,
    offered_functions,
    read_arguments,
    sendable_name,
)
from ..core.messages import Message, Request, ToolCall
from ..core.spelled import SpelledMessage, SpelledMessages, Transcript
from .attachments import Content, Shown, encode_content, result_pictures

FEW = 16
"""So many messages are gone through one by one."""
MOST_NEW = 16
"""Where the last transcript ends: at most so many messages before the newest."""
MOST_TRANSCRIPTS = 2
"""Transcripts that end with the same message: of all turns, and of those that have room."""


def encode_messages(request: Request, offer: Offer, reasoning_field: str) -> SpelledMessages:
    """Spell messages, with the reasoning that the provider wants back and no other.

    Notes
    -----
    Inside a tool round, which runs from the last user message on, every provider takes the
    reasoning back, and BigModel and Z.ai require it. In plain turns it is left out, unless
    preserved thinking was requested; on the Coding Plan that is on by default. It never goes to
    another provider.
    """
    messages = request.messages
    preserve = offer.is_coding_plan if request.preserve is None else request.preserve
    offered = offered_functions(request.tools) if request.tools else {}
    problems: dict[str, Arguments] = {}
    last_user = _last_user(messages)
    shown = Shown(messages, offer)
    way = f"{reasoning_field} {offer.provider.name}" if preserve else reasoning_field
    transcript = _transcript(messages[:last_user], way, tuple(offered))
    encoded = SpelledMessages(transcript.spelled)
    results: list[Message] = []
    for at, message in enumerate(messages[len(transcript) :], len(transcript)):
        if message.role != "tool":
            if results:
                encoded += result_pictures(results, shown)
                results.clear()
            if (spelled := message.spelled.get(way)) is not None:
                encoded.append(spelled)
                continue
        elif message.attachments:
            results.append(message)
        fields = encode_message(message, offered, encode_content(message, shown))
        if message.tool_calls:
            problems = {call.id: _arguments(call) for call in message.tool_calls}
        elif message.tool_call_id in problems:
            fields["content"] = _result(fields["content"], problems[message.tool_call_id])
        goes_back = preserve or (at > last_user and bool(message.tool_calls))
        is_theirs = goes_back and message.reasoning_from == offer.provider.name
        if message.reasoning and (is_theirs or message.reasoning_from is None):
            fields[reasoning_field] = message.reasoning
        encoded.append(SpelledMessage(fields))
        if _stands_alone(message):
            message.spelled[way] = encoded[-1]
    encoded += result_pictures(results, shown)
    _go_on(transcript, messages[:last_user], encoded, way)
    encoded.begin_with(transcript)
    return encoded


def _last_user(messages: Sequence[Message]) -> int:
    places = reversed(range(len(messages)))
    return next((at for at in places if messages[at].role == "user"), 0)


def _stands_alone(message: Message) -> bool:
    """Whether the spelling of a message depends on no other one, and not on what can be shown."""
    return not (message.attachments or message.tool_calls or message.tool_call_id is not None)


def _transcript(messages: Sequence[Message], way: str, names: Sequence[str]) -> Transcript:
    """Return that of the messages before the last prompt, or of the first of them; else a new one.

    It is taken from the last message that it has. Whoever takes it goes on with it, nobody else.
    """
    ways = (message.spelled.get(way) for message in reversed(messages[-MOST_NEW:]))
    for spelled in filter(None, ways if len(messages) > FEW else ()):
        for transcript in list(spelled.transcripts):
            if transcript.names == names and transcript.begins(messages):
                with suppress(ValueError):  # another thread was faster
                    spelled.transcripts.remove(transcript)
                    return transcript
    return Transcript(names)


def _go_on(
    transcript: Transcript, messages: Sequence[Message], spelled: SpelledMessages, way: str
) -> None:
    """Add the messages before the last prompt, and leave the transcript with the last of them.

    Which pictures are shown depends on those that follow; where there are any, it does not grow.
    """
    first = len(transcript)
    if len(messages) <= FEW or any(message.attachments for message in messages[first:]):
        return
    for source, one in zip(messages[first:], spelled[first:], strict=False):
        transcript.add(source, one)
    last = messages[-1].spelled.get(way)
    if last is not None:
        last.transcripts.append(transcript)
        del last.transcripts[:-MOST_TRANSCRIPTS]


def _arguments(call: ToolCall) -> Arguments:
    # a caller's own message may hold an object in place of JSON text
    return read_arguments(arguments_text(call.arguments))


def _result(content: str, arguments: Arguments) -> str:
    """Return the result of a call, which tells the model what its arguments were."""
    problem = arguments.problem
    return f"({problem})\n{content}" if problem and problem not in content else content


def encode_message(message: Message, offered: Collection[str], content: Content) -> dict[str, Any]:
    """Spell one message, without reasoning; a call goes back as servers take it.

    Parameters
    ----------
    message : Message
        What a server sent of a call may be no object and no name, see `core.calls`.
    offered : collection of str
        The functions of the request, by name.
    content : str or list of dict
        Its text, or the parts with what it shows.
    """
    fields: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": sendable_name(call.name, offered),
                    "arguments": _arguments(call).text,
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    return fields
