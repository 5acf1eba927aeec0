"""Hostile text in a real browser: no script runs, nothing is loaded, nothing leaves its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mistune
import pytest
from markdown_it import MarkdownIt

from glm_magic.core.turn import Sample
from glm_magic.views.markup.markdown import markdown_html
from glm_magic.views.markup.sanitize import sanitize_markdown
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.assets import minified_script
from glm_magic.views.saved.page import bundle
from tests.security.compositions import BAD, OF_ONE_PARSER, REPORTED, Compositions
from tests.security.dom import MATHML_TAGS, OUR_OWN, OUR_SCRIPT
from tests.security.vectors import EVIL, MATHS, REMOTE, TAGS, VECTORS
from tests.servers.model_server import ModelServer
from tests.servers.raw_server import RawServer, reply
from tests.servers.script import Failure, Script
from tests.views.turns import turn_of

from .lab import Lab
from .scripts import SETUP

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SENTINEL = """
window.hits = [];
window.glmTripped = (what) => { window.hits.push(String(what)); };
for (const name of ["alert", "confirm", "prompt", "open", "print"]) window[name] = glmTripped;
null;
"""
ALLOWED = (
    "div p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong s del a span b i table"
    " thead tbody tr th td details summary style button mark"
)
OUR_SCRIPTS = [
    source.removeprefix("<script>").removesuffix("</script>")
    for source in (OUR_SCRIPT, minified_script("formulas.js"))
]
"""What plays and copies a page, and what draws its formulas."""
STRANGERS = """(roots) => {
  const allowed = new Set("ALLOWED".split(" "));
  const maths = new Set("MATHML".split(" "));
  const ours = new Set(SCRIPTS);
  const loading = ["src", "srcset", "action", "formaction", "data", "ping"];
  const strange = [];
  const look = (node) => {
    const name = node.localName;
    const isFormula = maths.has(name) && node.closest(".glm-x > math");
    const isScript = name === "script" && ours.has(node.textContent) && !node.src;
    if (!allowed.has(name) && !isFormula && !isScript) strange.push(name);
    for (const { name: key, value } of node.attributes) {
      if (key === "onclick" && value === COPY) continue;
      if (key.startsWith("on") || loading.includes(key)) strange.push(`${name} ${key}=${value}`);
      const leads = /^(https?:|mailto:|#g[0-9a-f]{5}-)/i.test(value);
      if (key === "href" && !leads) strange.push(`${name} ${value}`);
      if (key === "style" && /url|fixed|expression/.test(value)) strange.push(`${name} ${value}`);
    }
    if (getComputedStyle(node).position === "fixed") strange.push(`${name} is fixed`);
  };
  for (const root of document.querySelectorAll(roots))
    for (const node of root.querySelectorAll("*"))
      if (!node.closest("mjx-container, .MathJax, .glm-buttons, .glm-cp, .glm-gone")) look(node);
  return strange;
}"""
for name, value in {
    "ALLOWED": ALLOWED,
    "MATHML": " ".join(MATHML_TAGS),
    "SCRIPTS": json.dumps(OUR_SCRIPTS),
    "COPY": json.dumps(OUR_OWN),
}.items():
    STRANGERS = STRANGERS.replace(name, value)


STYLED = """() => [...document.querySelectorAll("mjx-container *")]
  .map((node) => node.getAttribute("style") || "").filter((style) => /url\\(|fixed/.test(style))"""


class Trap:
    """Listens where hostile texts would load from, and knows whether one of their scripts ran."""

    def __init__(self, server: RawServer) -> None:
        self.server = server
        server.answer(reply(b"gotcha", content_type="text/html"))

    def aimed(self, text: str) -> str:
        """Return a text that points here."""
        return text.replace(EVIL, self.server.url).replace(EVIL[7:], self.server.url[7:])

    def sprung(self, page: Any) -> list[str]:
        """Return every script that ran and every address that was loaded."""
        page.wait_for_timeout(700)
        frames = [frame.evaluate("() => window.hits || []") for frame in page.frames]
        return [
            *(hit for hits in frames for hit in hits),
            *(request.path for request in self.server.requests),
        ]


@pytest.fixture
def trap(raw_server: RawServer) -> Trap:
    return Trap(raw_server)


@pytest.fixture
def bare_page(chromium: Any) -> Iterator[Any]:
    """Give an empty page, as a site has it that shows a notebook without JupyterLab."""
    context = chromium.new_context()
    context.add_init_script(SENTINEL)
    page = context.new_page()
    with RawServer() as site:  # of a loopback origin, or the browser keeps it from loopback
        site.answer(reply(b"<!doctype html><title>A site</title>", content_type="text/html"))
        page.goto(site.url)
        yield page
        context.close()


def filled(page: Any, html: str, selector: str = "body") -> list[str]:
    """Put HTML into a page as the live panel does, and return what is not formatted text."""
    page.evaluate("(html) => { document.body.innerHTML = html }", html)
    for event in ("mouseover", "click", "focus", "wheel", "toggle", "animationstart"):
        page.evaluate(
            "(kind) => document.querySelectorAll('body *').forEach((node) => "
            "node.localName !== 'a' && node.dispatchEvent(new Event(kind, { bubbles: true })))",
            event,
        )
    return list(page.evaluate(STRANGERS, selector))


def test_the_trap_closes_where_text_is_not_made_safe(bare_page: Any, trap: Trap) -> None:
    """A test of the tests: were the texts put in as they are, the trap would know."""
    filled(bare_page, trap.aimed("\n".join((*TAGS[:30], *REMOTE))))
    sprung = trap.sprung(bare_page)
    assert "1" in sprung
    assert any(path.endswith(".png") for path in sprung)


def test_every_vector_as_html(bare_page: Any, trap: Trap) -> None:
    pages = "".join(f"<div>{markdown_html(trap.aimed(vector))}</div>" for vector in VECTORS)
    assert filled(bare_page, pages) == []
    assert trap.sprung(bare_page) == []


def test_every_vector_in_every_place_of_a_saved_page(bare_page: Any, trap: Trap) -> None:
    html = []
    for vector in map(trap.aimed, VECTORS[::3]):
        turn = turn_of(vector, vector, model=vector, provider=vector, error=vector, status="failed")
        options = ViewOptions(language="en", inserted=(vector,), remark=vector)
        html.append(bundle(turn, options)[0]["text/html"])
    pages = "".join(html)
    assert filled(bare_page, pages, ".glm") == []
    assert trap.sprung(bare_page) == []


def test_the_player_of_a_saved_page_only_hides_and_shows(bare_page: Any, trap: Trap) -> None:
    text = trap.aimed(ONE_TEXT)
    turn = turn_of(text, text)
    beats = (Sample(0.1, 10, 0), Sample(0.3, len(text), 10), Sample(0.5, len(text), len(text)))
    turn = replace(turn, steps=(replace(turn.steps[0], rhythm=beats),))
    bare_page.set_content(bundle(turn, ViewOptions(language="en"))[0]["text/html"])
    bare_page.locator(".glm-y > summary").click()
    bare_page.locator(".glm-pl button").first.click()
    bare_page.locator(".glm-se").fill(trap.aimed(TAGS[0]))
    bare_page.locator(".glm-se").press("Enter")
    bare_page.wait_for_timeout(1000)
    bare_page.locator(".glm-pl input").fill("200")
    assert bare_page.locator(".glm-pl").inner_text().startswith("▶")
    assert bare_page.evaluate(STRANGERS, ".glm") == ["input"] * 2, "the player's, and the search"
    assert bare_page.locator(".glm script").count() == len(OUR_SCRIPTS)
    assert trap.sprung(bare_page) == []


@pytest.mark.parametrize("renderer", ["markdown-it", "mistune"])
def test_every_vector_as_markdown_in_a_host_that_allows_all(
    bare_page: Any, trap: Trap, renderer: str
) -> None:
    render: Any = MarkdownIt("commonmark", {"html": True}).enable("table").render
    if renderer == "mistune":
        render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
    html = []
    for vector in map(trap.aimed, VECTORS):
        data, _ = bundle(turn_of(vector, vector), ViewOptions(language="en"))
        html.append(render(data["text/markdown"]))
    assert [item for item in filled(bare_page, "".join(html)) if item != "del"] == []
    assert trap.sprung(bare_page) == []


RENDERED = """async (texts) => {
  const { rendermime } = window.jupyterapp.shell.currentWidget.content;
  const allows = { sanitize: { value: (html) => html } };
  const liberal = rendermime.clone({ sanitizer: Object.create(rendermime.sanitizer, allows) });
  const trial = document.createElement("div");
  trial.className = "glm-trial";
  document.body.append(trial);
  for (const text of texts) {
    const renderer = liberal.createRenderer("text/markdown");
    const data = { "text/markdown": text };
    await renderer.renderModel(liberal.createModel({ data, trusted: true }));
    trial.append(renderer.node);
  }
  const strangers = (STRANGERS)(".glm-trial");
  trial.remove();
  return strangers;
}""".replace("STRANGERS", STRANGERS)
"""Renders Markdown as JupyterLab does, but for its sanitizer, as a host would that allows HTML."""
OF_JUPYTERLAB = ("del", "sub", "input", "a #")
"""What its own parser makes of plain text: struck text, boxes to tick, links to a heading."""


def rendered(lab: Lab, texts: list[str]) -> list[str]:
    """Return what JupyterLab's parser makes of texts beyond formatted text."""
    strangers = []
    for at in range(0, len(texts), 100):
        strangers += lab.page.evaluate(RENDERED, texts[at : at + 100])
    return [item for item in strangers if not item.startswith(OF_JUPYTERLAB)]


def test_the_parser_of_jupyterlab_would_obey_the_pieces(lab: Lab, trap: Trap) -> None:
    """A test of the tests."""
    open_lab(lab, ["1"])
    strangers = rendered(lab, [f"{trap.aimed(piece)}\n" for piece in BAD])
    assert {"img", "iframe", "svg", "script"} <= set(strangers)
    assert "/c2.png" in trap.sprung(lab.page)


def test_the_parser_of_jupyterlab_obeys_nothing_of_what_is_saved(lab: Lab, trap: Trap) -> None:
    pages = Compositions(7)
    texts = [trap.aimed(pages.markdown()) for _ in range(1500)]
    texts += [sanitize_markdown(trap.aimed(text)) for text in (*OF_ONE_PARSER, *VECTORS)]
    open_lab(lab, ["1"])
    assert rendered(lab, texts) == []
    assert trap.sprung(lab.page) == []


def test_outputs_that_are_only_markdown_load_nothing(lab: Lab, trap: Trap) -> None:
    pages = [bundle(turn, ViewOptions(language="en"))[0]["text/markdown"] for turn in REPORTED]
    pages += map(sanitize_markdown, OF_ONE_PARSER)
    show = "display({'text/markdown': %s}, raw=True)"
    cells = [show % in_python(trap.aimed(page)) for page in pages]
    open_lab(lab, cells)
    for cell in range(len(cells)):
        lab.run(cell)
    lab.page.wait_for_timeout(2500)  # the mathematics
    assert trap.sprung(lab.page) == []
    links = lab.page.locator(".jp-OutputArea a[href^=javascript]")
    assert links.count() == 0
    lab.reopen_untrusted()
    assert trap.sprung(lab.page) == []


def in_python(text: str) -> str:
    return json.dumps(text)  # every JSON string is one of Python


def open_lab(lab: Lab, cells: list[str]) -> None:
    lab.page.context.add_init_script(SENTINEL)
    lab.open(cells)
    lab.page.evaluate(SENTINEL)


def strangers(lab: Lab) -> list[str]:
    return list(lab.page.evaluate(STRANGERS, ".jp-OutputArea-output .glm, .jp-RenderedHTMLCommon"))


ONE_TEXT = "\n\n".join([*TAGS[::6], *(v for v in VECTORS if "`" not in v and "<!--" not in v)][::2])


def test_a_live_panel_a_saved_one_and_an_untrusted_one(lab: Lab, trap: Trap) -> None:
    text = in_python(trap.aimed(ONE_TEXT))
    fields = "model=HOSTILE[:200], provider=HOSTILE[:200], error=HOSTILE[:900], status='failed'"
    show = f"show(rate=60000, view={{}}, answer=HOSTILE, reasoning=HOSTILE, {fields})"
    cells = [SETUP + f"\nHOSTILE = {text}", show.format("Kept"), show.format("PanelView")]
    open_lab(lab, cells)
    for cell in (0, 1, 2):
        lab.run(cell)
    lab.wait_static(2)
    assert "onerror=" in lab.text(1), "the words themselves are shown"
    lab.page.wait_for_timeout(2500)  # the mathematics
    assert strangers(lab) == []
    lab.click_toggle(2)
    search = ["input"] * 2  # as a node of two of the roots
    lab.until(lambda: strangers(lab) == search)
    assert trap.sprung(lab.page) == []
    lab.reopen_untrusted()
    lab.cell(2).scroll_into_view_if_needed()
    lab.until(lambda: "onerror=" in lab.text(2))
    assert trap.sprung(lab.page) == []


def test_a_panel_of_plain_widgets(lab: Lab, trap: Trap) -> None:
    kept = (
        "from glm_magic.views.live.fallback import FallbackView\n"
        "class KeptWidgets(FallbackView):\n"
        "    def finish(self, turn):\n"
        "        self._page.value = self._html(turn)\n"
    )
    fields = "model=HOSTILE[:200], provider=HOSTILE[:200], error=HOSTILE[:900], status='failed'"
    show = f"show(rate=60000, view=KeptWidgets, answer=HOSTILE, reasoning=HOSTILE, {fields})"
    text = in_python(trap.aimed(ONE_TEXT))
    open_lab(lab, [SETUP + f"{kept}\nHOSTILE = {text}", show])
    for cell in (0, 1):
        lab.run(cell)
    lab.cell(1).locator(".jupyter-widgets .glm[data-s=failed]").wait_for(timeout=20_000)
    assert "onerror=" in lab.text(1)
    assert lab.page.evaluate(STRANGERS, ".jupyter-widgets .glm") == []
    assert trap.sprung(lab.page) == []


def test_mathematics_that_the_host_typesets(lab: Lab, trap: Trap) -> None:
    text = in_python(trap.aimed("\n\n".join((*MATHS, "$\\frac12 \\alpha \\sin x$"))))
    show = "show(rate=90000, view={}, answer=HOSTILE, reasoning='')"
    cells = [SETUP + f"\nHOSTILE = {text}", show.format("Kept"), show.format("PanelView")]
    open_lab(lab, cells)
    for cell in (0, 1, 2):
        lab.run(cell)
    lab.wait_static(2)
    lab.page.wait_for_timeout(4000)
    for cell in (1, 2):
        typeset = lab.panel(cell).locator("mjx-container")
        assert typeset.count() > 10
        links = typeset.locator("a[href]")
        assert [link.get_attribute("href") for link in links.all()] == []
        box, panel = typeset.last.bounding_box(), lab.panel(cell).bounding_box()
        assert box is not None
        assert panel is not None
        assert box["x"] >= panel["x"]
    assert lab.page.evaluate(STYLED) == []
    assert trap.sprung(lab.page) == []


def test_names_tables_errors_and_sheets_of_the_magic(
    lab: Lab, trap: Trap, model_server: ModelServer
) -> None:
    bad = trap.aimed(f"<img src={EVIL}/t.png onerror=glmTripped(1)>")
    attack = f"{bad}\x1b[31m<script>glmTripped(2)</script>"
    model_server.tell(
        Script(answer=bad, reasoning=bad, model=bad),
        Script(answer="half", failure=Failure(500, bad, attack)),
        Script(refusal=Failure(400, bad, attack)),
    )
    setup = (
        "import os\n"
        f"os.environ['GLM_BASE_URL'] = '{model_server.url}/v1'\n"
        "os.environ.update(GLM_PROVIDER='vllm', GLM_MODEL='zai-org/GLM-4.7-Flash')\n"
        f"BAD = {in_python(bad)}\n%load_ext glm_magic"
    )
    cells = [
        setup, f"%%glm -S '{bad.replace(' ', '/')}'\nwhy {{BAD}} {bad}",
        "%%glm\nwhy", "%%glm\nwhy", f"%glm models {bad.split()[0]}", "%glm show", "%glm wire",
        "%glm sessions", "%glm usage", "%glm context", "%glm show 1", "%glm config",
        f"%%glm --dry-run -m 'vllm/{bad}'\nwhy {bad}", f"%glm use {bad}", "%glm", "_glm",
    ]  # fmt: skip
    open_lab(lab, cells)
    everything = ""
    for cell in range(len(cells)):
        lab.run(cell)
        lab.wait_idle()
        everything += lab.text(cell)  # at once: JupyterLab takes cells out of sight from the page
    assert everything.count("onerror=glmTripped") > 8
    assert "Error: " in everything
    assert trap.sprung(lab.page) == []
    lab.reopen_untrusted()
    assert trap.sprung(lab.page) == []
