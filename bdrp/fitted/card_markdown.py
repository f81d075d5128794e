"""A model's card as Markdown, in which every name is text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bdrp.fitted.card import Card


def to_markdown(card: Card) -> str:
    """The card as CommonMark; names of files, lines and drugs are text, and no part of it."""
    blocks = [f"# {escape(card.title)}"]
    for section in card.sections:
        blocks.append(f"## {section.title}")
        if len(section.sentences) > 1:
            blocks.append("\n".join(f"- {escape(sentence)}" for sentence in section.sentences))
        else:
            blocks += map(escape, section.sentences)
        if section.facts:
            blocks.append(_rows(("what", "value"), section.facts))
        for table in section.tables:
            blocks += [f"**{table.title}**", _rows(table.columns, table.rows)]
    return "\n\n".join(blocks) + "\n"


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *(map(escape, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_MARKS: Final = set("\\`*{}[]<>#|~&$")


def escape(text: object) -> str:
    r"""Text on one line that Markdown takes for text.

    >>> escape("a|b <i>x</i> _y_ cell_line"), escape("[x](y)\n# z")
    ('a\\|b \\<i\\>x\\</i\\> \\_y\\_ cell_line', '\\[x\\](y) \\# z')
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    return "".join(
        f"\\{char}"
        if char in _MARKS or (char == "_" and not _within_word(line, i)) or _begins_address(line, i)
        else char
        for i, char in enumerate(line)
    )


def _begins_address(line: str, place: int) -> bool:
    return line.startswith("://", place)


def _within_word(line: str, place: int) -> bool:
    return line[place - 1 : place].isalnum() and line[place + 1 : place + 2].isalnum()
