"""Turns whose every part is made of pieces that mean something to a Markdown parser, by a seed.

Each part alone may be harmless and their page not: a fence that is left open, a list that goes on,
a formula that begins in one part and ends in another.
"""

from __future__ import annotations

import random
from dataclasses import replace

from glm_magic.core.messages import ToolCall, ToolRun, WebLink
from glm_magic.core.turn import Notice, Turn
from glm_magic.views.options import ViewOptions
from glm_magic.views.saved.compare_page import compare_bundle
from glm_magic.views.saved.page import bundle
from tests.security.vectors import EVIL, TRIP, VECTORS
from tests.views.turns import turn_of

BAD = (
    f"<img src={EVIL}/c1.png onerror={TRIP}>", f"![b]({EVIL}/c2.png)", f"!\\[b\\]({EVIL}/c3.png)",
    f"[a](javascript:{TRIP})", f"<b onclick={TRIP}>", f"<script>{TRIP}</script>", "<!--", "-->",
    f"<a href='javascript:{TRIP}'>x</a>", "[r]", "![r]", f"[r]: {EVIL}/c4.png",
    f"[r]: javascript:{TRIP}", f"<iframe src={EVIL}/c5>", "</details>", f"<svg onload={TRIP}>",
    f"<details open ontoggle={TRIP}>", "[bank.com](https://evil.test)", "[bank.com]",
    "[bank.com]: https://evil.test", f'" onmouseover={TRIP} x="', f"<link rel=icon href={EVIL}/6>",
)  # fmt: skip
GLUE = (
    "\n", "\n", "\n", "\n\n", "\n\n", "\n\n", " ", "", "    ", "  ", "\t", "   ", "- ", "* ", "1. ",
    "> ", "+ ", "10) ", "```", "```", "````", "~~~", "~~~~", "```html", "```text", "``` a", "`",
    "`", "``", "``` `", "$", "$$", "\\(", "\\)", "\\\\(", "\\\\)", "\\[", "\\begin{align}",
    "\\end{align}", "{", "}", "*", "**", "_", "~~", "|", "\n|-|\n", "\n--|--\n", "\n:-\n", "\\",
    "\\`", "[", "]", "](", "](http://ok.example", "](https://ok.example/)", ")", "(", '"', "'",
    "https://ok.example/", "www.ok.example", "a@b.example", "<https://ok.example", "<", ">", "a",
    "x y", "# ", "---", "===", "\u2028", "\u00a0", "\v", "\f", "\x85", "\r", "@@0@@", "~T", "~D",
    "&lt;", "&#33;", "&amp;", "!", "\n- a\n", "\n  - b\n\n", "\n    c\n", "[^1]", "[^1]: ", "=",
)  # fmt: skip

REPORTED = (
    turn_of("So:\n\n```python\nx = 1", f"Like this:\n\n```html\n<img src={EVIL}/r1.png>\n```"),
    replace(
        turn_of(f"    <img src={EVIL}/r2.png>"),
        steps=(
            replace(
                turn_of(f"    <img src={EVIL}/r2.png>").steps[0],
                links=(WebLink("https://ok.example", "A page", "", "", ""),),
            ),
        ),
    ),
    replace(
        turn_of("Found."),
        steps=(
            replace(
                turn_of("Found.").steps[0],
                links=(WebLink("https://ok.example", f"![b]({EVIL}/r3.png)", "", "", ""),),
            ),
        ),
    ),
)
"""An open fence, an indented answer after a list, and a picture in the title of a web page."""

_IMG = f"<img src={EVIL}/p.png onerror={TRIP}>"
OF_ONE_PARSER = (
    f"```\n```~\n{_IMG}\n```",
    f"see https://ok.example`{_IMG}`",
    f"see www.ok.example`{_IMG}`",
    f"- $a\n  ```\n  ${_IMG}\n  ```",
    f"a \\\\(\n```html\n\\\\){_IMG}\n```",
    f'[a](https://ok.example/$" onmouseover={TRIP} $)',
    f'https://ok.example/$" onmouseover={TRIP} x="$',
    f"[!\\[b\\]({EVIL}/p.png)](https://ok.example)",
    f"~~a`~~{_IMG}`",
    f"h\n:-\n`{_IMG}|`",
    f"a | b\n--|--\n`x|{_IMG}` | c",
    '```mermaid\nflowchart TD\n A@{ img: "' + EVIL + '/m.png", h: 60 }\n```',
    f"1. a\n\n   ```html\n   {_IMG}\n   ```",
    f"- a\n\n      {_IMG}\n",
    f"`\\\\({_IMG}` \\\\)",
    f"    ```\n\n```html\n```x\n{_IMG}\n```",
    "&#36;&#92;href{javascript:" + TRIP + "}{x}&#36;",
    "$\\\\href{javascript:" + TRIP + "}{x}$",
    "$x \\\\\\href{javascript:" + TRIP + "}{x}$",
)
"""Texts that CommonMark shows as code or as text, and the parser of JupyterLab, GitHub or nbconvert
does not."""


class Compositions:
    """Pages made of random parts.

    Parameters
    ----------
    seed : int
        The same one gives the same pages.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, pieces: int = 0) -> str:
        """Return a text of some pieces."""
        count = pieces or self._random.randint(1, 16)
        return "".join(self._piece() for _ in range(count))

    def _piece(self) -> str:
        kind = self._random.random()
        if kind < 0.3:
            return self._random.choice(BAD)
        return self._random.choice(VECTORS if kind < 0.34 else GLUE)

    def _maybe(self, pieces: int, share: float = 0.3) -> str:
        return self.text(pieces) if self._random.random() < share else ""

    def turn(self) -> Turn:
        """Return a turn with reasoning, answer, and some of the other parts."""
        turn = turn_of(self.text(), self._maybe(12, 0.7))
        step = turn.steps[0]
        if self._maybe(1, 0.5):
            call = ToolCall("1", self.text(3), self.text(4))
            run = ToolRun("1", "failed", self.text(5))
            step = replace(step, tool_calls=(call,), runs=(run,))
        steps = (step,)
        if self._maybe(1):
            steps = (step, turn_of(self.text(), self.text()).steps[0])
        if self._maybe(1, 0.5):
            page = WebLink(
                f"https://ok.example/{self.text(2)}", self.text(4), self.text(2), self.text(2), ""
            )
            titled = WebLink("https://ok.example", self.text(3), "", "", "")
            steps = (*steps[:-1], replace(steps[-1], links=(page, titled)))
        notices = (Notice("x", self.text(5)),) if self._maybe(1) else ()
        turn = replace(turn, steps=steps, notices=notices)
        if self._maybe(1):
            turn = replace(turn, error=self.text(6), status="failed")
        if self._maybe(1):
            turn = replace(turn, model=self.text(3), provider=self.text(2))
        return turn

    def markdown(self) -> str:
        """Return the Markdown of a page, or of a comparison."""
        options = ViewOptions(
            language="en",
            inserted=(self.text(3),) if self._maybe(1) else (),
            remark=self._maybe(3),
            hold=self._random.choice([None, None, "answer", "thinking"]),
            format=self._random.choice([None, None, "text", "json"]),
        )
        if self._random.random() < 0.7:
            return str(bundle(self.turn(), options)[0]["text/markdown"])
        lanes = [self.text(2), self.text(2)]
        data, _ = compare_bundle(lanes, [self.turn(), self.turn()], options)
        return str(data["text/markdown"])
