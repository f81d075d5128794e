"""The site: `make docs` builds docs/ and the docstrings of the public API into site/, without a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from docutils import nodes

from bdrp import __version__

ROOT = Path(__file__).resolve().parent.parent

project = "bdrp"
author = copyright = "The bdrp authors"
version = release = __version__
root_doc = "index"
exclude_patterns = ["_build", "jupyter_execute"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

html_theme = "furo"
html_title = f"bdrp {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_copy_source = False

highlight_language = "text"  # an indented block is a formula or an output; a fence says what it is
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

# What a kernel inherits: figures in its output, and no word of widgets, which a site cannot show.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"

nb_execution_mode = os.environ.get("BDRP_NOTEBOOKS", "cache")  # "off" builds the pages alone
if nb_execution_mode == "off":  # the kernel would have said what language its cells are in
    suppress_warnings = ["myst-nb.lexer", "misc.highlighting_failure"]
nb_execution_cache_path = str(ROOT / "build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_output_stderr = "show"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"  # docstrings write `names` as Markdown does

linkcheck_ignore = [r"https?://.*"]  # what is outside is listed, never asked


def setup(app: Any) -> None:
    """Links of a page to a file of the repository that is no page become that file's name."""
    app.connect("missing-reference", _name_file_outside)


def _name_file_outside(app: Any, env: Any, node: nodes.Element, content: nodes.Element) -> nodes.Element | None:
    """The text of a link that leads out of docs/ to something that is there; None leaves the link broken."""
    target = str(node.get("reftarget", "")).partition("#")[0]
    page = Path(env.doc2path(node.get("refdoc", env.docname)))
    places = (page.parent / target, ROOT / target)
    return content if target and any(place.exists() for place in places) else None
