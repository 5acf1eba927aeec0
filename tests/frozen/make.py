"""Makes ``data/``: files as version 0.1.0.dev0 wrote them.

It ran once, at that version. Never run it with a later one: the files stand for what users have,
and tests open them to see that they still can be. It stays here to say what is in them.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

import glm_magic as glm
from tests.frozen import lesson
from tests.frozen.snapshots import DATA, replayed_of, session_of, write
from tests.hosts.conftest import ROOT, Kernel
from tests.servers.model_server import ModelServer
from tests.servers.script import Call, Failure, Script, Tokens

PATHS = {
    "zai": "/api/paas/v4", "bigmodel": "/api/paas/v4", "dashscope": "/compatible-mode/v1",
    "dashscope-native": "/api/v1", "wcode": "/api/gpt/v1", "openrouter": "/api/v1",
}  # fmt: skip
KEYS = ("ZAI", "ZHIPUAI", "DASHSCOPE", "WCODE", "OPENROUTER")
LONG = "The quick brown fox jumps over the lazy dog. " * 20

THOUGHTFUL = Script(
    answer="Short waves **scatter** more:\n\n1. sunlight is mixed\n2. air scatters blue\n\n"
    "```python\nx = 1 < 2\n```\n",
    reasoning="Let me see. Rayleigh scattering goes with the fourth power.\n\nWait, check that: "
    "yes. Actually violet is even shorter, but eyes see it less.",
    tokens=Tokens(40, 60, reasoning=35, cached=16),
)
CHINESE = Script(
    answer="因为短波散射更强。", reasoning="用户问天空。让我想想，不对，先看散射。",
    tokens=Tokens(1000, 1200, reasoning=800),
)  # fmt: skip
CALLS = Script(
    answer="I look.", reasoning="I need the weather.",
    calls=(Call("weather", '{"city": "Ulm"}', "call_1"),
           Call("weather", '{"city": "Nowhere", "days": 2}', "call_2")),
    tokens=Tokens(50, 20, reasoning=5),
)  # fmt: skip
RAIN = Script(answer="It rains.", reasoning="Rain.", tokens=Tokens(90, 12, reasoning=3))
PAGES = (
    {"title": "Comet", "link": "https://example.org/comet", "media": "Example",
     "publish_date": "2026-11-01", "content": "A comet was seen."},
)  # fmt: skip
LESSON = {
    "thinking": [THOUGHTFUL],
    "plain": [Script(answer="<b>hello</b> & *goodbye*", tokens=Tokens(12, 6))],
    "chinese": [CHINESE],
    "maths": [Script(answer="$$\\int_0^1 x^2\\,dx = \\tfrac13$$\n\n| a | b |\n|---|---|\n| 1 | 2 |",
                     reasoning="Power rule.", tokens=None)],
    "tools": [CALLS, RAIN],
    "schema": [Script(answer='{"name": "Ulm"}', tokens=Tokens(30, 9)),
               Script(answer='{"name": "Ulm", "people": 126000}', tokens=Tokens(60, 14))],
    "search": [Script(answer="A comet.", pages=PAGES, tokens=Tokens(70, 5))],
    "cut": [Script(answer="Once upon a", finish="length", tokens=Tokens(9, 8))],
    "messages": [Script(answer="Wind over reeds.", tokens=Tokens(25, 5))],
}  # fmt: skip


def paced(script: Script) -> Script:
    return replace(script, pause_s=0.004, piece_chars=12)


class Maker:
    """Asks the server, and keeps what comes of it."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell.instance(config=config)
        self.shell.run_line_magic("load_ext", "glm_magic")

    def session(self, name: str, provider: str, model: str, **options: Any) -> glm.Session:
        base = self.server.url + PATHS[provider]
        return glm.Session(name, provider=provider, model=model, base_url=base, **options)

    def ask(self, session: glm.Session, prompt: str, *scripts: Script, **options: Any) -> None:
        self.server.tell(*scripts)
        try:
            session.ask(prompt, **options)
        except glm.GlmError as error:
            print("as meant:", error)

    def run(self, source: str) -> None:
        result = self.shell.run_cell(source)
        assert result.success, source

    def sessions(self) -> list[str]:
        physics = self.session("physics", "zai", "glm-4.6", system="Be exact.")
        self.ask(physics, "Why is the sky blue?", THOUGHTFUL, thinking=True, temperature=0.5)
        self.ask(physics, LONG, Script(answer="A pangram.", tokens=Tokens(300, 4, cached=40)))
        self.ask(physics, "Is it dry in Ulm?", CALLS, RAIN, tools=[lesson.weather])
        self.ask(physics, "Give a number.", Script(answer="one", tokens=Tokens(10, 1)))
        for word in ("two", "three"):
            self.server.tell(Script(answer=word, tokens=Tokens(10, 1)))
            physics.retry().wait()
        physics.choose(physics.slots[3], 1)
        self.ask(physics, "A secret.", Script(answer="Hush.", tokens=Tokens(10, 2)))
        physics.hide(physics.slots[4])
        self.ask(physics, "Remember 42.", Script(answer="I do.", tokens=Tokens(10, 2)))
        physics.pin(physics.slots[5])
        self.ask(
            physics, "Break.", Script(answer="Half of it", failure=Failure(500, "500", "broken"))
        )
        self.ask(physics, "Refuse.", Script(refusal=Failure(400, "1301", "unsafe content")))
        self.ask(physics, "Never end.", Script(answer="Half a", finish=None, done=False))
        self.server.tell(Script(answer="word " * 400, reasoning="Hm.", pause_s=0.01, tokens=None))
        with physics.stream("Talk on.") as stream:
            for event in stream:
                if isinstance(event, glm.ContentDelta) and len(stream.turn.answer) > 40:
                    break
        physics.fork("physics-2")
        chinese = self.session("中文", "wcode", "glm-4.5", thinking=True, temperature=0.7)
        self.ask(chinese, "天空为什么是蓝色的？", CHINESE)
        self.ask(chinese, "再说一遍。", CHINESE)
        free = self.session("free", "dashscope", "glm-4.5")
        self.ask(free, "Hello?", Script(tokens=Tokens(1000, 1000)))
        unknown = self.session("unpriced", "dashscope", "glm-4.6")
        self.ask(unknown, "Hello?", Script(tokens=Tokens(100, 100)))
        shaped = self.session("shaped", "openrouter", "glm-4.6")
        self.ask(shaped, "Describe Ulm.", *LESSON["schema"], schema=lesson.City)
        news = self.session("news", "bigmodel", "glm-4.6")
        self.ask(news, "What is new?", *LESSON["search"], tools=["web_search"])
        os.environ["GLM_BASE_URL"] = self.server.url + PATHS["zai"]
        self.server.tell(THOUGHTFUL)
        self.run("%%glm -q -S lanes -p zai -m glm-4.6 --compare think=on,off\nWhy?")
        self.run("%%glm -q -S lanes -p zai -m glm-4.6\nAnd then?")
        self.run("%glm use physics")
        self.run("%glm budget $5")
        self.run("%glm use free")
        self.run("%glm budget 200k")
        reasoned = self.session("reasoned", "zai", "glm-4.7")
        self.ask(reasoned, "Hello?", THOUGHTFUL)
        self.run("%glm use reasoned")
        self.run("%glm preserve on")
        self.server.tell(THOUGHTFUL)
        self.run("%glm -q And again?")
        self.run("%glm budget day ¥100")
        self.run("%glm budget quota 1M 2026-01-01")
        self.run("%glm use physics")
        return ["physics", "physics-2", "中文", "free", "unpriced", "shaped", "news", "lanes",
                "reasoned"]  # fmt: skip

    def exports(self, folder: Path) -> None:
        for kind in ("jsonl", "json", "md"):
            self.run(f"%glm save {folder / f'physics.{kind}'}")

    def notebook_session(self) -> None:
        """Leave a session of cells: one ran twice, one was deleted."""
        os.environ.update(GLM_PROVIDER="zai", GLM_MODEL="glm-4.6")
        kernel = Kernel()
        try:
            kernel.run("%load_ext glm_magic")
            for cell, prompt in (("c1", "one"), ("c2", "two"), ("c3", "three"), ("c1", "uno")):
                self.server.tell(Script(answer=f"answer to {prompt}", tokens=Tokens(20, 5)))
                kernel.run(f"%%glm\n{prompt}", cell)
            kernel.run("pass", "c4", deleted=["c3"])
        finally:
            kernel.close()

    def killed_session(self) -> None:
        """Leave a session whose kernel was killed in the middle of a reply."""
        kernel = Kernel()
        try:
            kernel.run("%load_ext glm_magic")
            self.server.tell(Script(answer="word " * 400, reasoning="Hm.", pause_s=0.02))
            kernel.send("%%glm -S killed\nTalk on.", "k1")
            time.sleep(4)
            os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        finally:
            kernel.close()


