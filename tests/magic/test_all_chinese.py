"""Under ``language = "zh"`` everything that is printed is Chinese, or a name."""

from __future__ import annotations

import re

import pytest

from glm_magic.catalogue.load import catalogue
from glm_magic.magic.config import GLM
from glm_magic.magic.line.options import OPTIONS
from glm_magic.magic.verbs.registry import verbs
from tests.servers.script import Script, Tokens

CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]+")
NOT_WORDS = re.compile(
    r"%{1,2}glm\b[^，。；、）\n]*"  # how something is written
    r"|--?[\w-]+(?: [A-Z][A-Z|=,@a-z\[\]]*)?"  # an option
    r"|\S*[/.~_=:@{}\"'$\d]\S*"  # a path, an address, a file, a setting, a number with its unit
    r"|\b[A-Z][A-Z_]{2,}\b"  # a placeholder or a variable
)


def names() -> set[str]:
    """Return the words that are names in any language."""
    models = catalogue()
    texts = [
        *models.models, *models.providers, *(p.title for p in models.providers.values()),
        *(s.title for s in models.sources.values()), *(s.kind for s in models.sources.values()),
        *GLM.class_trait_names(), *verbs(), *(o.name for o in OPTIONS),
        *(name for p in models.providers.values() for name in p.parameters),
        # words of the trade that Chinese texts write in English
        "glm", "GLM", "API", "token", "tokens", "notebook", "JSON", "JSONL", "Markdown", "Python",
        "HTML", "TOML", "MCP", "URL", "HTTP", "UTF", "curl", "DataFrame", "pandas", "matplotlib",
        "markdown", "text", "json", "plain", "code", "latex", "html", "max", "min", "low", "medium",
        "high", "xhigh", "minimal", "off", "on", "auto", "all", "show", "hide", "user", "assistant",
        "system", "tool", "content", "true", "false", "True", "False", "None", "default", "stop",
        "ipython", "ipykernel", "jupyterlab", "anywidget", "httpx", "Model", "Studio", "Coding",
        "Plan", "Stop", "llama", "cpp", "VS", "Code", "kernel", "pydantic", "dataclass",
        "TypedDict", "top", "Third", "zh", "list", "remove", "add", "check", "open", "closed",
        "answer", "physics", "other", "quick", "PATH", "day", "quota", "use", "plot", "frame",
        "prices", "key", "folder", "Dask", "worker", "client", "scheduler",
        "Out", "In", "Err", "Jupyter", "JupyterLab", "IPython",
    ]  # fmt: skip
    return {word.lower() for text in texts for word in WORD.findall(text)}


NAMES = names()


def english(printed: str) -> list[str]:
    """Return the lines of a text that hold English words which are no names."""
    lines = []
    for line in printed.splitlines():
        words = [w for w in WORD.findall(NOT_WORDS.sub(" ", line)) if w.lower() not in NAMES]
        if words:
            lines.append(f"{line.strip()}  <- {words}")
    return lines


@pytest.fixture
def chinese_shell(glm_shell, model_server):
    """A shell whose session has turns, a variant, a job, and budgets."""
    model_server.tell(
        Script(
            answer="因为散射。",
            reasoning="想一想。",
            tokens=Tokens(100, 50, reasoning=20, cached=10),
        ),
        Script(answer="因为散射。", tokens=None),
        Script(answer="因为散射。"),
    )
    glm_shell.run("%config GLM.language = 'zh'")
    glm_shell.run("%glm -q glm-4.6 天空为什么是蓝色的？")
    glm_shell.run("%glm -q 为什么？")
    glm_shell.run("%glm -q --bg -o job 然后呢？")
    glm_shell["job"].result()
    glm_shell.run("%glm pin 1")
    glm_shell.run("%glm hide 2")
    return glm_shell


@pytest.mark.parametrize("line", [
    "", "sessions", "show", "usage", "usage turns", "usage day", "usage all", "usage prices",
    "budget", "budget $1", "budget day 200k", "budget quota 1M", "jobs", "config", "version",
    "models", "models glm-4.6", "models zai", "alias", "mcp", "wire", "wire 1", "context", "help",
    "help budget", "help --think", "show 1", "stop", "undo", "new physics", "fork other",
    "use glm-4.6", "drop 1", "retry", "choose 1 1", "preserve off", "reset", "alias quick glm-4.6",
    "record x.glmtape", "forget", "--dry-run 为什么？", "--compare think=on,off --dry-run 为什么？",
    "tape", "save talk.jsonl",
])  # fmt: skip
def test_what_a_verb_prints_is_chinese(chinese_shell, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chinese_shell.shell.run_cell("pass")
    printed = chinese_shell._run(f"%glm {line}").partition("body = {")[0]
    assert printed.strip(), "it says something"
    if line.startswith("wire") or "--dry-run" in line or line == "context":
        printed = "\n".join(part for part in printed.splitlines() if CHINESE.search(part))
    wrong = english(printed)
    assert not wrong, "\n".join(wrong)
    if line != "version":
        assert CHINESE.search(printed)


@pytest.mark.parametrize("name", sorted(verbs()))
def test_the_help_of_every_verb_and_every_misfit_is_chinese(chinese_shell, name):
    printed = chinese_shell.run(f"%glm help {name}")
    assert CHINESE.search(printed)
    printed = chinese_shell._run(f"%glm {name} … … …")
    if chinese_shell.error is not None:
        assert all(map(CHINESE.search, printed.strip().splitlines()[:2])), printed
    assert not english(re.sub(r"\b\w+Error\b", "", printed))


def test_a_comparison_and_its_remarks_are_chinese(chinese_shell):
    printed = chinese_shell.run("%%glm -m glm-4.6 --compare think=on,off\n为什么？")
    assert not english(printed)
    printed = chinese_shell.run("%%glm -m glm-4.6 --budget 1k\n为什么？")
    assert not english(printed)


def test_the_check_would_see_english():
    assert english("the session is empty")
    assert english("还没有 turns kept")
    assert not english("会话 default  glm-4.6  $0.0028  ~/x/y.db")
