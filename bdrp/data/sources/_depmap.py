"""Lines of DepMap: expression and models as the portal hands them out, every release under its own file names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import pandas as pd

from bdrp.data import joining, reading
from bdrp.data.expression import read_expression
from bdrp.data.user_tables import lines as line_tables

ORIGIN: Final = "https://depmap.org/portal/data_page/?tab=allData"
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "expression": (
        "OmicsExpressionTPMLogp1HumanProteinCodingGenes*",
        "OmicsExpressionProteinCodingGenesTPMLogp1*",
        "CCLE_expression*",
    ),
    "models": ("Model.csv*", "sample_info*"),
}
"""log2(TPM + 1) of protein-coding genes from 25Q2 on, from 22Q4 to 24Q4 and before; and the table of models."""


def read_lines(
    paths: Mapping[str, Path], measured: Collection[str], notices: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The expression by ACH id, and what is known of its lines: name, tissue and patient_id.

    Of a model with several profiles (from 25Q2 on) its default entry is read.

    Raises:
        DataError: a table cannot be read, or joins with nothing.
    """
    expression = read_expression(paths["expression"], lines=measured, notices=notices)
    if "models" not in paths:
        return expression, pd.DataFrame(index=pd.Index([], dtype="str"))
    raw = reading.read_table(paths["models"], published=True)
    described = line_tables.read_lines(raw, dict.fromkeys(expression.index), paths["models"])
    return expression, described[[column for column in joining.LINE_COLUMNS if column in described]]
