"""Ask in a conversation: each question is answered from the turns before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, Unpack

from ..catalogue.load import catalogue
from ..core.errors import InvalidValueError, UnavailableError
from ..core.i18n import tr
from ..core.messages import Message
from ..core.price import CostTotal
from ..core.turn import Turn
from ..core.usage import Usage
from ..engine.keywords import AskKeywords, to_options, with_ask_keywords
from ..engine.options import Options
from ..engine.prepared import PreparedRequest
from ..engine.reply import Reply
from ..engine.stream import AsyncStream, Stream
from . import export, loading, repository
from .amounts import Amount
from .context import context_of
from .conversation import Conversation
from .lanes import open_lanes, plan
from .ledger import Entry
from .notebook import CellKey, follow_cells, hooks
from .slots import Slot

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT = "default"
"""Name of the session that begins without turns in every kernel."""


def _of_conversation(
    method: Callable[Concatenate[Conversation, P], T],
) -> Callable[Concatenate[Session, P], T]:
    """Return a method of the conversation as one of each session that asks in it."""

    @wraps(method)
    def call(session: Session, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return method(session.conversation, *args, **kwargs)

    return call


class Session:
    """A conversation, and the options for asking in it.

    Asked again from the same notebook cell, a question replaces that cell's turn and is answered
    from the turns before it. Anywhere else, every question is a new turn.

    Parameters
    ----------
    name : str
        Name of the session. One that is in use is shared with whoever else asks in it; one that
        was used before continues from its turns on disk.
    fresh : bool
        True begins without turns, whatever is on disk under that name.
    **asking
        Options for every turn, the same as those of `glm_magic.ask`; those of a turn win.
    """

    def __init__(
        self, name: str = DEFAULT, *, fresh: bool = False, **asking: Unpack[AskKeywords]
    ) -> None:
        options = to_options(asking)
        existing = None if fresh or name == DEFAULT else Conversation.find(name)
        if existing is None and name == repository.ALL:
            repository.check_name(name)
        self._begin(Conversation(name) if existing is None else existing, options)

    @classmethod
    def notebook(cls) -> Session:
        """Return the session that the notebook's own prompts belong to, as ``%glm`` has it.

        Raises
        ------
        UnavailableError
            The extension is not loaded here.
        """
        session = hooks().session()
        if not isinstance(session, cls):
            raise UnavailableError(
                tr("this program has no session of a notebook: the extension is not loaded"),
                hint=tr("run %load_ext glm_magic, or begin one with glm.Session(NAME)"),
            )
        return session

    @classmethod
    def load(cls, path: str | Path, **asking: Unpack[AskKeywords]) -> Session:
        """Read a session from a file, under the name that it was saved with.

        Parameters
        ----------
        path : str or Path
            A ``.jsonl`` that `save` wrote, or a list of messages in ``.json`` or ``.jsonl``.
        **asking
            Options for every turn, the same as those of `glm_magic.ask`.

        Raises
        ------
        InvalidValueError
            There is no such file, or it holds neither a session nor messages.
        """
        name, slots, system = loading.load(Path(path).expanduser())
        session = cls(name, fresh=True, **asking)
        if system and session.options.system is None:
            session.options = replace(session.options, system=system)
        session.take(slots)
        return session

    def save(self, path: str | Path) -> None:
        """Write the session to a file; the ending chooses the form.

        Parameters
        ----------
        path : str or Path
            ``.jsonl``: everything. ``.md``: to read. ``.json``: a list of messages.

        Raises
        ------
        InvalidValueError
            The ending is none of these, there is another file of that name, or it cannot be
            written.
        """
        export.save(Path(path).expanduser(), self.name, self.slots, self.options.system)

    @classmethod
    def of(cls, conversation: Conversation, options: Options | None = None) -> Session:
        """Return a session that asks in a conversation; its saved options lie below these."""
        session = cls.__new__(cls)
        session._begin(conversation, options or Options())
        return session

    def _begin(self, conversation: Conversation, options: Options) -> None:
        follow_cells()
        self.conversation = conversation
        self.options = options.over(conversation.options)
        conversation.use()

    @property
    def options(self) -> Options:
        """Options for every turn."""
        return self._options

    @options.setter
    def options(self, options: Options) -> None:
        self._options = self.conversation.options = options

    @property
    def name(self) -> str:
        """Name of the conversation."""
        return self.conversation.name

    @property
    def id(self) -> str:
        """Id of the conversation in the store."""
        return self.conversation.id

    @property
    def budget(self) -> Amount | None:
        """What all turns together may take; ``None``: no limit."""
        return self.conversation.budget

    @budget.setter
    def budget(self, amount: Amount | None) -> None:
        self.conversation.budget = amount

    @property
    def slots(self) -> list[Slot]:
        """The slots, in the order in which the notebook shows them."""
        return list(self.conversation.slots)

    @property
    def turns(self) -> list[Turn]:
        """The chosen turn of each slot, as it stands now."""
        return self.conversation.turns

    @property
    def asked(self) -> list[Stream]:
        """The newest streams that this kernel asked, replaced and undone ones included."""
        return self.conversation.asked

    @property
    def entries(self) -> list[Entry]:
        """Every call so far, replaced and undone turns and earlier kernels included."""
        return self.conversation.entries

    @property
    def usage(self) -> Usage:
        """Tokens of every call so far, as reported; estimates are not part of it."""
        return self.conversation.usage

    @property
    def cost(self) -> CostTotal:
        """Cost of every call so far, replaced and undone turns included, per currency."""
        return self.conversation.cost

    to_frame = _of_conversation(Conversation.to_frame)
    slot_of = _of_conversation(Conversation.slot_of)
    stale = _of_conversation(Conversation.stale)
    set_budget = _of_conversation(Conversation.set_budget)
    choose = _of_conversation(Conversation.choose)
    hide = _of_conversation(Conversation.hide)
    pin = _of_conversation(Conversation.pin)
    drop = _of_conversation(Conversation.drop)
    undo = _of_conversation(Conversation.undo)
    reset = _of_conversation(Conversation.reset)
    forget = _of_conversation(Conversation.forget)
    touch = _of_conversation(Conversation.touch)
    take = _of_conversation(Conversation.take)
    rename = _of_conversation(Conversation.rename)

    @with_ask_keywords
    def ask(self, prompt: str, **asking: Unpack[AskKeywords]) -> Reply:
        """Ask the next question, and wait for the whole reply.

        Returns
        -------
        Reply
            The answer, the reasoning and what they cost.

        Raises
        ------
        GlmError
            The request was refused or failed; a turn that failed stays visible but is not sent.
        """
        with self.stream(prompt, **asking) as opened:
            opened.wait()
            opened.raise_error()
            return opened.reply

    @with_ask_keywords
    async def aask(self, prompt: str, **asking: Unpack[AskKeywords]) -> Reply:
        """Ask the next question as `ask` does, without blocking the event loop."""
        key, options = hooks().cell_key(), self.resolve(to_options(asking))
        async with AsyncStream(lambda: self.open(prompt, options, key)) as opened:
            async for _ in opened:
                pass
            return opened.reply

    @with_ask_keywords
    def stream(self, prompt: str, **asking: Unpack[AskKeywords]) -> Stream:
        """Ask the next question, and read the reply as it arrives.

        Returns
        -------
        Stream
            It takes its place in the session at once; nothing is sent before its block is entered.
        """
        return self.open(prompt, self.resolve(to_options(asking)), hooks().cell_key())

    def resolve(self, options: Options) -> Options:
        """Return options with the session's wherever they set nothing."""
        return Options.layered(catalogue(), options, self.options)

    def open(
        self,
        prompt: str | Message,
        options: Options,
        key: CellKey | None = None,
        budget: Amount | None = None,
    ) -> Stream:
        """Put a question, its options resolved, in the slot of `key`; return its stream."""
        return self.open_lanes(prompt, [options], key, budget=budget)[0]

    def open_lanes(
        self,
        prompt: str | Message,
        lanes: Sequence[Options],
        key: CellKey | None = None,
        slot: Slot | None = None,
        budget: Amount | None = None,
    ) -> list[Stream]:
        """Put a question in one slot, asked in several ways.

        Every lane is answered from the same turns and becomes a variant; later turns see the
        first.

        Parameters
        ----------
        prompt : str or Message
            The question.
        lanes : sequence of Options
            How to ask it, resolved; one stream each.
        key : CellKey, optional
            What tells its cell; the slot that has it takes the variants, or a new one.
        slot : Slot, optional
            The slot itself, where there is no key.
        budget : Amount, optional
            What all lanes together may take.

        Raises
        ------
        RefusedError
            The question is known not to work, does not fit, or would pass a budget.
        """
        conversation = self.conversation
        with conversation.lock:
            return open_lanes(
                conversation, prompt, lanes,
                inherited=self.options, key=key, slot=slot, budget=budget,
            )  # fmt: skip

    def retry(self) -> Stream:
        """Ask the prompt that ran last once more, in its own slot.

        Raises
        ------
        InvalidValueError
            Nothing was asked yet.
        """
        slot = self.conversation.slots.newest()
        if slot is None:
            raise InvalidValueError(
                tr("the session {name} has no turn yet", name=self.name),
                hint=tr("ask something first"),
            )
        last = slot.variants[-1]
        return self.ask_again(slot, last.turn, last.options or Options())

    def ask_again(self, slot: Slot, turn: Turn, options: Options) -> Stream:
        """Ask the prompt of a turn once more in its slot, with options that are not resolved."""
        # what was attached is part of the prompt already
        options = replace(self.resolve(options), attach=())
        return self.open_lanes(turn.question, [options], slot=slot, budget=slot.budget)[0]

    def plan(
        self,
        prompt: str | Message,
        options: Options,
        key: CellKey | None = None,
        *,
        start_local: bool = True,
    ) -> PreparedRequest:
        """Return the request that a question would send, without asking it."""
        return plan(prompt, options, self._before(key), start_local=start_local)

    def context(self, key: CellKey | None = None) -> list[Message]:
        """Return the messages of earlier turns that a question under `key` would be sent with."""
        return context_of(self._before(key))

    def _before(self, key: CellKey | None) -> list[Slot]:
        slots = self.conversation.slots
        return slots.before(slots.find(key))

    def fork(self, name: str) -> Session:
        """Return a session of another name that continues from the same turns."""
        return Session.of(self.conversation.copy(name, self.options))

    def __len__(self) -> int:
        return len(self.conversation)

    def __repr__(self) -> str:
        turns = len(self)
        return f"<Session {self.name!r}: {turns} turn{'' if turns == 1 else 's'}, cost {self.cost}>"
