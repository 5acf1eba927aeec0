"""What the user chose about the display of one turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ..core.turn import Turn

ShowThinking = Literal["auto", "open", "closed", "hide"]
Format = Literal["markdown", "text", "json", "code"]
Hold = Literal["answer", "thinking"]
Where = Literal["auto", "panel", "page", "terminal"]


class Variants(Protocol):
    """The runs of one prompt cell, oldest first, and which of them later turns see."""

    @property
    def turns(self) -> Sequence[Turn]:
        """Every run's turn as it stands now; the one that is being shown is among them."""

    @property
    def chosen(self) -> int:
        """Place, from 0, of the run that later turns see; the newest one until chosen otherwise."""

    def choose(self, place: int) -> None:
        """Let later turns see that run; from any thread."""


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How one turn is shown; nothing here changes what is sent."""

    show_thinking: ShowThinking = "auto"
    """``auto``: open while the model thinks, closed when the answer starts."""
    hold: Hold | None = None
    """The part that stays behind a button until a reader asks for it."""
    format: Format | None = None
    """``None``: Markdown in a page, plain text in a terminal."""
    quiet: bool = False
    """Show nothing at all; an error is still raised."""
    inserted: tuple[str, ...] = ()
    """Names of the values that were put into the prompt."""
    note: str = ""
    """A remark for the header, such as that the reply was replayed."""
    alone: bool = False
    """The cell shows nothing but this turn: all its outputs may be cleared."""
    place: tuple[str, int] | None = None
    """The cell's id and the ordinal of the output in it, where all outputs of a notebook share one
    page and so one style sheet; ``None``: the output is complete in itself."""
    background: bool = False
    """The turn runs beside other cells: its Stop never interrupts the kernel."""
    where: Where = "auto"
    """The kind of view; ``auto`` asks the host."""
    variants: Variants | None = None
    """The runs of the cell; ``None`` where the turn belongs to no session."""
    language: str | None = None
    """``"en"``, ``"zh"``, or ``None`` for the language of the locale."""
