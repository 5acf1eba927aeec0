"""A ``%%glm`` cell as the front end shows it: text that wraps, in cells and consoles alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from glm_magic.engine.interpolate import interpolate

from .lab import Lab
from .server import LabServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LONG_TASK_MS = 50
"""What browsers call a long task."""
MODULES = "/lab/extensions/glm-magic/static"
LINE = '%%glm -p zai glm-4.6 --think low -s "be {tone}" --temperature=0.3 hello -x'
PROMPT = f"""{LINE}
2. Why is the **sky** blue, for {{child.name}}? {"A long line that wraps. " * 12}
---

```python
def f(x): return {{child}}
```

Give $E^{{child}}$ too, and {{child.age()}}."""


def marked(lab: Lab, index: int, name: str) -> list[str]:
    """Return the texts that carry a mark."""
    return lab.cell(index).locator(f".glm-magic-{name}").all_inner_texts()


def is_prompt(lab: Lab, index: int) -> bool:
    return lab.cell(index).locator(".cm-content.cm-lineWrapping").count() == 1


def wait_prompt(lab: Lab, index: int) -> None:
    lab.cell(index).locator(".cm-content.cm-lineWrapping").wait_for(state="attached")


def source(lab: Lab, index: int) -> str:
    expression = "i => jupyterapp.shell.currentWidget.content.widgets[i].model.sharedModel.source"
    return str(lab.page.evaluate(expression, index))


def color_of(lab: Lab, index: int, word: str) -> str:
    """Return the colour in which a word is shown."""
    script = """([index, word]) => {
        const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index];
        const content = cell.querySelector('.cm-content');
        const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode())
            if (new RegExp(`\\\\b${word}\\\\b`).test(node.data))
                return getComputedStyle(node.parentElement).color;
    }"""
    return str(lab.page.evaluate(script, [index, word]))


def focus(lab: Lab, index: int) -> None:
    """Put the cursor into a cell, behind its text."""
    lab.cell(index).locator(".cm-content").click()
    lab.page.keyboard.press("Control+End")


def test_a_prompt_is_marked_as_what_it_is(lab: Lab) -> None:
    lab.open(["x = 1  # why is it\nif x is 1: pass", PROMPT, f"#md {PROMPT}"])
    wait_prompt(lab, 1)
    assert marked(lab, 1, "magic") == ["%%glm"]
    assert marked(lab, 1, "option") == ["-p", "--think", "-s", "--temperature"]
    values = "".join(marked(lab, 1, "value"))
    assert values == 'zailow"be {tone}"0.3'
    assert marked(lab, 1, "name") == ["{tone}", "{child.name}", "{child.age()}"]
    assert marked(lab, 1, "unknown") == ["{child.age()}"], "nothing is called"
    plain = color_of(lab, 1, "blue")
    assert color_of(lab, 1, "is") == plain != color_of(lab, 0, "if")
    assert color_of(lab, 1, "def") == color_of(lab, 0, "if"), "a fence is in its language"
    weight = "el => getComputedStyle(el).fontWeight"
    bold = lab.cell(1).get_by_text("sky", exact=True).first
    assert int(bold.evaluate(weight)) >= 600
    assert int(lab.cell(1).locator(".cm-line").nth(1).evaluate(weight)) < 600, "no heading"
    assert not is_prompt(lab, 0)
    assert marked(lab, 2, "magic") == []
    assert not [line for line in lab.console if "glm-magic" in line]


def test_a_tables_columns_are_no_names_of_the_kernel(lab: Lab) -> None:
    prompts = [f"%%glm{option}\nSentiment of: {{text}}" for option in ("", " --map df -o out")]
    lab.open(["%load_ext glm_magic", *prompts])
    lab.run(0)
    lab.until(lambda: marked(lab, 1, "unknown") == ["{text}"])
    assert marked(lab, 2, "name") == ["{text}"]
    assert marked(lab, 2, "unknown") == []


def test_a_long_prompt_wraps_inside_the_cell(lab: Lab) -> None:
    lab.open([PROMPT])
    wait_prompt(lab, 0)
    scroller = lab.cell(0).locator(".cm-scroller")
    width, room = scroller.evaluate("el => [el.scrollWidth, el.clientWidth]")
    assert width <= room


def test_a_cell_follows_its_first_line_and_undo_knows_only_the_typing(lab: Lab) -> None:
    lab.open(["glm\nif this is true", "%%timeit\n%%glm\nif this is true"])
    assert not is_prompt(lab, 0)
    lab.cell(0).locator(".cm-content").click()
    lab.page.keyboard.press("Control+Home")
    lab.page.keyboard.type("%%")
    wait_prompt(lab, 0)
    assert color_of(lab, 0, "is") == color_of(lab, 0, "true")
    lab.page.keyboard.press("Control+z")
    lab.until(lambda: not is_prompt(lab, 0))
    assert color_of(lab, 0, "is") != color_of(lab, 0, "this")
    assert source(lab, 0) == "glm\nif this is true"
    assert not is_prompt(lab, 1)


def test_a_change_from_elsewhere_counts_like_ones_own(lab: Lab) -> None:
    lab.open(["1"])
    set_source = (
        "text => jupyterapp.shell.currentWidget.content.widgets[0]"
        ".model.sharedModel.setSource(text)"
    )
    lab.page.evaluate(set_source, "%%glm\nhello {name}")
    wait_prompt(lab, 0)
    lab.page.evaluate(set_source, "hello = 1")
    lab.until(lambda: not is_prompt(lab, 0))


def test_search_finds_and_replaces_in_a_prompt(lab: Lab) -> None:
    lab.open(["%%glm\nfirst needle and second needle"])
    wait_prompt(lab, 0)
    lab.page.keyboard.press("Control+f")
    lab.page.locator(
        ".jp-DocumentSearch-overlay textarea, .jp-DocumentSearch-overlay input"
    ).first.fill("needle")
    lab.until(lambda: lab.cell(0).locator(".cm-searching").count() == 2)
    assert is_prompt(lab, 0)


CONSOLE_PROMPT = ".jp-CodeConsole-promptCell .cm-content"


def type_in_console(lab: Lab, text: str) -> None:
    """Type at the console's prompt in place of what stands there."""
    lab.page.keyboard.press("Escape")
    lab.page.locator(CONSOLE_PROMPT).click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(text)


