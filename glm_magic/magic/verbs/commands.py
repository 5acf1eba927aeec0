"""What each verb does: one function for each row of the table in `index`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...catalogue.choose import find_model, nearest
from ...core.errors import InvalidValueError, UnknownNameError
from ...engine.planning.levels import split
from ...engine.planning.options import Options as Asked
from ...engine.planning.prepare import resolve
from ..desk import Desk
from ..reference import help_on, whole_help
from ..settings import Origins
from ..tables import Line, Shown, Table
from ..wire import sent
from . import (
    alias_commands,
    context_table,
    error_commands,
    keeping_commands,
    mcp_commands,
    model_table,
    money_commands,
    overview,
    tapes,
    turn_commands,
)

Command = Callable[[Desk, Sequence[str]], Shown | None]
"""What a verb does; ``None`` where it has shown all there is itself."""


def models(desk: Desk, words: Sequence[str]) -> Shown:
    """Show the catalogue."""
    return model_table.models(desk.catalogue, words[0] if words else "")


def use(desk: Desk, words: Sequence[str]) -> Shown:
    """Choose a model, a provider or a session from here on."""
    name = desk.aliases.get(words[0], words[0])
    if desk.is_model(name):
        return _use_model(desk, name)
    if name in desk.conversations:
        desk.conversations.chosen = name
        return Line(f"Prompts now belong to the session {name}: {_turns(len(desk.session))}.")
    if name in desk.catalogue.providers:
        return _choose(desk, Asked(provider=name))
    known = [
        *desk.catalogue.model_names(),
        *desk.catalogue.providers,
        *desk.conversations.known_names,
    ]
    raise UnknownNameError(
        f"there is no model, provider or session named {name!r}",
        hint=f"{nearest(name, known)}%glm models lists the models; "
        "a model of another name goes as provider/model",
    )


def _use_model(desk: Desk, name: str) -> Shown:
    wanted = split(desk.catalogue, Asked(model=name))
    if wanted.provider is None:
        provider = desk.session.options.provider
        model = find_model(desk.catalogue, name)
        serves = model is not None and (provider, model.id) in desk.catalogue.offers
        wanted = replace(wanted, provider=provider if serves else None)
    return _choose(desk, wanted)


def _choose(desk: Desk, wanted: Asked) -> Shown:
    options = replace(desk.session.options, model=wanted.model, provider=wanted.provider)
    offer = resolve(desk.below(options), desk.catalogue).offer
    desk.session.options = options
    return Line(
        f"The session {desk.session_name} now asks {offer.model.id} at {offer.provider.name}."
    )


def sessions(desk: Desk, _: Sequence[str]) -> Shown:
    """Show the sessions of this kernel, and those on disk."""
    return overview.sessions(desk)


def new(desk: Desk, words: Sequence[str]) -> Shown:
    """Start a session afresh and use it."""
    name = words[0] if words else desk.conversations.unused("session")
    options = desk.session.options
    kept = desk.conversations.start(name)
    desk.conversations.chosen = name
    desk.session.options = options
    remark = f" Its earlier turns are kept as {kept}." if kept else ""
    return Line(f"Prompts now belong to the session {name}, which is empty.{remark}")


def fork(desk: Desk, words: Sequence[str]) -> Shown:
    """Go on from the same turns under another name."""
    name = words[0]
    desk.conversations.add(desk.session.fork(name))
    desk.conversations.chosen = name
    return Line(f"The session {name} goes on from {_turns(len(desk.session))}.")


def undo(desk: Desk, words: Sequence[str]) -> Shown:
    """Take back the last turns."""
    taken = desk.session.undo(int(words[0]) if words else 1)
    left = _turns(len(desk.session))
    return Line(f"{_turns(taken).capitalize()} taken back; {left} left in {desk.session_name}.")


def reset(desk: Desk, _: Sequence[str]) -> Shown:
    """Forget the turns of the session."""
    count = len(desk.session)
    desk.session.reset()
    return Line(f"The session {desk.session_name} is empty; {_turns(count)} forgotten.")


def wire(desk: Desk, words: Sequence[str]) -> Shown:
    """Show a turn's request and its raw reply."""
    slot, number = turn_commands.slot_at(desk, words)
    stream = slot.current.stream
    if stream is None:
        raise InvalidValueError(
            f"turn {number} was not asked by this kernel, which has nothing of its wire",
            hint=f"run its cell again, or see %glm show {number}",
        )
    return sent(stream, number)


def jobs(desk: Desk, _: Sequence[str]) -> Shown:
    """Show the turns that were sent into the background."""
    return overview.jobs(desk)


def stop(desk: Desk, words: Sequence[str]) -> Shown:
    """Stop one background turn, or all."""
    stopped = desk.jobs.stop(int(words[0]) if words else None)
    numbers = ", ".join(str(job.number) for job in stopped)
    if not stopped:
        return Line(f"Job {words[0]} has ended already." if words else "No job is running.")
    return Line(f"Stopped job {numbers}; what had arrived stays.")


def config(desk: Desk, _: Sequence[str]) -> Shown:
    """Show every setting and where it came from."""
    origins = Origins(desk.catalogue, desk.config, desk.session_name, desk.session.options)
    rows = [(item.name, str(item.value), item.origin) for item in origins.settings()]
    return Table(("setting", "value", "from"), rows)


def help_(_: Desk, words: Sequence[str]) -> Shown:
    """Show the help."""
    return help_on(words[0]) if words else whole_help()


def version(_desk: Desk, _: Sequence[str]) -> Shown:
    """Show the versions of glm_magic and of what it runs on."""
    return overview.version()


COMMANDS: dict[str, Command] = {
    "models": models,
    "use": use,
    "sessions": sessions,
    "new": new,
    "fork": fork,
    "undo": undo,
    "reset": reset,
    "retry": turn_commands.retry,
    "drop": turn_commands.drop,
    "hide": turn_commands.hide,
    "pin": turn_commands.pin,
    "choose": turn_commands.choose,
    "show": turn_commands.show,
    "resume": keeping_commands.resume,
    "save": keeping_commands.save,
    "load": keeping_commands.load,
    "forget": keeping_commands.forget,
    "context": context_table.context,
    "usage": money_commands.usage,
    "budget": money_commands.budget,
    "fix": error_commands.fix,
    "explain": error_commands.explain,
    "alias": alias_commands.alias,
    "dealias": alias_commands.dealias,
    "preserve": turn_commands.preserve,
    "wire": wire,
    "mcp": mcp_commands.mcp,
    "jobs": jobs,
    "stop": stop,
    "record": tapes.record,
    "replay": tapes.replay,
    "tape": tapes.tape,
    "config": config,
    "help": help_,
    "version": version,
}


def _turns(count: int) -> str:
    return f"{count} turn{'' if count == 1 else 's'}"
