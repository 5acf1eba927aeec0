"""A long reply in a real JupyterLab: long tasks of the page, lag, traffic, CPU of the kernel."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.figures import Figure
from tests.browser.conftest import CHROMIUM_OPTIONS
from tests.browser.lab import Lab
from tests.browser.scripts import SETUP
from tests.browser.server import LabServer
from tests.browser.test_magic import setup_cell
from tests.servers.model_server import ModelServer
from tests.servers.script import Script

TOKENS = 16_000
TOKENS_PER_S = 300
CHARS_PER_TOKEN = 4
FAST_TOKENS_PER_S = 3_000
"""For replies whose cost for each token is compared."""
LONG_TOKENS = 100_000
THROTTLED = 4
"""How many times slower than this machine's one page is made to be."""
FIRST_PAINTS = 5
MARK = "THE-LAST-WORD"

# A reply of many different blocks, so that no cache of formulas or code makes it cheap.
REPLY = f"""
def section(n):
    text = ANSWER.replace("rate", f"rate {{n}}") + chr(10)
    return text.replace("lambda", f"lambda_{{{{{{n}}}}}}")

def of_size(chars, make):
    parts, n = [], 0
    while sum(map(len, parts)) < chars:
        n += 1
        parts.append(make(n))
    return "".join(parts)[:chars]

def long_reply(chars):
    thoughts = of_size(chars // 3, lambda n: REASONING.replace("100", str(100 + n)) + chr(10))
    return thoughts, of_size(chars - len(thoughts), section) + chr(10) * 2 + "{MARK}"
"""
RUN = """
import time
reasoning, answer = long_reply({chars})
class Timed(ScriptedStream):
    ended_at = None
    @property
    def done(self):
        over = super().done
        if over and Timed.ended_at is None:
            Timed.ended_at = time.time()
        return over
class Noted(PanelView):
    longest_s = 0.0
    def paint(self, turn):
        painted_at = time.perf_counter()
        super().paint(turn)
        Noted.longest_s = max(Noted.longest_s, time.perf_counter() - painted_at)
    def _publish(self, data, metadata, update=False):
        Noted.page = data.get("text/html")
        super()._publish(data, metadata, update)
began, cpu = time.time(), time.process_time()
options = ViewOptions(language="en", position=("cell", 0))  # as the first reply of a notebook
play(Timed(turn_of(answer, reasoning), {chars_per_s}), Noted(options))
spent = (began, Timed.ended_at, time.process_time() - cpu, Noted.longest_s)
peers_began = []
"""
MARKDOWN = """
from IPython.display import Markdown, display
display(Markdown(reasoning + answer))
"""
PRINTED_FASTER = 4
"""How many times faster the text is printed than it streams, to save time. The page has no more to
do: the kernel sends what is printed five times a second."""
PRINTED = """
text = reasoning + answer
for at in range(0, len(text), {chars}):
    print(text[at : at + {chars}], end="")
    time.sleep({pause_s})
""".format(chars=PRINTED_FASTER * CHARS_PER_TOKEN, pause_s=1 / TOKENS_PER_S)
# The page's own script and JupyterLab's MathJax leave its formulas alone.
PAGE = """
from IPython.display import HTML
display(HTML(f'<div class="mathjax_ignore">{Noted.page}</div>'))
"""
NOTE_BEGIN = "peers_began.append(time.time())\n"
PRINT_TIMES = "print(*spent, *peers_began)"
AS_MARKDOWN = "the text as a Markdown output of JupyterLab's own"
AS_PRINTED = "the text as it is printed"
AS_OUTPUT = "the same page as an output of its own, without formulas"
PEERS = {AS_MARKDOWN: MARKDOWN, AS_OUTPUT: PAGE, AS_PRINTED: PRINTED}
WATCH = """([cell, mark]) => {
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell];
  const seen = (window.seen = { tasks: [], shown: null, whole: null });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      seen.tasks.push([performance.timeOrigin + entry.startTime, entry.duration]);
  }).observe({ type: 'longtask' });
  const look = () => {
    const tail = output.querySelector('.glm-buttons') && output.querySelector('.glm-a > .glm-tail');
    const end = tail || output.querySelector('.glm-a > :last-child');
    const there = end?.textContent.includes(mark);
    if (there && seen.shown === null) seen.shown = Date.now();
    if (there && !tail) seen.whole = Date.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
SEEN = """() => new Promise((done) =>
  requestIdleCallback(() => setTimeout(() => done(window.seen), 100)))"""

WATCH_FIRST = """(cell) => {
  const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell];
  window.first = null;
  const look = () => {
    if (output.querySelector('.glm-t')?.textContent.trim()) window.first = Date.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


@dataclass(frozen=True, slots=True)
class Painted:
    """What one reply cost."""

    tasks_ms: list[float]
    """Long tasks of the page while the reply streamed, milliseconds each."""
    last_tasks_ms: list[float]
    """The same after its last token, when the saved form takes the panel's place."""
    peers: dict[str, float]
    """The longest task for each output of JupyterLab's own beside it, milliseconds."""
    lag_s: float
    """From the last token to its being on screen."""
    replaced_s: float
    """From the last token to the saved form's being on screen."""
    received_bytes: int
    cpu_s: float
    """CPU time of the kernel."""
    paint_s: float
    """The longest pause of the kernel's painting, in which the page gets nothing."""


def paint(
    lab: Lab,
    tokens: int = TOKENS,
    tokens_per_s: float = TOKENS_PER_S,
    throttled: int = 1,
    peers: Mapping[str, str] | None = None,
) -> Painted:
    """Let a reply of that many tokens stream into a panel, and watch the page; then its peers."""
    rates = {"chars": tokens * CHARS_PER_TOKEN, "chars_per_s": tokens_per_s * CHARS_PER_TOKEN}
    cells = [NOTE_BEGIN + peer for peer in (peers or {}).values()]
    # The first reply of a page loads the panel's module and MathJax.
    lab.open([SETUP + REPLY + "show(rate=20_000)", RUN.format(**rates), PRINT_TIMES, *cells])
    received = _count_bytes(lab)
    lab.run(0)
    lab.wait_static(0)
    lab.page.wait_for_timeout(2000)
    before = sum(received)
    session = lab.page.context.new_cdp_session(lab.page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttled})
    lab.page.evaluate(WATCH, [1, MARK])
    lab.run(1, timeout_s=3 * tokens / tokens_per_s + 60)
    lab.page.wait_for_function("() => window.seen.whole", timeout=60_000)
    lab.page.wait_for_timeout(1500)
    traffic = sum(received) - before
    seen = _seen(lab)
    tasks = {name: _tasks_of(lab, cell) for cell, name in enumerate(peers or (), start=3)}
    lab.run(2)
    began, ended_at, cpu_s, paint_s, *peers_began = map(float, lab.text(2).split())
    longest = {
        name: max((ms for at, ms in tasks[name] if at >= began_at * 1000), default=0.0)
        for name, began_at in zip(tasks, peers_began, strict=True)
    }
    return _result(seen, longest, began, ended_at, traffic, cpu_s, paint_s)


