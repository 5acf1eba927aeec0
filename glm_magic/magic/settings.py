"""Each setting with its value and where it came from, as ``%glm config`` shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ..catalogue.load import Catalogue
from ..core.errors import GlmError
from ..core.i18n import tr
from ..core.text import strip_userinfo
from ..credentials import find_key
from ..engine.options import Options
from ..engine.prepare import resolve_offer
from ..session.session import DEFAULT
from ..wire.request import IDLE_TIMEOUT_S
from .config import GLM
from .workspace import config_options

BUILT_IN = tr("built-in")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, and where it came from."""

    name: str
    value: Any
    origin: str


_DEFAULTS = {
    "thinking": "auto",
    "system": tr("none"),
    "show_thinking": "auto",
    "format": tr("markdown; text in a terminal"),
    "language": tr("the locale's"),
    "idle_timeout_s": IDLE_TIMEOUT_S,
    "full_traceback": False,
    "store": tr("on, unless GLM_STORE=off"),
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
            Setting("base_url", strip_userinfo(base_url), "GLM_BASE_URL")
            if base_url
            else Setting("base_url", tr("the provider's own"), BUILT_IN),
            *(self._plain(name) for name in _DEFAULTS),
        ]

    def _plain(self, name: str) -> Setting:
        value = getattr(self.session, name, None)
        if value not in (None, ""):
            return Setting(name, value, tr("session {name}", name=self.session_name))
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
            return Setting(name, value, tr("session {name}", name=self.session_name))
        # a provider may have been named as part of the model
        return Setting(name, value, self.config.origin(name) or self.config.origin("model") or "")

    def _resolved(self, name: str, chosen: Options) -> tuple[str | None, str]:
        try:
            offer = resolve_offer(chosen, self.catalogue).offer
        except GlmError as error:
            return getattr(chosen, name) or tr("none"), error.message
        if name == "model":
            return offer.model.id, tr("the provider's newest")
        if os.environ.get("GLM_BASE_URL"):
            return offer.provider.name, "GLM_BASE_URL"
        key = find_key(offer.provider, own_only=True)
        return offer.provider.name, tr("{place} was found", place=key.source) if key else BUILT_IN
