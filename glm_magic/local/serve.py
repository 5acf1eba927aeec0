"""The program of the server's own process: llama.cpp's server, for as long as its owner lives.

It is run by path, without the rest of the package. The settings, with the key in them, come as one
JSON line on standard input, where no other user of the computer can see them; the address goes back
as one JSON line on standard output. Standard input then stays open as a lifeline: the owner never
writes again, so its end means that the owner closed it or died, however it died.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from typing import Any, NoReturn

_CHECK_OWNER_S = 2.0
_LOG_QUIET_S = 1.0
"""A log that has not grown for so long after a failed start holds all of it."""


def main() -> NoReturn:
    """Start the server, report its address, and leave when the owner is gone."""
    settings = json.loads(sys.stdin.readline())
    report = _take_standard_output()
    threading.Thread(target=_leave_at_end_of_input, daemon=True).start()
    server = _server(settings)
    os.write(report, json.dumps({"address": server.listening_address}).encode() + b"\n")
    _leave_when_orphaned(settings["owner"])


def _take_standard_output() -> int:
    """Keep standard output for the report; whatever the library prints there goes to the log."""
    report = os.dup(1)
    os.dup2(2, 1)
    return report


def _leave_at_end_of_input() -> NoReturn:
    sys.stdin.read()
    os._exit(0)


def _leave_when_orphaned(owner: int) -> NoReturn:
    """Leave when the owner is no longer the parent.

    A process that the owner forked may hold the other end of the lifeline open after the owner's
    death. Windows has no such processes, and there a launcher may stand between the two.
    """
    while os.name != "posix" or os.getppid() == owner:
        time.sleep(_CHECK_OWNER_S)
    os._exit(0)


def _server(settings: dict[str, Any]) -> Any:
    sys.path.append(settings["import_from"])
    library = importlib.import_module("xllamacpp")
    params = library.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["name"]}
    params.api_keys = [settings["key"]]
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["threads"]
    _assign(params, settings["params"])
    _assign(params.sampling, settings["sampling"])
    if settings["grammar"]:
        user = library.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
        params.sampling.grammar = library.CommonGrammar(user, settings["grammar"])
    try:
        return library.Server(params)
    except Exception:
        _wait_for_log()
        raise


def _wait_for_log() -> None:
    """Wait for the reason: a thread of the library logs it, and would end with the process."""
    size = -1
    while size != (size := os.fstat(2).st_size):
        time.sleep(_LOG_QUIET_S)


def _assign(target: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(target, name, value)


if __name__ == "__main__":
    main()
