"""Every way a call can fail, as one tree.

::

    GlmError
     ├─ RefusedError                refused here; nothing was sent
     │   ├─ UnknownNameError        no such model, provider, option or session
     │   ├─ MissingKeyError         no API key was found
     │   ├─ InvalidValueError       a value out of range, of the wrong type, or empty
     │   ├─ UnsupportedError        the model or provider cannot do this
     │   ├─ UnavailableError        something that must be installed or running is not
     │   └─ TapeError               a tape cannot be read, written or used
     │       └─ NotOnTapeError      the request was not recorded
     ├─ ConnectionFailedError       no connection, or it broke
     │   └─ IdleTimeoutError        the server went silent
     ├─ ApiError                    the service answered with an error
     │   ├─ AuthenticationError     key wrong, expired, or of another region; also ``AuthError``
     │   ├─ AccessDeniedError       key right, permission missing
     │   ├─ BillingError            no money, no quota, plan expired
     │   ├─ NotFoundError           no such model or path
     │   ├─ InvalidRequestError     the service refuses the request
     │   ├─ ContextLengthError      prompt and reply do not fit the model
     │   ├─ ContentBlockedError     a content-safety filter
     │   ├─ RateLimitError          too many requests or tokens at a time
     │   └─ ServerError             overloaded or broken
     ├─ SchemaError                 the answer does not fit the schema that was asked for
     └─ ProtocolError               the answer is not what the protocol says
         ├─ NotAnApiError           a web page instead of an API
         └─ EmptyReplyError         a success with nothing in it
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, ClassVar

from .i18n import Text, joined, tr, translate
from .text import escape_controls

if TYPE_CHECKING:
    from .turn import Turn


def _escaped(text: str) -> str:
    """Return words of a server without what a terminal would obey."""
    return text.mapped(escape_controls) if isinstance(text, Text) else escape_controls(text)


class GlmError(Exception):
    """Anything that glm_magic raises.

    Parameters
    ----------
    message : str
        What happened, in words.
    hint : str
        What to do next, naming the variable, option or page.
    provider : str, optional
        Name of the provider that was asked.
    status : int, optional
        HTTP status.
    code : str, optional
        The provider's own error code.
    request_id : str, optional
        The provider's id of the request, to quote to its support.
    retryable : bool
        Whether the failure says that nothing was generated, so that the same request may be sent
        again a little later without being billed twice.
    """

    full_traceback: ClassVar[bool] = False
    """Show the whole traceback in IPython instead of two or three lines."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        provider: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(_escaped(message))
        self.hint = _escaped(hint)
        self.provider = provider
        self.status = status
        self.code = escape_controls(code) if code else code
        self.request_id = escape_controls(request_id) if request_id else request_id
        self.retryable = retryable
        self.retry_after_s: float | None = None
        """Seconds after which the service asks to come back; ``None`` where it names no time."""
        self.turn: Turn | None = None
        """What had arrived before the error; ``None`` when nothing was sent."""

    @property
    def message(self) -> str:
        """What happened, in words."""
        message: str = self.args[0]
        return message

    @property
    def details(self) -> str:
        """Provider, HTTP status, code and request id on one line; empty when none is known."""
        parts = [
            self.provider,
            f"HTTP {self.status}" if self.status else None,
            f"code {self.code}" if self.code and self.code != str(self.status) else None,
            f"request {self.request_id}" if self.request_id else None,
        ]
        return " · ".join(part for part in parts if part)

    def lines(self, language: str | None = "en") -> list[str]:
        """Return the error in two or three lines: what happened, what to do, the particulars.

        Parameters
        ----------
        language : str, optional
            ``"en"``, ``"zh"``, or ``None`` for the one that the user reads. What a service said
            stays in its own words.
        """
        return [translate(line, language) for line in self._lines()]

    def to_text(self) -> Text:
        """Return the lines as one text, which a view can show in another language."""
        return joined(self._lines(), "\n")

    def _lines(self) -> list[str]:
        lines: list[str] = [tr("{kind}: {message}", kind=type(self).__name__, message=self.message)]
        if self.hint:
            lines.append(tr("→ {hint}", hint=self.hint))
        if self.status or self.code or self.request_id:
            lines.append(f"  ({self.details})")
        return lines

    def __str__(self) -> str:
        return f"{self.message} → {self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show two or three lines in place of a traceback."""
        if GlmError.full_traceback:
            return "".join(traceback.format_exception(self)).splitlines()
        return self.lines(None)


