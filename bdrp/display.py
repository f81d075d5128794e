"""How objects show themselves at a prompt and in a notebook: a few lines, whatever they hold.

Names in them come from users' files: in HTML they are text, and control characters are shown as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any, Final

LONGEST: Final = 100
"""Characters of a value; chosen: a line of a terminal."""
MOST: Final = 12
"""Lines of facts; chosen: a look, not a table."""
_CELL: Final = "text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top"


class Displayed:
    """Shows its facts in short lines: `__repr__` as text, `_repr_html_` as a small table.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, repr=False)
    ... class Plate(Displayed):
    ...     name: str
    ...     wells: tuple[int, ...]
    >>> Plate("<b>", tuple(range(384)))
    Plate
      name   <b>
      wells  tuple of 384: 0, 1, 2, …
    >>> "<b>" in Plate("<b>", ())._repr_html_()
    False
    """

    def _facts(self) -> Mapping[str, object]:
        """What is shown, by what it is called; the fields of a dataclass where nothing else is said."""
        if not is_dataclass(self):
            return {}
        return {field.name: getattr(self, field.name) for field in fields(self) if not field.name.startswith("_")}

    def _lines(self) -> list[tuple[str, str]]:
        facts = list(self._facts().items())
        shown = [(abbreviate(name), abbreviate(value)) for name, value in facts[:MOST]]
        return shown if len(facts) <= MOST else [*shown, ("…", f"{len(facts) - MOST} more")]

    def __repr__(self) -> str:
        """The class, then a line a fact."""
        lines = self._lines()
        width = max((len(name) for name, _ in lines), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:<{width}}  {value}" for name, value in lines)])

    def _repr_html_(self) -> str:
        """The same for a notebook; the first line of a representation of its own is the title."""
        title, *_ = repr(self).splitlines()
        rows = "".join(
            f'<tr><th scope="row" style="{_CELL}">{escape(name)}</th><td style="{_CELL}">{escape(value)}</td></tr>'
            for name, value in self._lines()
        )
        return f"<div><strong>{escape(printable(title))}</strong><table>{rows}</table></div>"


def abbreviate(value: Any) -> str:
    """A value in a line: tables by their size, collections by their first entries, text cut.

    >>> abbreviate({"train": 3, "test": 1}), abbreviate("x" * 200)[-3:], abbreviate(0.123456789)
    ('train 3, test 1', 'xx…', '0.1235')
    """
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return _cut(value)
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{kind} of {' x '.join(f'{size:,}' for size in shape) or 'one number'}"
    if isinstance(value, Mapping):
        return _cut(", ".join(f"{key} {_inner(entry)}" for key, entry in list(value.items())[:8]) or "none")
    if isinstance(value, list | tuple | set | frozenset):
        some = ", ".join(map(_inner, list(value)[:3]))
        return _cut(f"{kind} of {len(value):,}: {some}{', …' if len(value) > 3 else ''}" if value else "none")
    if isinstance(value, Displayed):
        return _cut(repr(value).splitlines()[0])
    return kind if is_dataclass(value) or repr(value).startswith("<") else _cut(repr(value).splitlines()[0])


def printable(text: str) -> str:
    """Text whose control characters are replaced, which could rewrite a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _inner(value: Any) -> str:
    plain = isinstance(value, str | int | float | None)
    return abbreviate(value) if plain or hasattr(value, "shape") else f"({type(value).__name__})"


def _cut(text: str) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