def test_a_prompt_in_a_console_is_text_too(lab: Lab) -> None:
    lab.open(["1"])
    lab.page.evaluate(
        "async () => { await jupyterapp.commands.execute('notebook:create-console') }"
    )
    type_in_console(lab, "%%glm why is it {blue}?")
    lab.page.locator(f"{CONSOLE_PROMPT}.cm-lineWrapping").wait_for()
    assert lab.page.locator(".jp-CodeConsole-promptCell .glm-magic-magic").inner_text() == "%%glm"


TEXTS = [
    "{x} {x.y} { x } {x['a']} {x[0]}",
    r"\frac{x}{x} x^{x} a_{x} \{x} \text{x}[1]{x} \\{x}",
    "{{x}} {{{x}}} {a {x} b} {x",
    "{x:.2f} {x!r} {x=} {x, x} {x + 1} {x\n} {x(1)} {nobody}",
    "<b>{x}</b> [{x}](u) é{x} {é}",
]  # fmt: skip


class Sample(dict[Any, Any]):
    """A value that has what the texts ask for."""

    y = 1

    def __missing__(self, key: object) -> str:
        return "there"


@pytest.mark.parametrize("text", TEXTS)
def test_marked_is_what_the_kernel_puts_in(lab: Lab, text: str) -> None:
    lab.open(["1"])
    script = f"""async text => {{
        const {{ valuesIn, isUnknown }} = await import('{MODULES}/values.js');
        const names = new Set(['x', 'é']);
        return [...valuesIn(text)].filter(value => !isUnknown(value, names))
            .map(({{from, to}}) => text.slice(from + 1, to - 1).trim());
    }}"""
    kernel = interpolate(text, {"x": Sample(), "é": 1}).inserted
    assert sorted(set(lab.page.evaluate(script, text))) == sorted(set(kernel))


