"""Inside a thought: a reply that begins in the middle of one, thinks on, or stops thinking early.

A provider that has a parameter for the most tokens of thinking gets that. Elsewhere the first
request ends at the limit, and a second one goes on after the thought, which it ends. A model that
shall think on is stopped at the end of its thought, and goes on after a word that it might have
said itself. Either takes a server that goes on inside a reply that was begun for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..catalogue.load import catalogue
from ..catalogue.lookup import able
from ..catalogue.schema import Offer
from ..core.errors import InvalidValueError, UnsupportedError
from ..core.finish_reasons import is_at_limit
from ..core.i18n import tr
from ..core.messages import Beginning
from ..core.turn import Cause, Given, Step
from ..dialects import Dialect
from .options import Options
from .prepared import PreparedRequest, ThoughtPlan

GAP = "\n\n"
"""Between the parts of a thought, as `Turn.reasoning` joins them."""

_END = "</think>"
"""Where a thought ends, as the model writes it."""


@dataclass(frozen=True, slots=True)
class ThoughtSetup:
    """What becomes of the options about the thought."""

    options: Options
    """The options, with the provider's own limit of the thinking among their parameters."""
    beginning: Beginning | None = None
    given: Given | None = None
    plan: ThoughtPlan | None = None
    """What takes several requests; ``None``: nothing."""


def set_up_thought(options: Options, offer: Offer, dialect: Dialect) -> ThoughtSetup:
    """Decide how the options about the thought are met, before anything is sent.

    Raises
    ------
    InvalidValueError
        They contradict each other.
    UnsupportedError
        The model or provider cannot do it.
    """
    if options.prefill is None and options.think_tokens is None and options.wait is None:
        return ThoughtSetup(options, given=options.given)
    _check(options, offer)
    limit = options.think_tokens
    if limit is not None and offer.thinking_budget == "yes" and dialect.limit_thinking:
        parameters = {**dialect.limit_thinking(limit), **options.parameters}
        options, limit = replace(options, parameters=parameters), None
    needs_beginning = options.prefill is not None or options.wait is not None or limit is not None
    if needs_beginning and (offer.prefix_thinking != "yes" or dialect.begin is None):
        raise _cannot(options, offer)
    plan = None
    if limit is not None or options.wait is not None:
        plan = ThoughtPlan(dict(options.parameters), limit, options.wait or 0)
        options = replace(options, parameters=_bounded(plan, limit, plan.waits, offer))
    if options.prefill is None:
        return ThoughtSetup(options, given=options.given, plan=plan)
    # a template takes blanks at the end away, and a model goes on worse after them
    beginning = Beginning(options.prefill.rstrip())
    given = options.given or Given(written=len(beginning.reasoning))
    return ThoughtSetup(options, beginning, given, plan)


def _check(options: Options, offer: Offer) -> None:
    named = {
        "prefill": options.prefill is not None,
        "think_tokens": options.think_tokens is not None,
        "wait": options.wait is not None,
    }
    name = next(name for name, is_set in named.items() if is_set)
    if options.prefill is not None and not options.prefill.strip():
        raise InvalidValueError(
            tr("the beginning of the thought is empty"),
            hint=tr("write what the reasoning begins with, or leave prefill out"),
        )
    if options.thinking is False:
        raise InvalidValueError(
            tr("{name} is about the thinking, which is switched off", name=name),
            hint=tr("leave one of them out"),
        )
    if options.tools or options.mcp or options.schema is not None:
        raise InvalidValueError(
            tr("{name} does not go with functions or a schema", name=name),
            hint=tr("leave one of them out"),
            provider=offer.provider.name,
        )
    is_level = isinstance(options.thinking, str) and options.thinking != "auto"
    if is_level and options.think_tokens is not None and offer.provider.name == "openrouter":
        raise InvalidValueError(
            tr("{provider} takes a thinking level or a number of tokens, not both",
               provider=offer.provider.title),
            hint=tr("leave one of them out"),
            provider=offer.provider.name,
        )  # fmt: skip


