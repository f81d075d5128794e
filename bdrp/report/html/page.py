"""From its parts to one HTML file that asks the network for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bdrp import __version__
from bdrp.report import words
from bdrp.report.figures import svg


def render(**context: Any) -> str:
    """The page from its parts: kicker, title, subtitle, summary, tiles, sections, and what lies beside it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    filters: dict[str, Callable[..., Any]] = {
        "number": words.number,
        "percent": words.percent,
        "exact": words.exact,
        "svg": svg.render,
    }
    environment = Environment(
        loader=PackageLoader("bdrp.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    text = environment.get_template("report.html.j2").render(**context, version=__version__)
    return words.joined("\n".join(map(words.printable, text.split("\n"))))
