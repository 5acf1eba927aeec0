"""What a whole reply is held against: what the request asked for.

A server may leave out what it was asked to do, and say nothing: think although thinking was
switched off, answer in another form than the schema's although it took the schema, or put the
answer where the reasoning belongs. Whatever is there is used, and a notice says what was not done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import SchemaError
from ..core.finish_reasons import is_at_limit
from ..core.i18n import Text, tr
from ..core.messages import Message
from ..core.turn import Notice, Step
from ..tools.output_schema import OutputMismatchError, OutputSchema
from .prepared import PreparedRequest
from .structured import json_schema
from .token_figures import missing_figures

MAX_PROBLEM_CHARS = 300
"""How much of a mismatch an error quotes."""

TOLERANCE = 1.1
"""A thought may be this much longer than asked for, to the end of a word or sentence."""

Note = Callable[[Notice], None]
"""Takes a notice for the turn."""


class Review:
    """Looks at each whole reply of one turn.

    Parameters
    ----------
    note : callable
        Takes the notices.
    schema : OutputSchema, optional
        What an answer has to match.
    """

    def __init__(self, note: Note, schema: OutputSchema | None = None) -> None:
        self._note = note
        self._check = OutputCheck(schema, note) if schema else None
        self._has_noted_thinking = False

    @property
    def value(self) -> Any:
        """The object in the answer, once one has matched; ``None`` without a schema."""
        return self._check.value if self._check else None

    def look(self, request: PreparedRequest, step: Step) -> None:
        """Note what the server did not do that it was asked for."""
        thought = step.reasoning.strip() and step.status in ("complete", "incomplete")
        if thought and not self._has_noted_thinking and is_thinking_off(request.wire.body):
            self._has_noted_thinking = True
            self._note(Notice("thinks-anyway", _thinks_anyway(request, step)))
        limit, took = thinking_limit(request.wire.body), step.usage and step.usage.reasoning
        if limit and took and took > limit * TOLERANCE:
            text = tr(
                "{limit:,} tokens of thinking were asked for, and {took:,} came; {provider} takes "
                "the number as a hint for this model",
                limit=limit,
                took=took,
                provider=request.offer.provider.title,
            )
            self._note(Notice("thinks-longer", text))
        notice = missing_figures(request.wire.body, request.offer, step)
        if notice is not None:
            self._note(notice)

    def better(self, request: PreparedRequest, step: Step) -> PreparedRequest | None:
        """Read the answer by its schema; return the request for a better one, if it is needed.

        Raises
        ------
        SchemaError
            The answer does not match, and asking again would not help.
        """
        return self._check.after(request, step) if self._check else None


def thinking_limit(body: Mapping[str, Any]) -> int | None:
    """Return the most tokens of thinking that a request body asks for, in any spelling."""
    for part in (body, body.get("parameters")):
        if isinstance(part, Mapping):
            limit = part.get("thinking_budget") or _field(part, "reasoning", "max_tokens")
            if isinstance(limit, int):
                return limit
    return None


def is_thinking_off(body: Mapping[str, Any]) -> bool:
    """Whether a request body switches thinking off, in any provider's spelling."""
    options = [body, *(body.get(name) for name in ("parameters", "chat_template_kwargs"))]
    for part in options:
        if isinstance(part, Mapping) and (
            part.get("enable_thinking") is False
            or part.get("reasoning_effort") == "none"
            or _field(part, "thinking", "type") == "disabled"
            or _field(part, "reasoning", "enabled") is False
            or _field(part, "reasoning", "effort") == "none"
        ):
            return True
    return False


def _field(part: Mapping[str, Any], name: str, inner: str) -> Any:
    value = part.get(name)
    return value.get(inner) if isinstance(value, Mapping) else None