def _cannot(options: Options, offer: Offer) -> UnsupportedError:
    values = {"model": offer.model.id, "provider": offer.provider.title}
    if options.prefill is not None or options.wait is not None:
        facts: tuple[str, ...] = ("prefix_thinking",)
        text = tr("{model} at {provider} does not go on inside a thought", **values)
    else:
        facts = ("thinking_budget", "prefix_thinking")
        text = tr("{model} at {provider} takes no limit for its thinking", **values)
    return UnsupportedError(
        text,
        hint=tr("these do: {names}", names=", ".join(able(catalogue(), *facts))),
        provider=offer.provider.name,
    )


def _bounded(plan: ThoughtPlan, left: int | None, waits: int, offer: Offer) -> dict[str, Any]:
    """Return the parameters of a request that ends with the thought, or within so many tokens."""
    parameters = dict(plan.parameters)
    if left is not None:
        for name in ("max_tokens", "max_completion_tokens"):
            own = parameters.get(name)
            if isinstance(own, int) or name == "max_tokens":
                parameters[name] = min(own, left) if isinstance(own, int) else left
    if waits:
        # what is sent replaces what the server would stop at by itself
        stop = parameters.get("stop") or offer.defaults.get("stop") or []
        parameters["stop"] = [*([stop] if isinstance(stop, str) else stop), _END]
    return parameters


WAIT = "Wait,"
"""What makes a model think on, as it would begin itself (s1, arXiv 2501.19393)."""
WAIT_CHINESE = "等一下，"


def _wait_word(thought: str) -> str:
    """Return the word in the language of the thought."""
    han = sum("\u4e00" <= char <= "\u9fff" for char in thought)
    return WAIT_CHINESE if han * 4 > len(thought) else WAIT


class ThoughtLoop:
    """Gives the requests that go on with the thought of one turn.

    Parameters
    ----------
    plan : ThoughtPlan
        How long the model shall think.
    """

    def __init__(self, plan: ThoughtPlan) -> None:
        self._plan = plan
        self._left = plan.limit
        self._waits = plan.waits
        self._thought = ""
        self._is_over = False

    def after(self, request: PreparedRequest, step: Step) -> tuple[Cause, PreparedRequest | None]:
        """Return the request that follows a whole reply, if one does, and why it is made."""
        if self._is_over or request.request.thinking is False or step.status != "complete":
            return "end thinking", None
        self._thought = GAP.join(filter(None, (self._thought, step.reasoning)))
        if self._left is not None:
            self._left -= _tokens_of(request, step)
        if is_at_limit(step.finish_reason):  # the caller's own limit is one of the whole reply
            is_ours = self._left is not None and self._left <= 0
            return "end thinking", self._end(request) if is_ours else None
        if not step.own_reasoning.strip():
            return "think on", None
        if self._waits:
            self._waits -= 1
            return "think on", self._go_on(request)
        # one that was made to think on may stop without an answer
        return "end thinking", None if step.content.strip() else self._end(request)

    def _end(self, request: PreparedRequest) -> PreparedRequest:
        """Return the request for the answer; what had come of one is asked for again, whole."""
        self._is_over = True
        beginning = Beginning(self._thought, is_ended=True) if self._thought else None
        plain = replace(request, given=None)
        return plain.with_request(beginning=beginning, parameters=self._plan.parameters)

    def _go_on(self, request: PreparedRequest) -> PreparedRequest:
        word = _wait_word(self._thought)
        left = None if self._left is None else max(1, self._left)
        return replace(request, given=Given(written=len(word))).with_request(
            beginning=Beginning(f"{self._thought}{GAP}{word}"),
            parameters=_bounded(self._plan, left, self._waits, request.offer),
        )


def _tokens_of(request: PreparedRequest, step: Step) -> int:
    """Return how many tokens a reply took, as reported or estimated."""
    if step.usage is not None and step.usage.output is not None:
        return step.usage.output
    return request.size.tokens(step.own_reasoning + step.content)