def test_the_newest_version_of_a_shared_package_is_the_semantic_one(lab: Lab) -> None:
    lab.open(["1"])
    script = f"""async versions => {{
        const {{ chooseVersion }} = await import('{MODULES}/shared.js');
        return chooseVersion(versions);
    }}"""

    def choose(*versions: str, loaded: str = "") -> str:
        offered = {version: {"loaded": version == loaded} for version in versions}
        return str(lab.page.evaluate(script, offered))

    assert choose("6.9.2", "6.10.0", "6.2.0") == "6.10.0"
    assert choose("4.10.0-beta.2", "4.10.0-beta.11", "4.9.9") == "4.10.0-beta.11"
    assert choose("4.10.0-rc.1", "4.10.0", "4.10.0-rc.2") == "4.10.0"
    assert choose("4.10.0-1", "4.10.0-alpha", "4.10.0-alpha.1") == "4.10.0-alpha.1"
    assert choose("1.0.0+build.9", "1.0.1") == "1.0.1"
    assert choose("6.9.2", "6.10.0", loaded="6.9.2") == "6.9.2", "a second one would be a stranger"


def processor_of(lab: Lab) -> Callable[[], float]:
    """Return what tells how long the page has been busy, in milliseconds.

    It is the processor's time, not the clock's: others may use this computer.
    """
    devtools = lab.page.context.new_cdp_session(lab.page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_ms() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration") * 1000)

    return busy_ms


def test_typing_in_a_prompt_of_200_kb_is_no_long_task(lab: Lab) -> None:
    paragraph = "Some *words* about {name} and `code`, $x^2$.\n\n" * 4500
    lab.open([f"%%glm\n{paragraph}"])
    wait_prompt(lab, 0)
    focus(lab, 0)
    lab.page.wait_for_function("""() => {
        const { state } = jupyterapp.shell.currentWidget.content.activeCell.editor.editor;
        const parse = state.values.find(value => value?.context?.treeLen);
        return parse?.context.treeLen === state.doc.length;
    }""")
    busy_ms = processor_of(lab)
    typed, before = "and {name} more", busy_ms()
    for letter in typed:
        lab.page.keyboard.press(letter)
    assert marked(lab, 0, "name")[-1] == "{name}"
    assert (busy_ms() - before) / len(typed) < LONG_TASK_MS


@pytest.fixture
def page_without(
    tmp_path_factory: pytest.TempPathFactory, chromium: Any
) -> Iterator[Callable[[str], Lab]]:
    """Open a page on a JupyterLab where something is switched off."""
    with ExitStack() as stack:

        def open_page(name: str) -> Lab:
            server = LabServer(tmp_path_factory.mktemp("without"), without=[name])
            server.start()
            stack.callback(server.stop)
            page = Lab(chromium, server)
            stack.callback(page.close)
            return page

        yield open_page


def test_nothing_is_left_of_it_where_it_is_switched_off(
    page_without: Callable[[str], Lab],
) -> None:
    page = page_without("glm-magic")
    page.open([PROMPT])
    assert not is_prompt(page, 0)
    assert marked(page, 0, "magic") == []


def test_a_page_without_notebooks_has_prompts_in_its_consoles(
    page_without: Callable[[str], Lab],
) -> None:
    page = page_without("@jupyterlab/notebook-extension:tracker")
    page.open_console()
    type_in_console(page, "%%glm why is it {blue}?")
    page.page.locator(f"{CONSOLE_PROMPT}.cm-lineWrapping").wait_for()
    assert page.page.locator(".glm-magic-magic").inner_text() == "%%glm"
    assert not [line for line in page.console if "glm-magic" in line]


def set_part(lab: Lab, part: str, on: bool) -> None:
    """Set a switch as the settings editor does."""
    script = """([part, on]) => {
        const plugins = window.jupyterapp.pluginRegistry._plugins;
        const registry = plugins.get('@jupyterlab/apputils-extension:settings').service;
        return registry.set('glm-magic:plugin', part, on);
    }"""
    lab.page.evaluate(script, [part, on])


def test_the_switch_in_the_settings_holds_at_once(lab: Lab) -> None:
    lab.open([PROMPT])
    wait_prompt(lab, 0)
    set_part(lab, "prompts", False)
    lab.until(lambda: not is_prompt(lab, 0))
    assert marked(lab, 0, "magic") == []
    set_part(lab, "prompts", True)
    wait_prompt(lab, 0)
