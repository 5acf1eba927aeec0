"""The user's choices about how one turn is displayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from .questions import Questions

if TYPE_CHECKING:
    from ..core.turn import Turn

ShowThinking = Literal["auto", "open", "closed", "hide"]
Format = Literal["markdown", "text", "json", "code"]
Hold = Literal["answer", "thinking"]
SHOW_THINKING: tuple[ShowThinking, ...] = get_args(ShowThinking)
FORMATS: tuple[Format, ...] = get_args(Format)
Where = Literal["auto", "panel", "page", "terminal"]
Position = tuple[str, int]
"""A cell's id and the ordinal of an output in it, from 0."""


class Variants(Protocol):
    """The runs of one prompt cell, oldest first, and which of them later turns see."""

    @property
    def turns(self) -> Sequence[Turn]:
        """The turn of every run as it stands now; the one that is being shown is among them."""

    @property
    def chosen(self) -> int:
        """Index of the run that later turns see: the newest, until another is chosen."""

    def choose(self, index: int, /) -> None:
        """Let later turns see another run; may be called from any thread."""


class Thoughts(Protocol):
    """The thoughts of the runs of one prompt cell, which the reader of a page may change."""

    def sentences(self, at: str, /) -> Sequence[str]:
        """Return the sentences of the run that was sent at that time (`variants.stamp`).

        Raises
        ------
        GlmError
            It cannot think again.
        """

    def rethink(self, at: str, sentence: int, text: str, output: str, /) -> None:
        """Let that run think again from a sentence on, and show what comes in an output.

        Raises
        ------
        GlmError
            It cannot.
        """


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How one turn is shown; nothing here changes what is sent."""

    show_thinking: ShowThinking = "auto"
    """``auto``: open while the model thinks, closed when the answer starts."""
    hold: Hold | None = None
    """The part that stays behind a button until the reader asks for it."""
    format: Format | None = None
    """Form of the answer; ``None``: Markdown in a page, plain text in a terminal."""
    quiet: bool = False
    """Whether nothing is shown at all; an error is still raised."""
    inserted: tuple[str, ...] = ()
    """Names of the values that were inserted into the prompt."""
    remark: str = ""
    """A remark for the header, such as that the reply was replayed."""
    owns_cell: bool = False
    """Whether the cell shows nothing but this turn: then all its outputs may be cleared."""
    position: Position | None = None
    """Where the output is, in a notebook whose outputs share one page and so one style sheet;
    ``None``: the output is complete in itself."""
    background: bool = False
    """Whether other cells run meanwhile: then Stop never interrupts the kernel."""
    where: Where = "auto"
    """The kind of view; ``auto`` depends on the front end."""
    variants: Variants | None = None
    """The runs of the cell; ``None`` where the turn belongs to no session."""
    thoughts: Thoughts | None = None
    """What changes the reasoning; ``None`` where the model does not go on inside a thought."""
    questions: Questions | None = None
    """What asks whether functions may be called; ``None``: the panel does not."""
    doubt: bool = False
    """Whether the view of doubt is open, where there is one."""
    language: str | None = None
    """``"en"``, ``"zh"``, or ``None`` for the language of the locale."""