class RefusedError(GlmError):
    """The request was refused before anything was sent.

    Do what the second line of the message says, then ask again; it cost nothing.
    """


class UnknownNameError(RefusedError):
    """There is no model, provider, option or session of that name.

    Take the name that the message suggests; ``%glm models`` and ``%glm sessions`` list what there
    is.
    """


class MissingKeyError(RefusedError):
    """The provider needs an API key and none was found.

    Set the variable that the message names, in the environment or in a ``.env`` file, or
    choose a server of your own.
    """


class InvalidValueError(RefusedError):
    """A value is out of range, of the wrong type, or empty.

    Correct the value; the message names the range or what was expected.
    """


class UnsupportedError(RefusedError):
    """The model or the provider cannot do what was asked.

    Leave the option out, or choose one of the models that the message names.
    """


class UnavailableError(RefusedError):
    """Something that must be installed or running is not.

    Install or start what the message names.
    """


class TapeError(RefusedError):
    """A tape cannot be read, written or used.

    Check the path, or record the tape again; a tape that was edited by hand is refused.
    """


class NotOnTapeError(TapeError):
    """The tape does not hold a reply to this request.

    Use the recorded words and options, record it (``%glm record``), or ask live with
    ``%glm replay off``.
    """


class ConnectionFailedError(GlmError):
    """No connection could be made, or it broke before the reply was whole.

    Look at address, network and proxy (``%glm config``), then ask again. A reply that broke
    halfway may have been billed; what arrived is in ``error.turn``.
    """


class IdleTimeoutError(ConnectionFailedError):
    """The server sent nothing for longer than the idle timeout.

    Ask again, or allow a longer silence with ``idle_timeout_s``.
    """


class ApiError(GlmError):
    """The service answered with an error.

    Read the service's own words in the message; ``error.request_id`` is for its support.
    """


class AuthenticationError(ApiError):
    """The key is wrong, expired, or belongs to another region or plan.

    Compare key, region and address; the message says where keys are made.
    """


AuthError = AuthenticationError


class AccessDeniedError(ApiError):
    """The key is right but lacks permission.

    Activate the model, or allow it for this key, in the provider's console.
    """


class BillingError(ApiError):
    """No money, no quota, or an expired plan.

    Pay in, wait for the quota to be renewed, or ask another provider with ``-p``.
    """


class NotFoundError(ApiError):
    """The service knows no such model or path.

    Compare the model's name with ``%glm models``, and the address with ``%glm config``.
    """


class InvalidRequestError(ApiError):
    """The service refuses the request as it stands.

    Change what the service names; ``%glm wire`` shows what was sent.
    """


class ContextLengthError(ApiError):
    """Prompt and reply together do not fit the model's context.

    Shorten the prompt, begin a new session (``%glm new``), or choose a model with a larger
    context.
    """


class ContentBlockedError(ApiError):
    """A content-safety filter stopped the prompt or the reply.

    Put it in other words, or ask another provider; the same request is refused again.
    """


class RateLimitError(ApiError):
    """Too many requests or tokens in a short time.

    Wait as long as ``error.retry_after_s`` says, or run fewer at a time (``--jobs``).
    """


class ServerError(ApiError):
    """The service is overloaded or broken.

    Ask again later or elsewhere (``-p``). It may have been billed, so nothing repeats it for
    you unless the service says that it generated nothing.
    """


class SchemaError(GlmError):
    """The answer does not fit the schema that was asked for.

    Read ``error.text``; a simpler schema, or a larger model, helps most.
    """

    text: str = ""
    """The answer as it came."""


class ProtocolError(GlmError):
    """The answer is not what the protocol says it should be.

    See with ``%glm wire`` what came, and look for a gateway or proxy that changes replies.
    """


class NotAnApiError(ProtocolError):
    """A web page came back in place of an API reply.

    Correct the base URL; a login page means that a gateway or proxy stands in between.
    """


class EmptyReplyError(ProtocolError):
    """The service reported success and sent nothing.

    Ask again; a server of your own may need another chat template or more tokens.
    """
