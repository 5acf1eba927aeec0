"""The provider ``local``: a small real model, run by llama.cpp's server on this computer.

It starts when it is first needed, on a free port that only this computer can reach, and ends with
the process that started it. Nothing here is imported before it is asked for.
"""

from __future__ import annotations

from .install import available, why_not
from .probe import found_servers
from .server import LocalServer, start

__all__ = ["LocalServer", "available", "found_servers", "start", "why_not"]
