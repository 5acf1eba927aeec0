"""The web service: who asks, what they may ask, and the reply handed on as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tornado.web import Application, HTTPError, RequestHandler

from ..catalogue.load import catalogue
from ..catalogue.lookup import listed_offer
from ..catalogue.schema import Offer, ProviderInfo
from ..core.errors import GlmError
from ..core.price import Price, format_money
from ..core.secret import Secret
from ..dialects import DIALECTS
from ..wire.echoes import without_secrets
from ..wire.http import HttpClient, HttpResponse, read_error_body
from ..wire.request import WireRequest
from ..wire.sse import RecordTooLongError
from .spending import Ledger, Meter, highest_cost

CHAT_PATH = "/chat/completions"
MAX_TOKENS = 8192
"""Longest reply, reasoning included, unless the teacher chose another limit."""
ALLOWED = frozenset(
    (
        *("model", "messages", "stream", "stream_options", "max_tokens", "temperature", "top_p"),
        *("top_k", "seed", "stop", "do_sample", "thinking", "enable_thinking", "thinking_budget"),
        *("reasoning", "reasoning_effort", "preserve_thinking", "presence_penalty"),
        *("frequency_penalty", "repetition_penalty", "response_format", "tools", "tool_choice"),
        *("tool_stream", "parallel_tool_calls", "logprobs", "top_logprobs", "user_id"),
    )
)
"""What a request may ask for. Anything else might cost what no usage reports, such as a search."""


def _is_plain(messages: object) -> bool:
    """Whether messages hold nothing but texts and pictures, whose size can be told."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return False
    contents = [message.get("content") for message in messages]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return all(isinstance(content, str | list | None) for content in contents) and all(
        isinstance(part, dict) and part.get("type") in ("text", "image_url") for part in parts
    )


def refusal(status: int, words: str) -> HTTPError:
    """Return an error whose words the student and the log get; they may hold a percent sign."""
    return HTTPError(status, "%s", words)


def can_serve(provider: ProviderInfo) -> bool:
    """Whether a provider's requests can be bounded here.

    At Model Studio ``max_tokens`` may leave out the reasoning, so it bounds no cost.
    """
    return provider.path == CHAT_PATH and provider.dialect != "dashscope"


@dataclass(frozen=True, slots=True)
class Service:
    """What all requests share."""

    provider: ProviderInfo
    key: Secret
    ledger: Ledger
    client: HttpClient
    identify: Callable[[str], Awaitable[Mapping[str, Any] | None]]
    """Takes a token and returns what the Hub knows about whose it is."""
    models: tuple[str, ...] = ()
    """Models that may be asked; empty: all whose price the catalogue knows."""
    max_tokens: int = MAX_TOKENS

    async def student(self, authorization: str) -> str:
        """Return who asks, by the token that the Hub gave to their server."""
        token = authorization.removeprefix("Bearer ")
        user = await self.identify(token) if token else None
        if user is None or user.get("kind") != "user":
            raise refusal(401, "the key is no token of this Hub; restart your server from the Hub")
        return str(user["name"])

    def request(self, content: bytes) -> tuple[Offer, Price, dict[str, Any]]:
        """Return the model that is asked, its price, and the body that goes to the provider."""
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise refusal(400, "the body is no JSON object")
        if others := sorted(body.keys() - ALLOWED):
            raise refusal(400, f"this class may not send {', '.join(others)}")
        tools = body.get("tools") or []
        if not all(isinstance(tool, dict) and tool.get("type") == "function" for tool in tools):
            raise refusal(400, "this class may use functions only, no tools of the provider")
        if not _is_plain(body.get("messages")):
            raise refusal(400, "this class may send messages of texts and pictures only")
        name = body.get("model")
        offer = listed_offer(catalogue(), self.provider, name) if isinstance(name, str) else None
        price = offer.price if offer is not None else None
        if offer is None or price is None or (self.models and name not in self.models):
            models = ", ".join(self.models) or "those whose price the catalogue knows"
            raise refusal(400, f"this class may not ask {name!r}; the models are: {models}")
        limit = body.get("max_tokens")
        wants = limit if type(limit) is int and limit > 0 else self.max_tokens
        body["max_tokens"] = min(wants, self.max_tokens)
        # What is hidden, or not reported, is paid for all the same.
        asks_usage = DIALECTS[self.provider.dialect].asks_usage
        if "stream_options" in body or (body.get("stream") and asks_usage):
            body["stream_options"] = {"include_usage": True}
        if isinstance(body.get("reasoning"), dict):
            body["reasoning"].pop("exclude", None)
        return offer, price, body