def _tasks_of(lab: Lab, cell: int) -> list[tuple[float, float]]:
    """Run a cell, and return when each long task of the page began, and how long it was, in ms."""
    before = len(_seen(lab)["tasks"])
    lab.run(cell, timeout_s=120)
    lab.page.wait_for_timeout(3000)
    tasks = _seen(lab)["tasks"][before:]
    return [(float(at), float(ms)) for at, ms in tasks]


def _seen(lab: Lab) -> dict[str, Any]:
    """Return what the page has noted; of a long task it hears when it has nothing else to do."""
    return dict(lab.page.evaluate(SEEN))


def _count_bytes(lab: Lab) -> list[int]:
    """Return a list that grows by the size of each message the page gets."""
    sizes: list[int] = []
    session = lab.page.context.new_cdp_session(lab.page)
    session.send("Network.enable")
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: sizes.append(_size(event["response"])),
    )
    return sizes


def _size(frame: dict[str, Any]) -> int:
    data = str(frame["payloadData"])
    # Binary frames are told in base64.
    return len(data) * 3 // 4 if frame["opcode"] == 2 else len(data.encode())


def _result(
    seen: dict[str, Any],
    peers: dict[str, float],
    began: float,
    ended_at: float,
    traffic: int,
    cpu_s: float,
    paint_s: float,
) -> Painted:
    # Those before are JupyterLab's, which makes the cell active and begins to run it.
    during = [ms for at, ms in seen["tasks"] if began <= at / 1000 < ended_at]
    after = [ms for at, ms in seen["tasks"] if at / 1000 >= ended_at]
    return Painted(
        tasks_ms=during,
        last_tasks_ms=after,
        peers=peers,
        lag_s=seen["shown"] / 1000 - ended_at,
        replaced_s=seen["whole"] / 1000 - ended_at,
        received_bytes=traffic,
        cpu_s=cpu_s,
        paint_s=paint_s,
    )


