"""Cells for the browser tests, which drive a view with a reply that grows by itself."""

from __future__ import annotations

SETUP = """
import contextvars, threading
from tests.views.turns import ANSWER, NOTICE, REASONING, ScriptedStream, turn_of
from glm_magic.views.options import ViewOptions
from glm_magic.views.live.panel import PanelView
from glm_magic.views.play import play

def show(rate=400, view=PanelView, answer=ANSWER, reasoning=REASONING, options=None, **fields):
    options = options or ViewOptions(language="en")
    play(ScriptedStream(turn_of(answer, reasoning, **fields), rate), view(options))

class Kept(PanelView):
    "A panel that is not replaced at the end."
    def _publish(self, data, metadata, update=False):
        if not update:
            super()._publish(data, metadata)

def show_meanwhile(ended="", **how):
    "Show a reply from a thread, so that the kernel is free; at its end, make a file."
    run = contextvars.copy_context().run
    def follow():
        run(show, **how)
        if ended:
            open(ended, "w").close()
    threading.Thread(target=follow, daemon=True).start()
"""
