"""``%config GLM.x``: the settings that a user may keep in ``ipython_config.py``.

What a prompt is asked with comes from the line, the session and these settings, in this order; what
none of them sets is left to the environment and the provider.
"""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Enum, Float, TraitError, Unicode, validate
from traitlets.config.configurable import Configurable

from ..core import i18n
from ..core.errors import GlmError
from ..core.thinking import THINKING_WORDS
from ..views.options import FORMATS, SHOW_THINKING

LANGUAGES = ("en", "zh")


class GLM(Configurable):
    """Settings of the %%glm magic; what is not set here is left to the environment."""

    provider = Unicode(None, allow_none=True, help="Where to ask: a provider.").tag(config=True)
    model = Unicode(None, allow_none=True, help="Model to ask, or provider/model.").tag(config=True)
    thinking = Enum(
        (True, False, *THINKING_WORDS),
        default_value=None,
        allow_none=True,
        help="Ask for thinking: on, off, auto or an effort level.",
    ).tag(config=True)
    system = Unicode(None, allow_none=True, help="System prompt of every turn.").tag(config=True)
    show_thinking = Enum(
        SHOW_THINKING,
        default_value=None,
        allow_none=True,
        help="How the reasoning is shown: auto, open, closed or hide.",
    ).tag(config=True)
    format = Enum(
        FORMATS,
        default_value=None,
        allow_none=True,
        help="How the answer is shown: markdown, text, json or code.",
    ).tag(config=True)
    language = Enum(
        LANGUAGES,
        default_value=None,
        allow_none=True,
        help="Language of panel and messages: en or zh; by default the locale's.",
    ).tag(config=True)
    idle_timeout_s = Float(
        None, allow_none=True, help="Silence, in seconds, after which a reply is given up."
    ).tag(config=True)
    full_traceback = Bool(False, help="Show whole tracebacks instead of two or three lines.").tag(
        config=True
    )
    store = Bool(
        None, allow_none=True, help="Keep conversations on disk; by default GLM_STORE decides: on."
    ).tag(config=True)
    session = Unicode(None, allow_none=True, help="Session that prompts belong to.").tag(
        config=True
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._changed: set[str] = set()
        self.observe(lambda change: self._changed.add(change["name"]))
        self.observe(lambda _: self.apply(), ["full_traceback", "language"])
        self.apply()

    @validate("idle_timeout_s")
    def _positive(self, proposal: Any) -> float | None:
        value: float | None = proposal["value"]
        if value is not None and not value > 0:
            raise TraitError("idle_timeout_s must be more than 0 seconds")
        return value

    def apply(self) -> None:
        """Apply the settings that hold for the whole process."""
        set_process_settings(full_traceback=self.full_traceback, language=self.language)

    def origin(self, name: str) -> str | None:
        """Return where a setting was made, ``None`` where it has its default."""
        if not self._is_set(name):
            return None
        return "ipython_config.py" if name not in self._changed else f"%config GLM.{name}"

    def _is_set(self, name: str) -> bool:
        return bool(getattr(self, name) != self.traits()[name].default_value)


def set_process_settings(*, full_traceback: bool = False, language: str | None = None) -> None:
    """Set what holds for the whole process, whoever asks; without arguments, as it was at first.

    Nothing else in the package writes these two.
    """
    GlmError.full_traceback = full_traceback
    i18n.set_language(language)