def make_tape(server: ModelServer, path: Path) -> dict[str, Any]:
    with glm.record(path):
        for name, scripts in LESSON.items():
            server.tell(*map(paced, scripts))
            asked = lesson.QUESTIONS[name]
            lesson.ask(name, base_url=server.url + PATHS[asked["provider"]])
    expected = {}
    with glm.replay(path, speed=float("inf")):
        for name in LESSON:
            reply = lesson.ask(name)
            expected[name] = replayed_of(reply)
    return expected


CELLS = (
    "%load_ext glm_magic",
    "%glm replay notebook.glmtape max",
    "%%glm -p zai -m glm-4.6 --think -o sky\nWhy is the sky blue?",
    "%%glm -p zai -m glm-4.6\nAnd at night?",
    "def weather(city: str, days: int = 1) -> dict:\n"
    '    """Tell the weather."""\n    return {"city": city, "sky": "rain"}',
    "%%glm -p zai -m glm-4.6 --think --no-history --tool weather\nIs it dry in Ulm?",
    "%%glm -p zai -m glm-4.6 --no-history --compare think=on,off\nA bat and a ball?",
    "%glm show",
    "print(sky.status, sky.usage, sky.cost)",
)


def make_notebook(server: ModelServer, folder: Path) -> None:
    def run() -> Any:
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(s, id=f"cell-{n}") for n, s in enumerate(CELLS)]
        )
        place = {"metadata": {"path": str(folder)}}
        NotebookClient(book, timeout=60, kernel_name="python3", resources=place).execute()
        return book

    os.environ["GLM_TAPE"] = "record"
    one = Script(answer="One.", reasoning="Hm.", tokens=Tokens(10, 2))
    calls = Script(reasoning="I look.", answer="", calls=(CALLS.calls[0],))
    server.tell(*map(paced, [THOUGHTFUL, Script(answer="It is dark."), calls, RAIN, one]))
    run()
    del os.environ["GLM_TAPE"], os.environ["GLM_BASE_URL"]
    book = run()
    book.metadata.pop("widgets", None)
    nbformat.write(book, folder / "lesson.ipynb")