def _thinks_anyway(request: PreparedRequest, step: Step) -> Text:
    reported = step.usage.reasoning if step.usage else None
    values: dict[str, Any] = {
        "model": request.offer.model.id,
        "tokens": reported or request.size.tokens(step.reasoning),
        "provider": request.offer.provider.title,
    }
    if request.offer.provider.self_hosted:
        return tr(
            "thinking was switched off, but {model} thought all the same, ≈{tokens:,} tokens: its "
            "chat template at {provider} ignores the switch; choose another model or template",
            **values,
        )
    return tr(
        "thinking was switched off, but {model} thought all the same: ≈{tokens:,} tokens, paid as "
        "output; {provider} ignores the switch, so choose another model for short answers",
        **values,
    )


class OutputCheck:
    """Reads the answers of one turn by their schema, and asks once more where one does not match.

    Parameters
    ----------
    schema : OutputSchema
        What an answer has to match.
    note : callable
        Takes the notices.
    """

    def __init__(self, schema: OutputSchema, note: Note) -> None:
        self.value: Any = None
        """The object in the answer, once one has matched."""
        self._schema = schema
        self._note = note
        self._repaired = False

    def after(self, request: PreparedRequest, step: Step) -> PreparedRequest | None:
        """Read an answer; return the request for a better one, if it is needed.

        Raises
        ------
        SchemaError
            The answer does not match, and asking again would not help.
        """
        if step.tool_calls or step.status not in ("complete", "incomplete"):
            return None
        is_cut = is_at_limit(step.finish_reason) or step.status == "incomplete"
        # thoughts that were cut hold drafts only
        is_elsewhere = not step.content.strip() and bool(step.reasoning.strip()) and not is_cut
        try:
            if is_elsewhere:
                self.value = self._schema.read(step.reasoning, last=True)
            else:
                self.value = self._schema.read(step.content)
        except OutputMismatchError as mismatch:
            if not is_cut:
                self._note_sent(request, step)
            return self._repair(request, step, mismatch.args[0], is_cut=is_cut)
        self._note_sent(request, step)
        if is_elsewhere:
            text = tr(
                "the answer came as reasoning, and was read from there; a reasoning parser that "
                "does not fit the model puts it there"
            )
            self._note(Notice("schema-reasoning", text))
        return None

    def _note_sent(self, request: PreparedRequest, step: Step) -> None:
        """Say what became of a schema that was sent along, once for the turn."""
        sent = request.request.parameters.get("response_format")
        if self._repaired or sent != json_schema(self._schema):
            return
        title = request.offer.provider.title
        if self._schema.is_met_by(step.content):
            text = tr(
                "the schema was sent to {provider}, which holds the model to it", provider=title
            )
        else:
            text = tr(
                "the schema was sent to {provider}, which did not hold the model to it",
                provider=title,
            )
        self._note(Notice("schema", text))

    def _repair(
        self, request: PreparedRequest, step: Step, problem: str, *, is_cut: bool
    ) -> PreparedRequest:
        if self._repaired or is_cut:
            raise _schema_error(step, problem, is_cut=is_cut)
        self._repaired = True
        answer = Message(
            "assistant",
            step.content,
            reasoning=step.reasoning,
            reasoning_from=request.offer.provider.name,
        )
        text = f"This does not fit: {problem}\n{self._schema.prompt}"
        return request.with_messages([answer, Message("user", text)])


def _schema_error(step: Step, problem: str, *, is_cut: bool) -> SchemaError:
    problem = problem if len(problem) <= MAX_PROBLEM_CHARS else problem[:MAX_PROBLEM_CHARS]
    if is_cut:
        message = tr("the answer was cut off: {problem}", problem=problem)
        hint = tr("a larger --max-tokens gives it more room")
    else:
        message = tr(
            "the answer does not match the schema, and did not when asked again: {problem}",
            problem=problem,
        )
        hint = tr("a larger model, or a simpler schema, may help; the text is in error.text")
    error = SchemaError(message, hint=hint)
    error.text = step.content if step.content.strip() else step.reasoning or step.content
    return error
