"""Files that 0.1.0.dev0 wrote go on working: sessions, exports, settings, catalogue, aliases."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import glm_magic as glm
from tests.frozen.snapshots import DATA, read, session_of, turn_of
from tests.servers.script import Call, Script, Tokens

SESSIONS = read("sessions.json", DATA)
PHYSICS = SESSIONS["physics"]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_goes_on_by_name_as_it_was(old_home, work, name):
    assert session_of(glm.Session(name)) == SESSIONS[name]


def test_the_notebooks_own_session_is_resumed(shell, old_home, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/cells.ipynb")
    monkeypatch.setenv("ZAI_API_KEY", "key.of-ada")
    assert "3" in shell.run("%glm resume")
    rows = [row for row in shell.rows("%glm show") if row and row[0] in "123"]
    assert [row[1:3] for row in rows] == [
        ["uno", "answer to uno"], ["two", "answer to two"], ["three", "answer to three"],
    ]  # fmt: skip
    assert "2/2" in rows[0], "the cell ran twice"
    sent = shell.run("%glm context")
    assert "answer to two" in sent
    assert "answer to three" not in sent, "its cell was deleted"


def test_a_session_goes_on_with_what_it_had_sent(old_home, at_zai):
    at_zai.tell(Script(answer="It goes on.", tokens=Tokens(400, 5)))
    glm.Session("physics", base_url=f"{at_zai.url}/api/paas/v4").ask("And now?")
    messages = at_zai.requests[-1].json["messages"]
    assert messages[0] == {"role": "system", "content": "Be exact."}
    assert messages[-1] == {"role": "user", "content": "And now?"}
    exchanged = [(m["role"], m["content"]) for m in messages[1:-1]]
    assert exchanged == [(role, content) for role, content, _ in PHYSICS["context"]]
    assert [call["id"] for m in messages for call in m.get("tool_calls", [])] == [
        "call_1", "call_2"]  # fmt: skip
    again = glm.Session("physics")
    assert [turn.answer for turn in again.turns] == [
        *(turn["answer"] for turn in PHYSICS["turns"]), "It goes on."]  # fmt: skip


def test_sums_are_the_same(shell, old_home):
    by_session = {row[0]: row[1:] for row in shell.rows("%glm usage all") if len(row) == 9}
    assert by_session["physics"] == [
        "zai", "glm-4.6", "12", "≈1,932", "≈56", "≈120", "≈44", "≈$0.0014"]  # fmt: skip
    assert by_session["中文"] == [
        "wcode", "glm-4.5", "2", "2,000", "n/a", "2,400", "1,600", "¥0.0590"]  # fmt: skip
    assert by_session["unpriced"][-1] == "n/a"
    assert by_session["(no history)"][2] == "5"
    assert len(by_session) == 13, "the sessions, and the two lines above them"
    by_day = [row for row in shell.rows("%glm usage day") if len(row) == 9][2:]
    assert {row[0] for row in by_day} == {"2026-11-28"}
    assert ["wcode", "glm-4.5", "2", "2,000", "n/a", "2,400", "1,600", "¥0.0590"] in [
        row[1:] for row in by_day
    ]
    assert len(by_day) == 7


def test_budgets_quota_and_calibration_hold(shell, old_home, at_zai):
    shell.run("%glm use physics")
    limits = [row[1] for row in shell.rows("%glm budget") if len(row) == 4]
    assert limits[1:] == [
        "─" * len(limits[1]), "$5", "¥100", "1,000,000 tokens", "1,000,000 tokens"]  # fmt: skip
    assert "998,000" in shell.run("%glm budget"), "of the free quota of glm-4.5"
    assert "≈385 tokens" in shell.run("%glm context"), "by the provider's own counts"
    shell.run("%glm use free")
    assert ["2,000 tokens", "198,000 tokens"] in [row[2:] for row in shell.rows("%glm budget")]
    shell.run("%glm use reasoned")
    request = shell.run("%glm --dry-run hi")
    assert '"reasoning_content": "Let me see.' in request, "it preserves reasoning"


def test_marks_and_variants_can_be_changed(shell, old_home):
    shell.run("%glm use physics")
    shell.run("%glm choose 4 3")
    shell.run("%glm hide 5")
    shell.run("%glm pin 6")
    rows = {row[0]: row for row in shell.rows("%glm show") if row}
    assert rows["4"][2] == "three"
    assert "3/3" in rows["4"]
    assert "hidden" not in rows["5"]
    assert "pinned" not in rows["6"]
    assert "one" in shell.run("%glm show 4 1")


@pytest.mark.parametrize("kind", ["jsonl", "json", "md"])
def test_what_is_saved_now_is_what_was_saved_then(shell, old_home, work, kind):
    shell.run("%glm use physics")
    shell.run(f"%glm save now.{kind}")
    now = Path(f"now.{kind}").read_text(encoding="utf-8")
    assert now == (DATA / f"physics.{kind}").read_text(encoding="utf-8")


def test_an_export_is_read_whole(shell, work):
    shell.run("%glm load physics.jsonl")
    shell.run("%glm save again.jsonl")
    turns = glm.Session("physics").turns
    assert [turn_of(turn) for turn in turns] == PHYSICS["turns"]
    lines = [json.loads(x) for x in Path("again.jsonl").read_text(encoding="utf-8").splitlines()]
    old = [json.loads(x) for x in Path("physics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [list(line) for line in lines] == [list(line) for line in old]
    assert [[v["turn"] for v in line.get("variants", ())] for line in lines] == [
        [v["turn"] for v in line.get("variants", ())] for line in old
    ]


def test_exported_messages_are_read(shell, work):
    shell.run("%glm load physics.json")
    shell.run("%glm save again.json")
    assert json.loads(Path("again.json").read_text(encoding="utf-8")) == json.loads(
        (DATA / "physics.json").read_text(encoding="utf-8")
    )


def test_a_users_catalogue_is_laid_over(shell, old_home):
    school = shell.run("%glm --dry-run -p school -m glm-4.6 hi")
    assert "POST https://llm.school.example/v1/chat/completions" in school
    assert "$SCHOOL_KEY" in school
    assert "POST http://gpu.lab:8000/v1" in shell.run("%glm --dry-run -p lab -m any hi")
    assert "POST http://gpu.example:9000/v1" in shell.run("%glm --dry-run -p vllm -m any hi")
    assert '"model": "glm-6"' in shell.run("%glm --dry-run -p zai six hi")
    models = shell.rows("%glm models glm-6")
    assert ["glm-6", "zai", "2,000,000"] in [row[:3] for row in models]
    shell.run("%glm use free")
    prices = shell.rows("%glm usage prices")
    rest = ["¥2.5", "¥1", "¥3", "2026-11-20", "the invoice of November"]
    assert rest in [row[3:] for row in prices]
    with pytest.raises(glm.GlmError, match="temperature"):
        glm.ask("hi", provider="school", model="glm-4.6", temperature=2, api_key="k")


def test_replies_of_a_users_provider_begin_inside_the_reasoning(old_home, model_server):
    model_server.tell(Script(answer="Four.", reasoning="Two and two.", tags="close"))
    address = f"{model_server.url}/v1"
    reply = glm.ask("2+2?", provider="lab", model="glm-4.6", base_url=address)
    assert (reply.reasoning.strip(), reply.answer.strip()) == ("Two and two.", "Four.")


def test_aliases_stay(shell, old_home):
    assert ["quick", "zai/glm-4.5-air"] in shell.rows("%glm alias")
    assert ["快", "bigmodel/glm-4.5-flash"] in shell.rows("%glm alias")
    assert '"model": "glm-4.5-air"' in shell.run("%glm --dry-run quick hi")
    shell.run("%glm alias slow zai/glm-4.7")
    shell.run("%glm dealias quick")
    stored = json.loads((old_home / "aliases.json").read_text(encoding="utf-8"))
    assert stored == {"slow": "zai/glm-4.7", "快": "bigmodel/glm-4.5-flash"}


CONFIGURED = {
    "provider": "zai", "model": "glm-4.6", "system": "Be brief.", "show_thinking": "closed",
    "format": "text", "language": "zh", "idle_timeout_s": "60.0", "session": "lesson",
}  # fmt: skip


def test_a_configuration_file_is_heeded(make_shell, work, old_home):
    shell = make_shell(work / "ipython_config.py")
    rows = {row[0]: row[1:] for row in shell.rows("%glm config") if len(row) == 3}
    for name, value in CONFIGURED.items():
        assert rows[name] == [value, "ipython_config.py"], name
    request = shell.run("%glm --dry-run hi")
    assert '"thinking": {\n    "type": "enabled"' in request
    assert '"content": "Be brief."' in request
    shell.run("%config GLM.language = 'en'")
    assert shell.rows("%glm config")[0] == ["setting", "value", "from"]


def test_the_settings_are_the_same(shell):
    listed = shell.run("%config GLM")
    names = dict(re.findall(r"^GLM\.(\w+)=<(\w+)>", listed, re.MULTILINE))
    assert names == {
        "provider": "Unicode", "model": "Unicode", "thinking": "Enum", "system": "Unicode",
        "show_thinking": "Enum", "format": "Enum", "language": "Enum", "idle_timeout_s": "Float",
        "full_traceback": "Bool", "store": "Bool", "session": "Unicode",
    }  # fmt: skip
    choices = re.findall(r"Choices: any of \[(.*?)\]", listed)
    assert choices == [
        "'markdown', 'text', 'json', 'code'", "'en', 'zh'", "'auto', 'open', 'closed', 'hide'",
        "True, False, 'on', 'off', 'auto', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'",
    ]  # fmt: skip


# ---- the database, written now -------------------------------------------------------------------


def form_of(path: Path) -> dict[str, Any]:
    """Return what a database is made of."""
    with sqlite3.connect(path) as database:
        made = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        statements = {f"{kind} {name}": " ".join(sql.split()) for kind, name, sql in made}
        tables = [name.split()[1] for name in statements if name.startswith("table ")]
        columns = {
            table: [list(row) for row in database.execute(f"PRAGMA table_info({table})")]
            for table in sorted(tables)
        }
        version = database.execute("PRAGMA user_version").fetchone()[0]
        mode = database.execute("PRAGMA journal_mode").fetchone()[0]
    database.close()
    uncommented = {n: re.sub(r"-- .*?(?=\w+ \w+ )", "", s) for n, s in sorted(statements.items())}
    return {
        "user_version": version, "journal_mode": mode, "statements": uncommented,
        "columns": columns,
    }  # fmt: skip


def rows_of(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as database:
        rows = database.execute(sql).fetchall()
    database.close()
    return rows


def keys_of(value: Any, into: set[str] | None = None, path: str = "") -> set[str]:
    """Return the path of every key in JSON data."""
    into = set() if into is None else into
    if isinstance(value, dict):
        for name, item in value.items():
            into.add(f"{path}.{name}")
            keys_of(item, into, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            keys_of(item, into, f"{path}[]")
    return into


@pytest.fixture
def new_file(isolated_home, at_zai):
    """Give a database that the present code made, with one turn that has everything."""
    calls = (Call("weather", '{"city": "Ulm"}', "call_1"),)
    at_zai.tell(
        Script(answer="I look.", reasoning="Hm.", calls=calls, tokens=Tokens(9, 9, reasoning=2)),
        Script(answer="Rain.", reasoning="So.", tokens=Tokens(9, 9, reasoning=2, cached=1)),
    )

    def weather(city: str) -> str:
        """Tell the weather."""
        return f"rain in {city}"

    session = glm.Session("new", model="glm-4.6", system="Be exact.", thinking=True)
    session.ask("Is it dry in Ulm?", tools=[weather])
    session.pin(session.slots[0])
    return isolated_home / "glm" / "sessions.db"


def test_a_database_has_the_form_that_it_had(new_file):
    frozen = read("schema.json")
    assert form_of(new_file) == frozen


def test_the_frozen_database_has_the_frozen_form(old_home):
    assert form_of(old_home / "sessions.db") == read("schema.json")


def test_an_old_database_keeps_its_form_when_it_is_used(old_home):
    session_of(glm.Session("physics"))
    glm.Session("physics").rename("optics")
    assert form_of(old_home / "sessions.db") == read("schema.json")
    assert len(glm.Session("optics").turns) == 10


ADDED = {".steps[].cost.output"}
"""Keys that were added since; an older version leaves out what it does not know."""


def test_an_older_version_knows_every_key_that_is_written(new_file, old_home_copy):
    for sql in ("SELECT turn FROM run", "SELECT options FROM session"):
        new = [json.loads(row[0]) for row in rows_of(new_file, sql)]
        old = [json.loads(row[0]) for row in rows_of(old_home_copy, sql)]
        known: set[str] = set().union(*map(keys_of, old))
        written: set[str] = set().union(*map(keys_of, new))
        assert written - known <= ADDED
        assert written


def test_values_are_written_as_they_were(new_file):
    (slot,) = rows_of(new_file, "SELECT key, place, hidden, pinned, gone FROM slot")
    assert slot == ("null", 0, 0, 1, 0)
    calls = rows_of(
        new_file,
        "SELECT step, session_name, provider, model, input, output, cached, reasoning, estimated,"
        " amount, currency FROM call ORDER BY step",
    )
    assert calls == [
        # 2: the amount is an estimate, since the stand-in's address is not Z.ai's own
        (0, "new", "zai", "glm-4.6", 9, 9, None, 2, 2, "0.0000252", "USD"),
        (1, "new", "zai", "glm-4.6", 9, 9, 1, 2, 2, "0.00002471", "USD"),
    ]
    ((status,),) = rows_of(new_file, "SELECT status FROM run")
    assert status == "complete"
    ((options,),) = rows_of(new_file, "SELECT options FROM session")
    assert json.loads(options) == {
        "model": "glm-4.6", "system": "Be exact.", "thinking": True}  # fmt: skip


@pytest.fixture
def old_home_copy() -> Path:
    """Give the frozen database, to be read only."""
    return DATA / "home" / "sessions.db"
