"""A table as LaTeX with the rules of booktabs; every name of a file or a method is escaped."""

from __future__ import annotations

import math
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

LINE: Final = 345.0
"""Points of a line of LaTeX's article on its default paper; wider pages leave more room."""
CHARACTER: Final = 5.0
"""Points of a digit at 10 pt; letters of a text are narrower on average."""
SMALL_CHARACTER: Final = 4.25
"""Points of a digit in `\\footnotesize`."""
GAP: Final = 6
"""Points at either side of a column, as LaTeX has them."""
SMALL_GAP: Final = 3
"""Points at either side of a column in tables across the line."""
ROWS: Final = 40
"""Of a float, which no page break can part; chosen: they fill a page of an article."""
BROKEN_ROWS: Final = 12
"""The same where a row may have four lines."""


def escape(text: object) -> str:
    r"""Text as LaTeX prints it; what no file of text should hold becomes spaces, on one line.

    >>> escape("R&D_50%"), escape("−1.2 ln(µM)"), escape(r"\input{x}")
    ('R\\&D\\_50\\%', '$-$1.2 ln(\\textmu{}M)', '\\textbackslash{}input\\{x\\}')
    """
    line = " ".join(words.printable(text).replace("\u202f", "\0").split()).replace("\0", "\u202f")
    return "".join(_SPECIAL.get(char) or _SIGNS.get(char, char) for char in line)


def write_table(table: Table, label: str) -> str:
    """Floating tables: title and caption above, rules of booktabs, numbers to the right; one, or more where it is long.

    One that is wider than a line of an article is set smaller and across the line, its text broken into several lines.

    Args:
        table: at least one column; a table without rows has a header alone.
        label: behind `tab:`, letters and hyphens; the first float bears it.
    """
    rows = [
        " & ".join(_cell(value, column) for value, column in zip(row, table.columns, strict=True)) for row in table.rows
    ]
    caption = ". ".join(escape(text).rstrip(".") for text in (table.title, table.caption) if text)
    begin, end = _choose_environment(table)
    broken = len(begin) > 1
    floats = max(math.ceil(len(rows) / (BROKEN_ROWS if broken else ROWS)), 1)
    size = math.ceil(len(rows) / floats)
    apart = r"\addlinespace[2pt]" if broken else ""
    lines = []
    for at in range(floats):
        lines += [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{caption if at == 0 else escape(table.title) + ', continued'}.}}",
            *([rf"  \label{{tab:{label}}}"] if at == 0 else []),
            r"  \smallskip",
            *(f"  {line}" for line in begin),
            r"    \toprule",
            rf"    {' & '.join(escape(column.label) for column in table.columns)} \\",
            r"    \midrule",
            *(rf"    {row} \\{apart}" for row in rows[at * size : (at + 1) * size]),
            r"    \bottomrule",
            f"  {end}",
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _choose_environment(table: Table) -> tuple[list[str], str]:
    """How a table's body begins and ends: as wide as it is, or as wide as the line with columns that break."""
    sides = ["l" if _is_words(table, i) else "r" for i in range(len(table.columns))]
    texts = [[column.label, *(_text(row[at], column) for row in table.rows)] for at, column in enumerate(table.columns)]
    natural = [max(map(len, column)) for column in texts]
    if CHARACTER * sum(natural) + 2 * GAP * len(sides) <= LINE:
        return [rf"\begin{{tabular}}{{{''.join(sides)}}}"], r"\end{tabular}"
    least = [max(len(word) for text in column for word in text.split(" ") or [""]) for column in texts]
    # What is left of the line beside the longest words goes where the longest texts are.
    room = max(LINE / SMALL_CHARACTER - 2 * SMALL_GAP * len(sides) / SMALL_CHARACTER - sum(least), 0)
    lacking = [wide - narrow for wide, narrow in zip(natural, least, strict=True)]
    widths = [narrow + room * lack / max(sum(lacking), 1) for narrow, lack in zip(least, lacking, strict=True)]
    columns = "".join(
        _write_column(side, width * len(sides) / sum(widths)) for side, width in zip(sides, widths, strict=True)
    )
    begin = [r"\footnotesize", rf"\setlength{{\tabcolsep}}{{{SMALL_GAP}pt}}"]
    return [*begin, rf"\begin{{tabularx}}{{\linewidth}}{{{columns}}}"], r"\end{tabularx}"


def _write_column(side: str, share: float) -> str:
    """A column of broken text, `share` times as wide as the mean one."""
    ragged = r"\raggedright" if side == "l" else r"\raggedleft"
    return rf">{{\hsize={share:.3f}\hsize{ragged}\arraybackslash}}X"


def _text(value: Any, column: Column) -> str:
    """A value as a reader sees it."""
    if isinstance(value, str):
        return words.printable(value)
    return words.percent(value) if column.kind == "share" else words.number(value, column.digits)


def _cell(value: Any, column: Column) -> str:
    """A value as the page writes it; braces keep a `[` at the start of a row from the line break before it."""
    text = escape(_text(value, column))
    return f"{{{text}}}" if isinstance(value, str) and value.lstrip().startswith(("[", "*")) else text


def _is_words(table: Table, place: int) -> bool:
    return place == 0 or any(isinstance(row[place], str) for row in table.rows)
