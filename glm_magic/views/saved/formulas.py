"""The MathML of a saved page, for hosts that typeset no TeX.

A page shows TeX, which JupyterLab, Notebook and nbconvert give to MathJax, and which a reader can
read where nothing does. Its formulas as MathML would make it half as long again, so they stand in
one attribute of the script that draws them, each once and compressed. A host that drops scripts
drops them too, and one that takes the page's elements apart finds no formula twice.
"""

from __future__ import annotations

import base64
import html
import json
import re
import zlib

from .assets import minified_script

_FORMULA = re.compile(
    r'(<(span|div)(?: id="[\w-]+")? class="glm-x(?: glm-d)?") data-mathml="([^"]*)">'
    r"([^<]*)(?=</\2>)"
)
"""A formula, as `markup.maths` writes it; no text on a page holds the ``<`` of a tag."""


def with_formulas(body: str) -> str:
    """Return the body of a page, and the script that draws the formulas in it.

    Each output has its own script, so that its formulas show whatever happens to the others.

    Parameters
    ----------
    body : str
        HTML whose formulas carry their MathML; one without formulas is returned as it is.
    """
    formulas: dict[str, str] = {}

    def moved(formula: re.Match[str]) -> str:
        start, _, source, tex = formula.groups()
        formulas[html.unescape(tex)] = html.unescape(source)
        return f"{start}>{tex}"

    body = _FORMULA.sub(moved, body)
    if not formulas:
        return body
    source = json.dumps(formulas, ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
    return f'{body}<script data-formulas="{packed}">{minified_script("formulas.js")}</script>'
