"""Each setting with its value and where it came from, as ``%glm config`` shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..catalogue.load import Catalogue
from ..catalogue.lookup import find_model, split_model
from ..core.address import shown_anyway, shown_url, split
from ..core.errors import GlmError
from ..core.i18n import from_data, tr
from ..core.paths import config_folder
from ..credentials import FoundKey, look_up
from ..engine.options import Options
from ..engine.prepare import resolve_offer
from ..session.session import DEFAULT
from ..wire.request import IDLE_TIMEOUT_S
from .config import GLM
from .display import from_home
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
        return [
            self._place("provider", chosen),
            self._place("model", chosen),
            *self._address(chosen),
            self._key(chosen),
            *(self._plain(name) for name in _DEFAULTS),
            Setting("folder", from_home(config_folder()), self._folder_origin()),
        ]

    def _address(self, chosen: Options) -> Iterator[Setting]:
        """Yield the address and, where it is a subscription's, the terms of it."""
        yield self._base_url()
        if not (self.session.base_url or _variable("GLM_BASE_URL")):
            return
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
            yield Setting("", text, "")
        if provider.is_plan and provider.plan_note:
            source = self.catalogue.sources.get(provider.plan_source)
            where = source.url or source.title if source else ""
            yield Setting("", from_data(provider.plan_note), where)

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
            return Setting(name, value, variable if self._decides(variable, value) else fallback)
        if getattr(self.session.with_provider(self.catalogue), name) == value_set:
            return Setting(name, value, tr("session {name}", name=self.session_name))
        # a provider may have been named as part of the model
        return Setting(name, value, self.config.origin(name) or self.config.origin("model") or "")

    def _resolved(self, name: str, chosen: Options) -> tuple[str | None, str]:
        try:
            choice = resolve_offer(chosen, self.catalogue)
        except GlmError as error:
            return getattr(chosen, name) or tr("none"), error.message
        offer = choice.offer
        if name == "model":
            return offer.model.id, tr("the provider's newest")
        if choice.by_key:
            there = look_up(offer.provider, own_only=True)
            return offer.provider.name, tr(
                "{place} was found", place=_place(there)
            ) if there else BUILT_IN
        named, _ = split_model(self.catalogue, None, _variable("GLM_MODEL"))
        if named == offer.provider.name:
            return offer.provider.name, "GLM_MODEL"
        return offer.provider.name, "GLM_BASE_URL" if _variable("GLM_BASE_URL") else BUILT_IN

    def _decides(self, variable: str, value: str | None) -> bool:
        """Whether a variable is set and is why a provider or model was chosen."""
        text = _variable(variable)
        if not text or variable != "GLM_MODEL":
            return bool(text)
        model = find_model(self.catalogue, split_model(self.catalogue, None, text)[1] or text)
        return model is None or model.id == value

    def _base_url(self) -> Setting:
        in_session, in_environment = self.session.base_url, _variable("GLM_BASE_URL")
        written = in_session or in_environment
        if not written:
            return Setting("base_url", tr("the provider's own"), BUILT_IN)
        value = shown_url(written) if split(written) else shown_anyway(written)
        return Setting(
            "base_url",
            value,
            tr("session {name}", name=self.session_name) if in_session else "GLM_BASE_URL",
        )

    def _key(self, chosen: Options) -> Setting:
        """Return whether there is a key, and where; never the key."""
        if chosen.api_key is not None and not chosen.api_key.is_blank:
            return Setting("key", tr("found"), tr("session {name}", name=self.session_name))
        try:
            choice = resolve_offer(chosen, self.catalogue)
        except GlmError:
            return Setting("key", tr("none"), BUILT_IN)
        provider = choice.offer.provider
        there = look_up(provider, own_only=choice.by_key)
        if there is None:
            needed = ", ".join(provider.key_env)
            return Setting(
                "key", tr("not needed") if provider.self_hosted else tr("missing"), needed
            )
        problem = there.key.problem()
        return Setting("key", problem[0] if problem else tr("found"), _place(there))

    @staticmethod
    def _folder_origin() -> str:
        return "GLM_HOME" if _variable("GLM_HOME") else BUILT_IN


def _variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _place(there: FoundKey) -> str:
    """Return where a key is: its variable, and the file or keyring that has it."""
    if there.file is not None:
        return tr("{variable} in {file}", variable=there.variable, file=from_home(there.file))
    return there.key.source
