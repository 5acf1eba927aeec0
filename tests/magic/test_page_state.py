"""What a page shows of a kernel."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from glm_magic.local.models import TINY, packaged_model
from glm_magic.magic.page_state import figures_of
from glm_magic.wire.tape.matching import Chunk, Recording, RequestKey
from glm_magic.wire.tape.tape import Tape


def test_a_local_model_has_a_context_and_no_cost(cells):
    body = b'data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}\n\n'
    asked = RequestKey("local", TINY, ({"role": "user", "content": "Hello?"},), {})
    when = datetime(2026, 11, 21, tzinfo=UTC)
    Tape(Path("t.glmtape")).keep(
        Recording(asked, when, 200, 0.1, (Chunk(0.2, body),), "whole", 0.3)
    )
    cells.run("%%glm -q --replay t.glmtape --speed max\nHello?")
    workspace = cells.shell.magics_manager.registry["GlmMagics"].workspace
    figures = figures_of(workspace)
    assert (figures["provider"], figures["model"]) == ("local", TINY)
    assert figures["limit"] == packaged_model(TINY).context
    assert figures["cost"] == ""
