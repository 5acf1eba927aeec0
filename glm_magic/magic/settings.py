"""Each setting with its value and where it came from, as ``%glm config`` shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..catalogue.load import Catalogue
from ..core.errors import GlmError
from ..core.i18n import tr, translate
from ..core.text import strip_userinfo
from ..credentials import find_key
from ..engine.options import Options
from ..engine.prepare import resolve_offer
from ..session.session import DEFAULT
from ..wire.request import IDLE_TIMEOUT_S
from .config import GLM
from .workspace import config_options

BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, and where it came from."""

    name: str
    value: Any
    origin: str


_DEFAULTS = {
    "thinking": "auto",
    "system": "none",
    "show_thinking": "auto",
    "format": "markdown; text in a terminal",
    "language": "the locale's",
    "idle_timeout_s": IDLE_TIMEOUT_S,
    "full_traceback": False,
    "store": "on, unless GLM_STORE=off",
    "session": DEFAULT,
}


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each setting comes from."""

    catalogue: Catalogue
    config: GLM
    session_name: str
    session: Options

    def settings(self) -> list[Setting]:
        """Return every setting with its value and where it came from."""
        chosen = Options.layered(self.catalogue, self.session, config_options(self.config))
        base_url = os.environ.get("GLM_BASE_URL", "").strip()
        return [
            self._place("provider", chosen),
            self._place("model", chosen),
            *self._address(base_url, chosen),
            *(self._plain(name) for name in _DEFAULTS),
        ]

    def _address(self, base_url: str, chosen: Options) -> Iterator[Setting]:
        """Yield the address and, where it is a subscription's, the terms of it."""
        if not base_url:
            yield Setting("base_url", "the provider's own", BUILT_IN)
            return
        yield Setting("base_url", strip_userinfo(base_url), "GLM_BASE_URL")
        try:
            offer = resolve_offer(chosen, self.catalogue).offer
        except GlmError:
            return
        provider = offer.provider
        if offer.price and offer.price.estimated:
            text = tr(
                "costs are estimates (≈), by the prices of {provider} at its own address",
                provider=provider.title,
            )
            yield Setting("", translate(text), "")
        if provider.is_plan and provider.plan_note:
            source = self.catalogue.sources.get(provider.plan_source)
            where = source.url or source.title if source else ""
            yield Setting("", translate(provider.plan_note), where)

    def _plain(self, name: str) -> Setting:
        value = getattr(self.session, name, None)
        if value not in (None, ""):
            return Setting(name, value, f"session {self.session_name}")
        origin = self.config.origin(name)
        if origin is None:
            return Setting(name, _DEFAULTS[name], BUILT_IN)
        return Setting(name, getattr(self.config, name), origin)

    def _place(self, name: str, chosen: Options) -> Setting:
        """Return provider or model: what would be asked, and where it was set."""
        value_set = getattr(chosen, name)
        value, fallback = self._resolved(name, chosen)
        if value_set is None:
            variable = f"GLM_{name.upper()}"
            return Setting(name, value, variable if os.environ.get(variable) else fallback)
        if getattr(self.session.with_provider(self.catalogue), name) == value_set:
            return Setting(name, value, f"session {self.session_name}")
        # a provider may have been named as part of the model
        return Setting(name, value, self.config.origin(name) or self.config.origin("model") or "")

    def _resolved(self, name: str, chosen: Options) -> tuple[str | None, str]:
        try:
            offer = resolve_offer(chosen, self.catalogue).offer
        except GlmError as error:
            return getattr(chosen, name) or "none", translate(error.message)
        if name == "model":
            return offer.model.id, "the provider's newest"
        if os.environ.get("GLM_BASE_URL"):
            return offer.provider.name, "GLM_BASE_URL"
        key = find_key(offer.provider, own_only=True)
        return offer.provider.name, f"{key.source} was found" if key else BUILT_IN
