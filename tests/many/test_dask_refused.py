"""What cannot be asked through Dask is refused in two lines, before a request is sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

import cloudpickle
from distributed import Client

import glm_magic as glm
from glm_magic.core.errors import GlmError
from tests.api.providers import PLACES
from tests.many.dask_clusters import KEY, Processes, cluster
from tests.servers.model_server import ModelServer
from tests.servers.script import Script
from tests.servers.vendor import KEY as SERVED

Asked = Callable[..., dict[str, Any]]
ZAI = next(place for place in PLACES if place.provider == "zai")

LACKS = "import sys; sys.modules['glm_magic'] = None"

pytestmark = pytest.mark.timeout(240)


def refused(match: str, **asked: Any) -> list[str]:
    """Return the lines of the error that a call gets."""
    with pytest.raises(GlmError, match=match) as caught:
        glm.map(["a", "b"], "About {text}", **asked)
    assert len(caught.value.lines()) == 2
    return caught.value.lines()


def test_what_is_no_client(asked: Asked, server: ModelServer) -> None:
    lines = refused(r"on is a dask\.distributed\.Client, not str", **asked(on="tcp://127.0.0.1:1"))
    assert "cluster.get_client()" in lines[1]
    assert not server.requests


def test_dask_that_is_not_installed(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    lines = refused("on= needs Dask", **asked(on=object()))
    assert 'pip install "glm-magic[dask]"' in lines[1]


def test_a_client_that_cannot_be_used(asked: Asked, server: ModelServer, tmp_path: Path) -> None:
    with cluster(tmp_path, workers=1) as client:
        refused('keys is "worker" or "send"', **asked(on=client, keys="mine"))
        address = client.scheduler.address

        async def main() -> None:
            async with Client(address, asynchronous=True) as mine:
                refused("this Dask client is asynchronous", **asked(on=mine))
                assert not server.requests
                out = await glm.amap(["a", "b"], "About {text}", **asked(on=mine))
                assert len(server.requests) == len(out) == 2
                server.requests.clear()

        asyncio.run(main())
        closed = Client(address)
        closed.close()
        refused("is closed, or has lost its scheduler", **asked(on=closed))

        tape = tmp_path / "tape.jsonl"
        with glm.record(tape):
            refused("a tape is on this computer", **asked(on=client))
        refused("has a key, which Dask workers do not get", **ZAI.asked(server, on=client))
        address = f"{server.url.replace('://', '://user:a-long-password@')}/v1"
        refused("the base URL has a key", **{**asked(on=client), "base_url": address})
    assert not server.requests


def test_a_worker_without_a_key(server: ModelServer, tmp_path: Path) -> None:
    with cluster(tmp_path, workers=1) as client:
        asked = ZAI.asked(server, on=client, progress=False)
        del asked["api_key"]
        lines = refused("no API key for Z.ai was found", **asked)
        assert 'keys="send"' in lines[1]
        assert not server.requests


def test_workers_that_lack_the_package_or_have_another(
    asked: Asked, server: ModelServer, tmp_path: Path
) -> None:
    with cluster(tmp_path, workers=1, preload=[LACKS]) as client:
        lines = refused("lacks glm-magic", **asked(on=client))
        assert f"pip install 'glm-magic=={glm.__version__}'" in lines[1]
    other = "import glm_magic._version as v; v.__version__ = '0.0.1'"
    with cluster(tmp_path, workers=1, preload=[other]) as client:
        refused("has glm-magic 0.0.1, and this is", **asked(on=client))
    assert not server.requests


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preload", "match"),
    [
        (LACKS, "lacks glm-magic"),
        ("import glm_magic._version as v; v.__version__ = '0.0.1'", "has glm-magic 0.0.1"),
    ],
    ids=["without the package", "with another version"],
)
def test_a_worker_that_joins_later(
    asked: Asked, server: ModelServer, tmp_path: Path, preload: str, match: str
) -> None:
    with_nothing = Processes(tmp_path)
    try:
        with with_nothing.client() as client:
            with_nothing.add_worker("--preload", preload)
            with pytest.raises(GlmError, match=match) as caught:
                glm.map(["a", "b"], "About {text}", **asked(on=client))
            assert len(caught.value.lines()) == 2
    finally:
        with_nothing.close()
    assert not server.requests


@pytest.mark.slow
def test_a_scheduler_does_not_need_the_package(
    asked: Asked, server: ModelServer, tmp_path: Path
) -> None:
    processes = Processes(tmp_path, "--preload", LACKS)
    processes.add_worker()
    try:
        with processes.client() as client:
            assert not glm.map(["a", "b"], "About {text}", **asked(on=client)).errors
    finally:
        processes.close()


def test_keys_that_workers_have(server: ModelServer, tmp_path: Path) -> None:
    """The caller has none; each worker reads its own environment."""
    with cluster(tmp_path, workers=1, env={"ZAI_API_KEY": SERVED}) as client:
        asked = ZAI.asked(server, on=client, progress=False)
        del asked["api_key"]
        out = glm.map(["a", "b"], "About {text}", **asked)
        assert not out.errors
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {SERVED}"}


@pytest.mark.slow
def test_a_key_that_is_sent_shows_nowhere(server: ModelServer, tmp_path: Path) -> None:
    """Not in the names and specifications of tasks, in events, stories or logs."""

    def specifications(dask_scheduler: Any) -> list[bytes]:
        tasks = dask_scheduler.tasks.values()
        return [cloudpickle.dumps((task.key, task.run_spec)) for task in tasks]

    server.tell(Script(stall_after=1))
    processes = Processes(tmp_path)
    processes.add_worker()
    try:
        with processes.client() as client:
            asked = ZAI.asked(server, on=client, keys="send", progress=False)
            dump = tmp_path / "dump"
            job_ended: list[Any] = []
            sent: list[bytes] = []

            async def main() -> None:
                running = asyncio.ensure_future(glm.amap(["a", "b"], "About {text}", **asked))
                while len(server.requests) < 2:  # noqa: ASYNC110 - another thread counts
                    await asyncio.sleep(0.01)
                await asyncio.to_thread(client.dump_cluster_state, str(dump), format="yaml")
                sent.extend(await asyncio.to_thread(client.run_on_scheduler, specifications))
                server.tell(Script())
                server.released.set()
                job_ended.append(await running)

            asyncio.run(main())
            assert not job_ended[0].errors
            logs = repr((client.get_worker_logs(), client.get_scheduler_logs()))
            logs += repr(client.get_events())
    finally:
        processes.close()
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {SERVED}"}
    text = dump.with_suffix(".yaml").read_text()
    assert "glm-row-" in text
    assert len(sent) == 2
    for place in (text, logs, processes.log, repr(sent), repr(b"".join(sent))):
        assert SERVED not in place
        assert "About a" not in place


def test_a_key_of_the_call_wins_with_the_workers_own_left_alone(
    server: ModelServer, tmp_path: Path
) -> None:
    with cluster(tmp_path, workers=1, env={"ZAI_API_KEY": KEY}) as client:
        out = glm.map(
            ["a"], "About {text}", **ZAI.asked(server, on=client, keys="send", progress=False)
        )
        assert not out.errors
    assert [r.headers["authorization"] for r in server.requests] == [f"Bearer {SERVED}"]
