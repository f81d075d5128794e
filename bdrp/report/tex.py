"""A table as LaTeX with the rules of booktabs; every name of a file or a method is escaped."""

from __future__ import annotations

from typing import Any, Final

from bdrp.report import words
from bdrp.report.html.table import Column, Table

_SPECIAL: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "`": r"\textasciigrave{}",
}  # fmt: skip
# Chosen: what bdrp itself writes beyond ASCII, in words that pdfLaTeX has without a package but textcomp's.
_SIGNS: Final = {
    "\u2212": "$-$", "\u202f": r"\,", "\u00a0": "~", "–": "--", "—": "---", "µ": r"\textmu{}", "μ": r"\textmu{}",
    "²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "×": r"$\times$", "·": r"$\cdot$", "…": r"\dots{}",
    "“": "``", "”": "''", "‘": "`", "’": "'", "α": r"$\alpha$", "β": r"$\beta$", "≤": r"$\leq$", "≥": r"$\geq$",
}  # fmt: skip


def escape(text: object) -> str:
    r"""Text as LaTeX prints it; what no file of text should hold becomes spaces, on one line.

    >>> escape("R&D_50%"), escape("−1.2 ln(µM)"), escape(r"\input{x}")
    ('R\\&D\\_50\\%', '$-$1.2 ln(\\textmu{}M)', '\\textbackslash{}input\\{x\\}')
    """
    line = " ".join(words.printable(text).replace("\u202f", "\0").split()).replace("\0", "\u202f")
    return "".join(_SPECIAL.get(char) or _SIGNS.get(char, char) for char in line)


def write_table(table: Table, label: str) -> str:
    """A floating table: its title and caption above, rules of booktabs, numbers to the right.

    Args:
        table: at least one column; a table without rows has a header alone.
        label: behind `tab:`, letters and hyphens.
    """
    words_only = [_is_words(table, i) for i in range(len(table.columns))]
    head = " & ".join(escape(column.label) for column in table.columns)
    rows = [
        " & ".join(_cell(value, column) for value, column in zip(row, table.columns, strict=True)) for row in table.rows
    ]
    caption = ". ".join(escape(text).rstrip(".") for text in (table.title, table.caption) if text)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{caption}.}}",
        rf"  \label{{tab:{label}}}",
        rf"  \begin{{tabular}}{{{''.join('l' if each else 'r' for each in words_only)}}}",
        r"    \toprule",
        rf"    {head} \\",
        r"    \midrule",
        *(rf"    {row} \\" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cell(value: Any, column: Column) -> str:
    """A value as the page writes it; braces keep a `[` at the start of a row from the line break before it."""
    if isinstance(value, str):
        return f"{{{escape(value)}}}" if value.lstrip().startswith(("[", "*")) else escape(value)
    return escape(words.percent(value) if column.kind == "share" else words.number(value, column.digits))


def _is_words(table: Table, place: int) -> bool:
    return place == 0 or any(isinstance(row[place], str) for row in table.rows)