def main() -> None:
    assert glm.__version__ == "0.1.0.dev0", "the files stand for that version"
    with tempfile.TemporaryDirectory() as temporary, ModelServer() as server:
        work = Path(temporary)
        home = work / "home"
        for name in [n for n in os.environ if n.startswith("GLM_")]:
            del os.environ[name]
        os.environ.update({f"{name}_API_KEY": "test-key" for name in KEYS})
        os.environ.update(
            GLM_HOME=str(home), PYTHONPATH=str(ROOT), IPYTHONDIR=str(work / "ipython"),
            JPY_SESSION_NAME="/home/ada/lessons.ipynb", HOME=str(work),
        )  # fmt: skip
        os.chdir(work)
        make(server, work, home)


def make(server: ModelServer, work: Path, home: Path) -> None:
    write("tape.json", make_tape(server, work / "lesson.glmtape"), DATA)
    shutil.copy(work / "lesson.glmtape", DATA)
    maker = Maker(server)
    names = maker.sessions()
    maker.exports(DATA)
    maker.run("%glm alias quick zai/glm-4.5-air")
    maker.run("%glm alias 快 bigmodel/glm-4.5-flash")
    os.environ["JPY_SESSION_NAME"] = "/home/ada/cells.ipynb"
    maker.notebook_session()
    os.environ["JPY_SESSION_NAME"] = "/home/ada/killed.ipynb"
    maker.killed_session()
    write("sessions.json", {n: session_of(glm.Session(n)) for n in [*names, "killed"]}, DATA)
    os.environ["JPY_SESSION_NAME"] = "/home/ada/other.ipynb"
    make_notebook(server, work)
    shutil.copy(work / "notebook.glmtape", DATA)
    shutil.copy(work / "lesson.ipynb", DATA)
    with sqlite3.connect(home / "sessions.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (DATA / "home").mkdir(exist_ok=True)
    for file in home.iterdir():
        if file.suffix not in (".db-wal", ".db-shm"):
            print("kept", file.name)
    shutil.copy(home / "sessions.db", DATA / "home")
    shutil.copy(home / "aliases.json", DATA / "home")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