class _Handler(RequestHandler):
    """What the service does at one address."""

    def initialize(self, service: Service) -> None:
        """Take what all requests share; Tornado calls it."""
        self.service = service

    async def student(self) -> str:
        """Return who asks."""
        return await self.service.student(self.request.headers.get("Authorization", ""))


class Ask(_Handler):
    """``POST chat/completions``: a student's prompt, and the reply as it comes."""

    _asking: asyncio.Task[bool] | None = None
    _is_left = False

    async def post(self) -> None:
        """Ask for a student, within the budget."""
        name = await self.student()
        offer, price, body = self.service.request(self.request.body)
        if self._is_left:
            return
        most = highest_cost(price, body)
        if most is None:
            raise refusal(400, "no price is known for a prompt of this length")
        ledger, kept = self.service.ledger, most.amount
        if not ledger.keep(name, kept):
            spent = format_money(ledger.spent_by(name), price.currency)
            budget = format_money(ledger.budget, price.currency)
            raise refusal(
                402,
                f"you have spent {spent} of {budget}, and this could cost more than is left; "
                "ask for fewer tokens, or ask your teacher",
            )
        meter = Meter(offer, price, body)
        is_billed = True
        try:
            self._asking = asyncio.create_task(self._ask(body, meter))
            is_billed = await self._asking
        except asyncio.CancelledError:
            pass  # the student is gone; what came until then is paid for
        finally:
            amount = Decimal(0)
            if is_billed:
                cost = meter.cost()
                amount = kept if cost is None else cost.amount
            ledger.settle(name, kept, amount)

    def on_connection_close(self) -> None:
        """Leave the provider, too, where the student has left."""
        self._is_left = True
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, body: dict[str, Any], meter: Meter) -> bool:
        """Hand on a reply; return whether it is billed."""
        wire, key = WireRequest(self.service.provider.endpoint, body), self.service.key
        try:
            async with self.service.client.post(wire, key) as response:
                self._copy_head(response)
                if response.status >= 300:
                    self.write(without_secrets(await read_error_body(response), key.spellings))
                    return False
                async for chunk in response.chunks:
                    meter.feed(chunk)
                    self.write(without_secrets(chunk, key.spellings))
                    await self.flush()
        except (GlmError, RecordTooLongError) as error:
            if not self._headers_written:
                self.send_error(502, reason="Bad Gateway", exc_info=(type(error), error, None))
                return False
            self.detach().close()  # a reply that ends here would look like a whole one
        return True

    def _copy_head(self, response: HttpResponse) -> None:
        self.set_status(response.status)
        for name in ("content-type", "retry-after"):
            if name in response.headers:
                self.set_header(name, response.headers[name])

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002
        """Answer as a provider does, so that the notebook shows the words."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        words = error.args[0] if isinstance(error, HTTPError) and error.args else str(error or "")
        self.set_header("content-type", "application/json")
        self.finish(json.dumps({"error": {"message": words or "internal error"}}))


class Spent(_Handler):
    """``GET``: what the student who asks has spent; without a token, that the service is there."""

    async def get(self) -> None:
        """Answer with the sum and the budget."""
        if "Authorization" not in self.request.headers:
            return  # the Hub looks whether anybody answers
        ledger = self.service.ledger
        spent = ledger.spent_by(await self.student())
        self.write({"spent": str(spent), "budget": str(ledger.budget)})


def application(service: Service, prefix: str) -> Application:
    """Return the web application, below the prefix that the Hub gave it."""
    shared = {"service": service}
    return Application([(f"{prefix.rstrip('/')}{CHAT_PATH}", Ask, shared), (prefix, Spent, shared)])
