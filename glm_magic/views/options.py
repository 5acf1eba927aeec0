"""What the user chose about the display of one turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ShowThinking = Literal["auto", "open", "closed", "hide"]
Format = Literal["markdown", "text", "json", "code"]
Where = Literal["auto", "panel", "page", "terminal"]


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How one turn is shown; nothing here changes what is sent."""

    show_thinking: ShowThinking = "auto"
    """``auto``: open while the model thinks, closed when the answer starts."""
    format: Format | None = None
    """``None``: Markdown in a page, plain text in a terminal."""
    quiet: bool = False
    """Show nothing at all; an error is still raised."""
    inserted: tuple[str, ...] = ()
    """Names of the values that were put into the prompt."""
    note: str = ""
    """A remark for the header, such as that the reply was replayed."""
    background: bool = False
    """The turn runs beside other cells: its Stop never interrupts the kernel."""
    where: Where = "auto"
    """The kind of view; ``auto`` asks the host."""
    language: str | None = None
    """``"en"``, ``"zh"``, or ``None`` for the language of the locale."""
