"""What a provider serves at a time is found out, kept to, and said."""

from __future__ import annotations

import glm_magic as glm
from tests.faults.protocols import KEY, PROTOCOLS
from tests.servers.busy_server import BusyServer
from tests.servers.raw_server import Send, head, reply
from tests.servers.vendor import to_json

ZAI = next(protocol for protocol in PROTOCOLS if protocol.provider == "zai")


def test_eight_at_a_time_with_sixteen_jobs() -> None:
    whole = Send(head() + ZAI.start + ZAI.rest)
    busy = reply(
        to_json({"error": {"code": "1302", "message": "busy"}}).encode(), "429 No",
        "application/json", {},
    )  # fmt: skip
    with BusyServer(whole, busy, 8, pause_s=0.02, fills=True) as server:
        out = glm.map(
            [f"text {n}" for n in range(400)], "About {text}", jobs=16, progress=False,
            provider="zai", model="glm-4.6", base_url=server.url + ZAI.path, api_key=KEY,
        )  # fmt: skip
        assert not out.errors
        assert len(server.served) == 400
        refused = len(server.refused) / (len(server.served) + len(server.refused))
        assert refused <= 0.1
        assert server.peak == 8
        assert any("requests at a time" in notice for notice in out.progress.notices)
