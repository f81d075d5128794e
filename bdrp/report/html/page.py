"""From its parts to one HTML file that asks the network for nothing, and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

from bdrp import __version__
from bdrp.files import strict_json
from bdrp.report import words
from bdrp.report.figures import svg
from bdrp.report.terms import terms_of_section, terms_of_summary


def render(**context: Any) -> str:
    """The page from its parts: kicker, title, subtitle, summary, tiles, sections, and what lies beside it.

    A page with a table to browse holds the script that searches and sorts it, and its policy allows that one alone.
    """
    browsed = any(section.browsable for section in context["sections"])
    scripts, styles = (("browsable.js",), ("browsable.css",)) if browsed else ((), ())
    return render_template("report.html.j2", scripts=scripts, styles=styles, **context)


def render_template(template: str, *, scripts: Sequence[str], styles: Sequence[str], **context: Any) -> str:
    """A page from a template of its own, with the scripts and style sheets that it needs, by their files' names."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    filters: dict[str, Callable[..., Any]] = {
        "number": words.number,
        "percent": words.percent,
        "exact": words.exact,
        "place": lambda share: f"{100 * share:.2f}%",
        "svg_and_numbers": svg.render_with_numbers,
        "csp_hash": hash_script,
        "terms_of_section": terms_of_section,
        "terms_of_summary": terms_of_summary,
        "embed": lambda parts: embed([*map(_clean, parts)]),
    }
    environment = Environment(
        loader=PackageLoader("bdrp.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    context |= {"scripts": [*map(read_script, scripts)], "styles": [*styles], "version": __version__}
    return _clean(environment.get_template(template).render(**context))


def _clean(text: str) -> str:
    return words.joined("\n".join(map(words.printable, text.split("\n"))))


def read_script(name: str) -> str:
    """A script of the templates, as it stands on a page."""
    return resources.files("bdrp.report.html").joinpath("templates", name).read_text(encoding="utf-8").rstrip("\n")


def embed(data: Any) -> str:
    """Data for a page's script, as JSON in which no text ends the element that holds it."""
    text = strict_json.text(data, indent=None, ascii_only=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def hash_script(script: str) -> str:
    """The source expression of a Content-Security-Policy that allows this very script (CSP level 2)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
