"""The command that the Hub starts; it also prints what was spent."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from ..catalogue.load import catalogue
from ..catalogue.lookup import listed_offer
from ..catalogue.schema import ProviderInfo
from ..core.errors import GlmError
from ..credentials import require_key
from ..wire.http import HttpClient
from .service import MAX_TOKENS, Service, application, can_serve
from .spending import Ledger

MAX_BODY_BYTES = 16 * 1024 * 1024


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
    parser.add_argument("--max-tokens", type=_whole, default=MAX_TOKENS, help="longest reply")
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
    known = {each.name: each for each in catalogue().providers.values() if can_serve(each)}
    info = known.get(options.provider or "")
    if info is None:
        parser.error(f"--provider is one of: {', '.join(known)}")
    models = tuple((options.models or "").replace(",", " ").split())
    if unknown := [name for name in models if listed_offer(catalogue(), info, name) is None]:
        parser.error(f"{info.name} has no model {unknown[0]!r} that the catalogue lists")
    if options.budget is None:
        parser.error("--budget is needed: an amount for each student, such as 2 or 0.50")
    try:
        asyncio.run(
            _serve(replace(info, base_url=options.base_url or info.base_url), models, options)
        )
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


def _whole(text: str) -> int:
    """Read a number of tokens."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a number of tokens is needed, such as 8192")
    return int(text)


async def _serve(
    provider: ProviderInfo, models: tuple[str, ...], options: argparse.Namespace
) -> None:
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
            models=models,
            max_tokens=options.max_tokens,
        )
        address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
        application(service, os.environ["JUPYTERHUB_SERVICE_PREFIX"]).listen(
            address.port or 80, address.hostname or "127.0.0.1", max_buffer_size=MAX_BODY_BYTES
        )
        await asyncio.Event().wait()


if __name__ == "__main__":
    raise SystemExit(main())
