# ruff: noqa: INP001 - a file of settings, no module
"""How Sphinx makes the site; ``make docs`` writes it to ``build/docs/html``.

The source folder is the whole repository, so that a link between pages, lessons and pictures is the
one that works on GitHub, too. Nothing is fetched while the site is built.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from glm_magic import __version__

_ROOT = Path(__file__).parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_REPOSITORY = _PROJECT["urls"]["Repository"]

project = "glm_magic"
author = "the glm_magic maintainers"
copyright = author  # noqa: A001 - the name that Sphinx reads
release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["docs/*.md", "notebooks/*.ipynb", "*.md"]
exclude_patterns = [".*", "build", "tests", "glm_magic", "README.md", "docs/README.md"]
root_doc = "docs/index"

# Lessons are shown as they were saved.
nb_execution_mode = "off"
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto"]
highlight_language = "none"

# A name in single backticks of a docstring is a link where it is a public one.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 80
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "glm_magic"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "start.html"}
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": _REPOSITORY,
    "source_branch": "main",
    "source_directory": "",
}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Point links to what is no page of the site to the repository."""
    app.connect("source-read", _link_to_repository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _link_to_repository(_: Sphinx, name: str, source: list[str]) -> None:
    folder = (_ROOT / name).parent

    def link(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve()
        if not target.is_dir() and target.name != "README.md":
            return match[0]
        kind = "tree" if target.is_dir() else "blob"
        return f"]({_REPOSITORY}/{kind}/main/{target.relative_to(_ROOT).as_posix()})"

    source[0] = re.sub(r"\]\((?!https?:|#)([^)#]+)\)", link, source[0])