@contextmanager
def opened() -> Iterator[Lab]:
    """Give a page on a JupyterLab and in a Chromium of its own."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = LabServer(Path(folder))
        server.start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS
        )
        try:
            lab = Lab(browser, server)
            yield lab
            lab.close()
        finally:
            browser.close()
            server.stop()


def first_paint_s(lab: Lab, model_server: ModelServer) -> float:
    """Return the time from a reply's first byte to its first word on the screen."""
    model_server.tell(Script(reasoning="Let me see. " * 20, answer="There.", pause_s=0.01))
    cell = "%%glm --no-history -p zai\nWhy?"
    started = "print(_glm.timing.started_at + _glm.timing.first_byte_s)"
    lab.open([setup_cell(model_server), cell, cell, started])
    for index in (0, 1):  # the first panel of a page loads the panel's module
        lab.run(index)
    lab.wait_static(1)
    painted = []
    for _ in range(FIRST_PAINTS):
        lab.page.evaluate(WATCH_FIRST, 2)
        lab.run(2, wait=False)
        lab.page.wait_for_function("() => window.first", timeout=30_000)
        lab.wait_static(2)
        lab.wait_idle()
        lab.run(3)
        lab.wait_idle()
        painted.append(lab.page.evaluate("() => window.first") / 1000 - float(lab.text(3)))
    return statistics.median(painted)


def run() -> Iterator[Figure]:
    """Measure one long reply, a very long one, and the first word of a short one."""
    for throttled in (1, THROTTLED):
        with opened() as lab:
            painted = paint(lab, throttled=throttled, peers=PEERS)
        yield from _long_reply(painted) if throttled == 1 else _throttled(painted)
    with opened() as lab:
        yield from _very_long_reply(
            paint(lab, TOKENS, FAST_TOKENS_PER_S), paint(lab, LONG_TOKENS, FAST_TOKENS_PER_S)
        )
    with opened() as lab, ModelServer() as model_server:
        first_s = first_paint_s(lab, model_server)
        yield Figure("Painting a first word", "first byte to the screen", first_s * 1e3, "ms")


def _long_reply(painted: Painted) -> Iterator[Figure]:
    group = f"Painting {TOKENS:,} tokens at {TOKENS_PER_S}/s in JupyterLab"
    yield from _tasks(group, painted, streaming_ms=60, saved_ms=100)
    yield Figure(group, "last token to the screen", painted.lag_s * 1e3, "ms", reach=100)
    yield Figure(group, "last token to the saved form", painted.replaced_s * 1e3, "ms", reach=500)
    yield Figure(group, "received by the page", painted.received_bytes / 1e6, "MB", reach=2)
    yield Figure(group, "CPU of the kernel", painted.cpu_s, "s", reach=5)
    yield Figure(group, "longest pause of its painting", painted.paint_s * 1e3, "ms", reach=100)


def _throttled(painted: Painted) -> Iterator[Figure]:
    group = f"Painting {TOKENS:,} tokens at {TOKENS_PER_S}/s, the page {THROTTLED} times slower"
    yield from _tasks(group, painted, streaming_ms=100, saved_ms=200)
    yield Figure(group, "last token to the screen", painted.lag_s * 1e3, "ms", reach=200)
    yield Figure(group, "last token to the saved form", painted.replaced_s * 1e3, "ms")


def _tasks(group: str, painted: Painted, streaming_ms: float, saved_ms: float) -> Iterator[Figure]:
    longest, last = (max(ms, default=0.0) for ms in (painted.tasks_ms, painted.last_tasks_ms))
    what = "longest task of the page while streaming"
    yield Figure(group, what, longest, "ms", reach=streaming_ms)
    yield Figure(group, what, longest, "ms", AS_PRINTED, painted.peers[AS_PRINTED], reach=1)
    yield Figure(group, "tasks above 50 ms while streaming", float(len(painted.tasks_ms)), "")
    what = "longest task when the saved form comes"
    yield Figure(group, what, last, "ms", reach=saved_ms)
    for name in (AS_MARKDOWN, AS_OUTPUT):
        yield Figure(group, what, last, "ms", name, painted.peers[name], reach=1)


def _very_long_reply(painted: Painted, longer: Painted) -> Iterator[Figure]:
    group = f"Painting {LONG_TOKENS:,} tokens at {FAST_TOKENS_PER_S:,}/s"
    beside = f"{TOKENS:,} tokens"
    for what, unit, per_token in (
        ("CPU of the kernel, each token", "µs", lambda it, n: it.cpu_s / n * 1e6),
        ("received by the page, each token", "bytes", lambda it, n: it.received_bytes / n),
    ):
        short, long = per_token(painted, TOKENS), per_token(longer, LONG_TOKENS)
        yield Figure(group, what, long, unit, beside, short, reach=1.2)
    longest = max(longer.tasks_ms, default=0.0)
    yield Figure(group, "longest task of the page while streaming", longest, "ms", reach=100)
    yield Figure(group, "last token to the screen", longer.lag_s * 1e3, "ms", reach=100)
