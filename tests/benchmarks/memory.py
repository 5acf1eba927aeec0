"""A kernel's memory: bare, loaded, after a prompt and after a thousand replies, beside peers.

Each client has a kernel of its own and asks the same local server in one conversation: it keeps
every reply, and sends the last of them that the model's context has room for. A record of the
server holds forty tokens, so that a thousand replies take half a minute. What is left of a reply
does not depend on it, except in the newest streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure
from tests.benchmarks.kernels import kernels, megabytes
from tests.benchmarks.server import served
from tests.servers.script import Script
from tests.streams.corpus import body_of

REPLIES = 1_000
WARM = 100
"""Replies after which all that a kernel has once is there."""
TOKENS = 4_000
"""Of a reply, half of them reasoning."""
WORDS = "scatters light, "
"""Four tokens."""
RECORDS = 100
CONTEXT = 32_000
FITTING = 12
"""Earlier replies that the context has room for: their answers, without the reasoning."""
TEXT_MB = TOKENS * len(WORDS) / 4 / 1e6
GROUP = f"Memory of a kernel, replies of {TOKENS:,} tokens"
MODEL = f"""
[[model.m.offer]]
providers = ["vllm"]
context = {CONTEXT}
"""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, as the cells of a notebook."""

    name: str
    load: str
    first: str
    further: str
    """Asks ``COUNT`` times."""


OURS = Client(
    "glm_magic",
    "%load_ext glm_magic",
    "%%glm\nWhy?",
    "for n in range(COUNT): get_ipython().run_cell_magic('glm', '', f'And why is that? {n}')",
)
OPENAI = Client(
    "openai client",
    "import openai",
    f"""
client = openai.OpenAI(base_url=URL, api_key="k")
messages, thoughts = [], []
def ask(prompt):
    messages.append({{"role": "user", "content": prompt}})
    stream = client.chat.completions.create(
        model="m", messages=messages[-{2 * FITTING + 1} :], stream=True
    )
    deltas = [choice.delta for chunk in stream for choice in chunk.choices]
    thoughts.append("".join(getattr(delta, "reasoning", None) or "" for delta in deltas))
    answer = "".join(delta.content or "" for delta in deltas)
    messages.append({{"role": "assistant", "content": answer}})
ask("Why?")
""",
    "for n in range(COUNT): ask(f'And why is that? {n}')",
)
CHATLAS = Client(
    "chatlas",
    "import chatlas",
    f"""
chat = chatlas.ChatOpenAICompletions(base_url=URL, model="m", api_key="k")
earlier = []
def ask(prompt):
    chat.chat(prompt, echo="none")
    turns = chat.get_turns()
    earlier.extend(turns[: -{2 * FITTING}])
    chat.set_turns(turns[-{2 * FITTING} :])
ask("Why?")
""",
    "for n in range(COUNT): ask(f'And why is that? {n}')",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The resident megabytes of a kernel, in their order."""

    bare: float
    loaded: float
    asked: float
    warm: float
    last: float


def run() -> Iterator[Figure]:
    """Let each client ask in a kernel of its own."""
    with TemporaryDirectory() as folder, served(Path(folder), {"vllm": _reply()}) as url:
        sizes = {client: _sizes(client, url, Path(folder)) for client in (OURS, OPENAI, CHATLAS)}
    ours, peers = sizes[OURS], (OPENAI, CHATLAS)
    yield Figure(GROUP, "after %load_ext", ours.loaded, "MB", "the kernel before it", ours.bare)
    for peer in peers:
        what = "after the first prompt"
        yield Figure(GROUP, what, ours.asked, "MB", peer.name, sizes[peer].asked)
    for peer in peers:
        what = f"after {REPLIES:,} replies"
        yield Figure(GROUP, what, ours.last, "MB", peer.name, sizes[peer].last)
    count = REPLIES - WARM
    for client, of_client in sizes.items():
        grown, of_text = of_client.last - of_client.warm, count * TEXT_MB
        what = f"memory that replies {WARM} to {REPLIES:,} add"
        name = "" if client is OURS else f", {client.name}"
        reach = 2 if client is OURS else None
        yield Figure(GROUP, what + name, grown, "MB", "their text", of_text, reach=reach)


def _reply() -> list[bytes]:
    """Return the records of one reply, half reasoning and half answer."""
    piece = WORDS * (TOKENS // RECORDS // 4)
    half = (piece,) * (RECORDS // 2)
    return body_of("vllm", "benchmark", Script(reasoning=half, answer=half, tokens=None)).records


def _sizes(client: Client, url: str, folder: Path) -> Sizes:
    """Let a client ask in a fresh kernel."""
    address, home = f"{url}/vllm", folder / client.name
    own = {"GLM_PROVIDER": "vllm", "GLM_MODEL": "m", "GLM_BASE_URL": address}
    cells = (
        f"URL = {address!r}",
        client.load,
        client.first,
        f"COUNT = {WARM - 1}\n{client.further}",
        f"COUNT = {REPLIES - WARM}\n{client.further}",
    )
    sizes: list[float] = []
    with kernels() as alone:
        pid = alone.start(home, own)
        (home / "model.toml").write_text(MODEL, encoding="utf-8")
        for cell in cells:
            alone.run(cell)
            sizes.append(megabytes(pid, "status", "VmRSS"))
    return Sizes(*sizes)
