"""A turn that thinks again: from one of its sentences on, which may be replaced.

What comes is a new variant of the same slot. It says what was kept of the thought, what was written
in place of the rest, and what that rest had led to.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.errors import InvalidValueError, UnsupportedError
from ..core.i18n import tr
from ..core.sentences import Sentence, sentences
from ..core.turn import Given, Turn
from ..engine.options import Options
from ..engine.stream import Stream
from .session import Session
from .slots import Slot, Variant


def thought_of(turn: Turn) -> list[Sentence]:
    """Return the sentences of a turn's reasoning, as they are numbered everywhere."""
    return sentences(turn.reasoning)


def rethink(
    session: Session,
    slot: Slot,
    sentence: int = 1,
    text: str = "",
    variant: Variant | None = None,
) -> Stream:
    """Let a turn think again from one of its sentences on.

    Parameters
    ----------
    session : Session
        Whose turn it is.
    slot : Slot
        Its place, which gets the new variant.
    sentence : int
        The first sentence of the reasoning that is not kept, from 1.
    text : str
        What stands in its place; empty: the model writes it anew.
    variant : Variant, optional
        The run that thinks again; the chosen one by default.

    Returns
    -------
    Stream
        The new variant; nothing is sent before its block is entered.

    Raises
    ------
    InvalidValueError
        It is still running, did not think, was dropped, or has no such sentence.
    UnsupportedError
        It called functions or filled a schema, or its model does not go on inside a thought.
    """
    variant = variant or slot.current
    turn = variant.turn
    check_can_rethink(variant)
    if slot not in session.slots:
        raise InvalidValueError(
            tr("this turn is no longer part of the session {name}", name=session.name),
            hint=tr("run its cell again"),
        )
    thought = thought_of(turn)
    if not 1 <= sentence <= len(thought):
        raise InvalidValueError(
            tr(
                "there is no sentence {number}; the reasoning has {count}",
                number=sentence,
                count=len(thought),
            ),
            hint=tr("the pencil in its panel shows them with their numbers"),
        )
    start = thought[sentence - 1].start
    kept, before = turn.reasoning[:start], turn.reasoning[start:]
    prefill = (kept + text.strip()).rstrip()
    kept_length = min(len(kept), len(prefill))
    given = Given(kept_length, len(prefill) - kept_length, sentence, before, turn.answer)
    asked = variant.options or Options(model=turn.model, provider=turn.provider)
    return session.ask_again(slot, turn, replace(asked, prefill=prefill or None, given=given))


def check_can_rethink(variant: Variant) -> None:
    """Refuse a run that cannot think again, whatever its model can do.

    Raises
    ------
    InvalidValueError
        It is still running, or did not think.
    UnsupportedError
        It called functions or filled a schema.
    """
    turn, stream, options = variant.turn, variant.stream, variant.options or Options()
    if (stream is not None and not stream.done) or turn.status == "streaming":
        raise InvalidValueError(
            tr("this turn is still running"),
            hint=tr("wait for its end, or stop it; what it has thought by then can be changed"),
        )
    has_calls = any(step.tool_calls for step in turn.steps)
    if has_calls or options.tools or options.mcp or options.schema is not None:
        raise UnsupportedError(
            tr("a turn with functions or a schema does not think again from a sentence"),
            hint=tr("run its cell again, or ask without them"),
            provider=turn.provider,
        )
    if not turn.reasoning.strip():
        raise InvalidValueError(
            tr("this turn has no reasoning to change"),
            hint=tr("ask with --think, at a model that shows its reasoning"),
        )
