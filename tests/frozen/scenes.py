"""What makes the package speak: a name, the cells to run, and what the server answers meanwhile.

Each scene is one that a user can get into, with the magics or with public names alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.script import Call, Failure, Script, Tokens

AT_ONCE = {"retry-after": "0"}
STAYS = Script(answer="Fine.", tokens=Tokens(10, 2))


@dataclass(frozen=True)
class Scene:
    """Cells that are run in a fresh session; what the last one prints is kept."""

    cells: tuple[str, ...]
    scripts: tuple[Script, ...] = (STAYS,)
    unset: tuple[str, ...] = ()
    """Environment variables to be without."""


def of(*cells: str) -> Scene:
    return Scene(cells)


def scene(*scripts: Script, cell: str = "%%glm glm-4.6\nwhy?") -> Scene:
    return Scene((cell,), scripts)


def refused(status: int, code: str | int, message: str = "no", **headers: str) -> Scene:
    return scene(Script(refusal=Failure(status, code, message, headers or {})))


DEF = 'def weather(city: str) -> str:\n    """Tell the weather."""\n    return "rain"'
FAIL = 'def weather(city: str) -> str:\n    """Tell the weather."""\n    raise ValueError("no")'
ASKS = Script(answer="", calls=(Call("weather", '{"city": "Ulm"}'),), tokens=Tokens(10, 2))
BADLY = Script(answer="", calls=(Call("weather", '{"town": 3'),), tokens=Tokens(10, 2))
CITY = "from dataclasses import dataclass\n@dataclass\nclass City:\n    name: str\n    people: int"

LINES = {
    # ---- lines that cannot be read ----
    "empty prompt": of("%%glm\n  \n"),
    "model alone": of("%glm glm-4.6"),
    "no such option": of("%glm --modell glm-4.6 hi"),
    "option without value": of("%glm --model"),
    "option twice": of("%glm -m glm-4.6 -m glm-4.5 hi"),
    "temperature out of range": of("%%glm -t 9\nhi"),
    "temperature no number": of("%%glm -t warm\nhi"),
    "max tokens no number": of("%%glm --max-tokens ten\nhi"),
    "max tokens zero": of("%%glm --max-tokens 0\nhi"),
    "top p out of range": of("%%glm --top-p 3\nhi"),
    "think level": of("%%glm --think sideways\nhi"),
    "thinking cannot be off": of("%%glm glm-5.3 --no-think\nhi"),
    "show thinking": of("%%glm --show-thinking maybe\nhi"),
    "format": of("%%glm --format pdf\nhi"),
    "hold": of("%%glm --hold breath\nhi"),
    "param without value": of("%%glm --param x\nhi"),
    "out is no name": of("%%glm -o 1x\nhi"),
    "system file": of("%%glm -s @nothing.txt\nhi"),
    "open quote": of("%%glm -s 'open\nhi"),
    "budget": of("%%glm --budget lots\nhi"),
    "compare one": of("%%glm --compare think=on\nhi"),
    "compare axis": of("%%glm --compare colour=red,blue\nhi"),
    "compare too many": of("%%glm --compare temperature=0,0.1,0.2,0.3,0.4,0.5,0.6\nhi"),
    "record and replay": of("%%glm --record a --replay b\nhi"),
    "speed": of("%%glm --replay lesson.glmtape --speed 0\nhi"),
    "schema": of("%%glm --schema City\nhi"),
    "tool misspelt": of(DEF, "%%glm --tool wether\nhi"),
    "tool is no function": of("city = 'Ulm'", "%%glm --tool city\nhi"),
    "tool twice": of(DEF, "%%glm --tool weather --tool weather\nhi"),
    "no rounds": of(DEF, "%%glm --tool weather --max-rounds 0\nhi"),
    "mcp unknown": of("%%glm --mcp nothing\nhi"),
    "no such model": of("%glm -m glm-99 hi"),
    "no such provider": of("%glm -p zia hi"),
    "values put in": of("n = 3", "%%glm\nIs {n} odd, and {m}?"),
    "value cannot be put in": of(
        "class A:\n    def __str__(self): raise ValueError('x')\na = A()", "%%glm\n{a}"
    ),
    "dry run": of("%%glm glm-4.6 --dry-run -t 0.5 --think\nhi"),
    # ---- verbs ----
    "verb misspelt": of("%glm modles"),
    "verb needs more": of("%glm drop"),
    "status": of("%glm"),
    "status after a turn": of("%glm -q glm-4.6 hi", "%glm"),
    "no turn to drop": of("%glm drop 9"),
    "nothing to undo": of("%glm undo"),
    "nothing to retry": of("%glm retry"),
    "no such turn": of("%glm show 9"),
    "no such variant": of("%glm -q glm-4.6 hi", "%glm choose 1 9"),
    "show nothing": of("%glm show"),
    "show": of("%glm -q glm-4.6 hi", "%glm show"),
    "undo": of("%glm -q glm-4.6 hi", "%glm undo"),
    "drop": of("%glm -q glm-4.6 hi", "%glm drop 1"),
    "hide": of("%glm -q glm-4.6 hi", "%glm hide 1"),
    "unhide": of("%glm -q glm-4.6 hi", "%glm hide 1", "%glm hide 1"),
    "pin": of("%glm -q glm-4.6 hi", "%glm pin 1"),
    "choose": of("%glm -q glm-4.6 hi", "%glm retry", "%glm choose 1 1"),
    "reset": of("%glm -q glm-4.6 hi", "%glm reset"),
    "new": of("%glm -q glm-4.6 hi", "%glm new"),
    "new name": of("%glm new physics"),
    "fork": of("%glm -q glm-4.6 hi", "%glm fork other"),
    "fork of nothing": of("%glm fork other"),
    "context": of("%glm -q glm-4.6 hi", "%glm context"),
    "context of nothing": of("%glm context"),
    "resume nothing": of("%glm resume"),
    "save nothing": of("%glm save x.jsonl"),
    "save": of("%glm -q glm-4.6 hi", "%glm save x.jsonl"),
    "save as": of("%glm -q glm-4.6 hi", "%glm save ./x.pdf"),
    "load missing": of("%glm load nothing.jsonl"),
    "load broken": of("%glm load lesson.ipynb.json"),
    "forget unknown": of("%glm forget nobody"),
    "forget": of("%glm -q glm-4.6 hi", "%glm forget"),
    "forget all": of("%glm -q glm-4.6 hi", "%glm forget all"),
    "sessions": of("%glm sessions"),
    "use nothing": of("%glm use nothing"),
    "use model": of("%glm use glm-4.6"),
    "use provider": of("%glm use bigmodel"),
    "usage of nothing": of("%glm usage"),
    "usage": of("%glm -q glm-4.6 hi", "%glm usage"),
    "usage turns": of("%glm -q glm-4.6 hi", "%glm usage turns"),
    "prices": of("%glm -q glm-4.6 hi", "%glm usage prices"),
    "no budget": of("%glm budget"),
    "budget unreadable": of("%glm budget 1x"),
    "budget set": of("%glm budget $5"),
    "budget off": of("%glm budget $5", "%glm budget off"),
    "budget used up": of("%glm -q glm-4.6 hi", "%glm budget 5 tokens", "%glm glm-4.6 more"),
    "budget of another currency": of("%glm budget ¥5", "%glm glm-4.6 hi"),
    "budget day": of("%glm budget day 5k"),
    "quota in money": of("%glm budget quota ¥5"),
    "quota date": of("%glm budget quota 1M 2026-13-01"),
    "no wire": of("%glm wire"),
    "wire": of("%glm -q glm-4.6 hi", "%glm wire"),
    "nothing to fix": of("%glm fix"),
    "nothing to explain": of("%glm explain"),
    "no jobs": of("%glm jobs"),
    "no job to stop": of("%glm stop 3"),
    "nothing to stop": of("%glm stop"),
    "no servers": of("%glm mcp list"),
    "no server to remove": of("%glm mcp remove nothing"),
    "mcp where": of("%glm mcp add x --"),
    "no tape": of("%glm tape"),
    "tape missing": of("%glm tape check none.glmtape"),
    "tape is none": of("%glm tape check physics.json"),
    "tape check": of("%glm tape check notebook.glmtape"),
    "notebook check": of("%glm tape check notebook.glmtape lesson.ipynb"),
    "record": of("%glm record new.glmtape", "%glm record off"),
    "record off": of("%glm record off"),
    "replay": of("%glm replay lesson.glmtape max"),
    "replay missing": of("%glm replay none.glmtape"),
    "not on tape": of("%glm replay lesson.glmtape max", "%%glm -p zai -m glm-4.6\nWhy is it so?"),
    "no aliases": of("%glm alias"),
    "alias": of("%glm alias quick zai/glm-4.5-air"),
    "alias of nothing": of("%glm alias quick glm-99"),
    "no such alias": of("%glm dealias nothing"),
    "preserve": of("%glm preserve on"),
    "preserve refused": of("%glm use dashscope/glm-4.5", "%glm preserve on"),
    "config": of("%glm config"),
    "models": of("%glm models glm-4.5-x"),
    "models of nothing": of("%glm models nothing"),
}

REPLIES = {
    "reply": scene(Script(answer="Because.", reasoning="Hm.", tokens=Tokens(10, 20, 5, 2))),
    "cut at the limit": scene(Script(answer="Half", finish="length")),
    "sensitive": scene(Script(answer="Half", finish="sensitive")),
    "network error": scene(Script(answer="Half", finish="network_error")),
    "no finish reason": scene(Script(answer="Half", finish=None, done=False)),
    "no answer": scene(Script(answer="", reasoning="Hm.")),
    "nothing": scene(Script(answer="")),
    "no usage": scene(Script(answer="Fine.", tokens=None)),
    "another model": scene(Script(answer="Fine.", model="glm-9")),
    "breaks": scene(Script(answer="Half", failure=Failure(500, "500", "broken"))),
    "connection lost": scene(Script(answer="Half of it", cut_after=1)),
    "tool": Scene((DEF, "%%glm glm-4.6 --tool weather\nhi"), (ASKS, STAYS)),
    "tool fails": Scene((FAIL, "%%glm glm-4.6 --tool weather\nhi"), (ASKS, STAYS)),
    "tool called badly": Scene((DEF, "%%glm glm-4.6 --tool weather\nhi"), (BADLY, STAYS)),
    "tool unknown": Scene(
        (DEF, "%%glm glm-4.6 --tool weather\nhi"),
        (Script(answer="", calls=(Call("rain", "{}"),)), STAYS),
    ),
    "too many rounds": Scene((DEF, "%%glm glm-4.6 --tool weather --max-rounds 1\nhi"), (ASKS,)),
    "schema fits": Scene(
        (CITY, "%%glm glm-4.6 --schema City\nhi"), (Script(answer='{"name": "Ulm", "people": 3}'),)
    ),
    "schema asked again": Scene(
        (CITY, "%%glm glm-4.6 --schema City\nhi"),
        (Script(answer='{"name": "Ulm"}'), Script(answer='{"name": "Ulm", "people": 3}')),
    ),
    "schema does not fit": Scene(
        (CITY, "%%glm glm-4.6 --schema City\nhi"), (Script(answer="A city."),)
    ),
    "no code": scene(Script(answer="No code."), cell="%%glm glm-4.6 -f code\nwrite"),
    "code": scene(Script(answer="```python\nx = 1\n```"), cell="%%glm glm-4.6 -f code\nwrite"),
    "compare": scene(
        Script(answer="Fine.", reasoning="Hm.", tokens=Tokens(10, 2)),
        cell="%%glm glm-4.6 --compare temperature=0,1\nwhy?",
    ),
    "fix": Scene(("1 / 0", "%glm fix"), (Script(answer="```python\n1\n```"),)),
}

REFUSALS = {
    "key wrong": refused(401, "1000", "Authentication failed."),
    "permission": refused(403, "1220", "no permission"),
    "no money": refused(429, "1113", "insufficient balance"),
    "too many requests": scene(
        Script(refusal=Failure(429, "1302", "slow down", AT_ONCE)),
        Script(refusal=Failure(429, "1302", "slow down", AT_ONCE)),
        Script(refusal=Failure(429, "1302", "slow down", AT_ONCE)),
    ),
    "retried": scene(Script(refusal=Failure(429, "1302", "slow down", AT_ONCE)), STAYS),
    "server error": scene(Script(refusal=Failure(500, "500", "broken", AT_ONCE))),
    "no such model there": refused(400, "1211", "Unknown model"),
    "bad request": refused(400, "1210", "bad parameter"),
    "too long": refused(400, "1261", "Prompt exceeds max length"),
    "blocked": refused(400, "1301", "unsafe content"),
    "no key": Scene(("%%glm glm-4.6\nhi",), (), ("ZAI_API_KEY",)),
    "wrong address": of("import os\nos.environ['GLM_BASE_URL'] += '/nowhere'", "%glm glm-4.6 hi"),
    "address is none": of("import os\nos.environ['GLM_BASE_URL'] = 'nowhere'", "%glm glm-4.6 hi"),
}

FROM_PYTHON = {
    "python empty": of("glm.ask('')"),
    "python messages": of("glm.ask([{'role': 'king', 'content': 'hi'}])"),
    "python kind": of("glm.ask('hi', temperature='warm')"),
    "python thinking": of("glm.ask('hi', thinking=3)"),
    "python params": of("glm.ask('hi', params={'messages': []})"),
    "python tools": of("glm.ask('hi', tools=[3])"),
    "python schema": of("glm.ask('hi', schema=3)"),
    "python keyword": of("glm.ask('hi', modell='glm-4.6')"),
    "python compare": of("glm.compare('hi', 'think')"),
    "python lane": of("c = glm.compare('hi', 'temperature=0,1', model='glm-4.6')", "c.choose(3)"),
    "python replay": of("glm.replay('none.glmtape')"),
    "python miss": of("glm.replay('lesson.glmtape', miss='never')"),
    "python mcp": of("glm.add_mcp('two words', ['x'])"),
    "python remove": of("glm.remove_mcp('nothing')"),
    "python retry": of("glm.Session('none').retry()"),
    "python session": of("s = glm.Session('s', model='glm-4.6')\n_ = s.ask('hi')", "print(s)"),
    "python reply": of("glm.ask('hi', model='glm-4.6')"),
}

SCENES: dict[str, Scene] = {**LINES, **REPLIES, **REFUSALS, **FROM_PYTHON}
