"""A key for a class: a service of JupyterHub that asks the model for each student, within a budget.

``python -m glm_magic.classroom --provider zai --budget 2`` is started by the Hub, as
``docs/classroom.md`` says. Students' notebooks send their prompts here, each with the token that
the Hub gave to its server; the service asks the Hub who that is, adds the provider's key, and hands
the reply on as it comes. The key is in no student's process and in no reply. What a request may
cost at most is set aside before it is sent, so a budget holds for requests side by side too.

It needs what JupyterHub brings along: ``jupyterhub`` and ``tornado``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.web import Application, HTTPError, RequestHandler

from .catalogue.load import catalogue
from .catalogue.lookup import listed_offer
from .catalogue.schema import Offer, ProviderInfo
from .core.errors import GlmError
from .core.events import ContentDelta, Event, ReasoningDelta, ToolCallDelta, UsageReport
from .core.messages import body_tokens
from .core.price import Price, format_money
from .core.secret import Secret
from .core.usage import TokenEstimate, Usage
from .credentials import require_key
from .dialects import DIALECTS
from .wire.echoes import without_secrets
from .wire.http import HttpClient, HttpResponse, read_error_body
from .wire.request import WireRequest
from .wire.sse import BodyReader, Record, RecordTooLongError

CHAT_PATH = "/chat/completions"
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_TOKENS = 8192
"""Longest reply, reasoning included, unless the teacher chose another limit."""
PICTURE_TOKENS = 8192
"""More than a picture costs in any model of the catalogue."""
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


class Ledger:
    """What each student has spent, in one file that survives a restart.

    Parameters
    ----------
    file : Path
        A SQLite database; it is made where there is none, readable by its owner alone.
    budget : Decimal
        What each student may spend, in the currency of the provider's prices.
    """

    def __init__(self, file: Path, budget: Decimal) -> None:
        self.budget = budget
        self._kept: dict[str, Decimal] = {}
        file.touch(0o600)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS spent (name TEXT PRIMARY KEY, amount TEXT NOT NULL)"
        )

    def spent(self) -> dict[str, Decimal]:
        """Return what each student has spent who has asked anything."""
        rows = self._database.execute("SELECT name, amount FROM spent ORDER BY name")
        return {name: Decimal(amount) for name, amount in rows}

    def keep(self, name: str, amount: Decimal) -> bool:
        """Set an amount aside for a request; return False where that is more than is left."""
        kept = self._kept.get(name, Decimal(0)) + amount
        if self.spent().get(name, Decimal(0)) + kept > self.budget:
            return False
        self._kept[name] = kept
        return True

    def settle(self, name: str, kept: Decimal, cost: Decimal) -> None:
        """Put what a request did cost in the place of what was set aside for it."""
        self._kept[name] -= kept
        amount = self.spent().get(name, Decimal(0)) + cost
        self._database.execute("INSERT OR REPLACE INTO spent VALUES (?, ?)", (name, str(amount)))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class Meter:
    """Reads a reply as it passes, for what it costs."""

    def __init__(self, offer: Offer, price: Price, body: Mapping[str, Any]) -> None:
        self._reader = BodyReader()
        self._decoder = DIALECTS[offer.provider.dialect].decoder(offer, body)
        self._price = price
        self._estimate = TokenEstimate(body_tokens(body))
        self._reported: Usage | None = None
        self._reasoning: list[str] = []
        self._content: list[str] = []

    def feed(self, chunk: bytes) -> None:
        """Read what has come."""
        self._read(self._reader.feed(chunk))

    def cost(self) -> Decimal:
        """Return what the reply costs: as reported, or else by the texts that have passed."""
        self._read(self._reader.finish())
        self._note(self._decoder.finish())
        cost = self._price.cost(self._reported)
        if cost is None:
            texts = "".join(self._reasoning), "".join(self._content)
            cost = self._price.cost(self._estimate.usage(*texts))
        return cost.amount if cost is not None else Decimal(0)

    def _read(self, records: Iterable[Record]) -> None:
        for record in records:
            self._note(self._decoder.feed(record))

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case UsageReport(usage):
                    self._reported = usage
                case ReasoningDelta(text):
                    self._reasoning.append(text)
                case ContentDelta(text) | ToolCallDelta(arguments=text):
                    self._content.append(text)


def highest_cost(price: Price, body: Mapping[str, Any]) -> Decimal:
    """Return what a request can cost at most; a token of text has at least one byte."""
    cost = price.cost(Usage(_most_tokens(body), body["max_tokens"]))
    return cost.amount if cost is not None else Decimal(0)


def _most_tokens(value: object) -> int:
    if isinstance(value, str):
        return PICTURE_TOKENS if value.startswith("data:") else len(value.encode())
    if isinstance(value, Mapping):
        return sum(len(name) + _most_tokens(inner) for name, inner in value.items())
    return sum(map(_most_tokens, value)) if isinstance(value, list) else 8


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
            raise HTTPError(
                401, "the key is no token of this Hub; restart your server from the Hub"
            )
        return str(user["name"])

    def request(self, content: bytes) -> tuple[Offer, Price, dict[str, Any]]:
        """Return the model that is asked, its price, and the body that goes to the provider."""
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise HTTPError(400, "the body is no JSON object")
        if others := sorted(body.keys() - ALLOWED):
            raise HTTPError(400, f"this class may not send {', '.join(others)}")
        tools = body.get("tools") or []
        if not all(isinstance(tool, dict) and tool.get("type") == "function" for tool in tools):
            raise HTTPError(400, "this class may use functions only, no tools of the provider")
        name = body.get("model")
        offer = listed_offer(catalogue(), self.provider, name) if isinstance(name, str) else None
        price = offer.price if offer is not None else None
        if offer is None or price is None or (self.models and name not in self.models):
            models = ", ".join(self.models) or "those whose price the catalogue knows"
            raise HTTPError(400, f"this class may not ask {name!r}; the models are: {models}")
        limit = body.get("max_tokens")
        wants = limit if isinstance(limit, int) and limit > 0 else self.max_tokens
        return offer, price, {**body, "max_tokens": min(wants, self.max_tokens)}


class Ask(RequestHandler):
    """``POST chat/completions``: a student's prompt, and the reply as it comes."""

    def initialize(self, service: Service) -> None:
        """Take what all requests share; Tornado calls it."""
        self.service = service
        self._asking: asyncio.Task[bool] | None = None

    async def post(self) -> None:
        """Ask for a student, within the budget."""
        name = await self.service.student(self.request.headers.get("Authorization", ""))
        offer, price, body = self.service.request(self.request.body)
        ledger, kept = self.service.ledger, highest_cost(price, body)
        if not ledger.keep(name, kept):
            spent = format_money(ledger.spent().get(name, Decimal(0)), price.currency)
            budget = format_money(ledger.budget, price.currency)
            raise HTTPError(
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
            ledger.settle(name, kept, meter.cost() if is_billed else Decimal(0))

    def on_connection_close(self) -> None:
        """Leave the provider, too, where the student has left."""
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
        words = error.log_message if isinstance(error, HTTPError) else str(error or "")
        self.set_header("content-type", "application/json")
        self.finish(json.dumps({"error": {"message": words or "internal error"}}))


class Spent(RequestHandler):
    """``GET``: what the student who asks has spent; without a token, that the service is there."""

    def initialize(self, service: Service) -> None:
        """Take what all requests share; Tornado calls it."""
        self.service = service

    async def get(self) -> None:
        """Answer with the sum and the budget."""
        if "Authorization" not in self.request.headers:
            return  # the Hub looks whether anybody answers
        name = await self.service.student(self.request.headers.get("Authorization", ""))
        spent = self.service.ledger.spent().get(name, Decimal(0))
        self.write({"spent": str(spent), "budget": str(self.service.ledger.budget)})


def application(service: Service, prefix: str) -> Application:
    """Return the web application, below the prefix that the Hub gave it."""
    shared = {"service": service}
    return Application([(f"{prefix.rstrip('/')}{CHAT_PATH}", Ask, shared), (prefix, Spent, shared)])


def main(words: Sequence[str] | None = None) -> int:
    """Run the service, or print what was spent; return the exit status."""
    parser = argparse.ArgumentParser(
        "python -m glm_magic.classroom",
        description="Ask a model for each student of a JupyterHub, within a budget.",
    )
    parser.add_argument("--provider", help="whose key the class uses, such as zai")
    parser.add_argument("--base-url", help="replaces the provider's address")
    parser.add_argument(
        "--budget", type=_amount, help="for each student, in the provider's currency"
    )
    parser.add_argument("--models", help="the models that may be asked, with commas between them")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, help="longest reply")
    parser.add_argument(
        "--file", type=Path, default=Path("spent.db"), help="where spending is kept"
    )
    parser.add_argument("--show", action="store_true", help="print what was spent, and end")
    options = parser.parse_args(words)
    if options.show:
        with closing(Ledger(options.file, Decimal(0))) as ledger:
            for name, amount in ledger.spent().items():
                sys.stdout.write(f"{amount:10.4f}  {name}\n")
        return 0
    info = catalogue().providers.get(options.provider or "")
    if info is None or info.path != CHAT_PATH:
        known = [each.name for each in catalogue().providers.values() if each.path == CHAT_PATH]
        parser.error(f"--provider is one of: {', '.join(known)}")
    if options.budget is None:
        parser.error("--budget is needed: an amount for each student, such as 2 or 0.50")
    try:
        asyncio.run(_serve(replace(info, base_url=options.base_url or info.base_url), options))
    except GlmError as error:
        parser.exit(1, "\n".join(error.lines()) + "\n")
    return 0


def _amount(text: str) -> Decimal:
    """Read a budget."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise argparse.ArgumentTypeError("an amount is needed, such as 2 or 0.50")
    return amount


async def _serve(provider: ProviderInfo, options: argparse.Namespace) -> None:
    """Answer at the address that the Hub chose, until it ends the process."""
    from jupyterhub.services.auth import HubAuth

    hub = HubAuth()
    with closing(Ledger(options.file, options.budget)) as ledger:
        service = Service(
            provider=provider,
            key=require_key(provider),
            ledger=ledger,
            client=HttpClient(),
            identify=lambda token: hub.user_for_token(token, sync=False),
            models=tuple((options.models or "").replace(",", " ").split()),
            max_tokens=options.max_tokens,
        )
        address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        application(service, os.environ["JUPYTERHUB_SERVICE_PREFIX"]).listen(
            address.port or 80, address.hostname or "127.0.0.1", max_buffer_size=MAX_BODY_BYTES
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    raise SystemExit(main())
