"""What a person reads about the local model: what is missing, and what to do instead."""

from __future__ import annotations

import platform
import sys

from .models import BETTER, TINY, chosen
from .sources import package_folder

LIBRARY = "xllamacpp"
_PLATFORMS = {
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "arm64"),
    ("darwin", "x86_64"),
    ("win32", "amd64"),
}
_OTHERWISE = (
    "set the key of a hosted service (ZAI_API_KEY, ZHIPUAI_API_KEY, DASHSCOPE_API_KEY), or start "
    "any model server on this computer and name it: GLM_PROVIDER=ollama (or llamacpp, lmstudio, "
    "vllm, sglang)"
)


def available() -> bool:
    """Return whether the local model can be started here. Cheap; starts and imports nothing."""
    return not missing()


def why_not() -> str:
    """Return in one line what to do when the local model cannot be started; empty when it can."""
    return f"{problem}: {instead()}" if (problem := missing()) else ""


def missing() -> str:
    """Return what keeps the local model from starting, in a few words; empty when nothing does."""
    if package_folder(LIBRARY) is None:
        return f"the package {LIBRARY} is not installed"
    return chosen().source.missing()


def supported() -> bool:
    """Return whether the library is published for this kind of computer."""
    return (sys.platform, platform.machine().lower()) in _PLATFORMS


def instead() -> str:
    """Return what to do when the local model is not there, in one line."""
    if not supported():
        return f"there is no ready-made local model for this kind of computer; {_OTHERWISE}"
    if package_folder(LIBRARY) is not None and chosen().name not in {BETTER, TINY}:
        return f"set GLM_LOCAL_MODEL to {TINY}, {BETTER} or the path of a .gguf file"
    return f"run {install_command()}, or {_OTHERWISE}"


def install_command() -> str:
    """Return the command that installs what is missing."""
    better = " --better" if chosen().name == BETTER else ""
    command = f"-m glm_magic.local install{better}"
    return f"python {command} (in a notebook: %run {command})"
