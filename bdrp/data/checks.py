"""What a screen must be, checked once at the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, scale, schemas
from bdrp.data.identifiers import listed
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.data.screen import Screen

MOST_MISSING: Final = 0.5
"""Share of expression values that may be missing; chosen: GDSC misses 1.7 %, and imputing most is no measurement."""


def check_screen(screen: Screen) -> tuple[str, ...]:
    """Check every table of a screen and how they fit together; what is allowed but worth knowing is returned.

    Raises:
        DataError: a table does not say what a screen needs; the message names it.
    """
    schemas.check(screen.responses, schemas.Responses, "responses")
    schemas.check(screen.drugs, schemas.Drugs, "drugs")
    schemas.check(screen.cell_lines, schemas.CellLines, "cell_lines")
    check_expression(screen.expression)
    _check_keys(screen)
    _check_limits(screen.responses)
    scale.check(screen.responses["response"].to_numpy(), screen.measure)
    _check_structures(screen.drugs)
    return _worth_knowing(screen)


def check_expression(expression: pd.DataFrame) -> None:
    """Check an expression table (lines, genes) in float32; NaN means missing.

    Raises:
        DataError: a gene or line stands twice, a value is infinite, or too much is missing.
    """
    if expression.empty:
        raise DataError("expression is empty. At least one line and one gene are needed; give an expression table.")
    _check_labels(expression.index, "line")
    _check_labels(expression.columns, "gene")
    if expression.index.name != "cell_line_id":
        raise DataError(f"expression has the index {expression.index.name!r}. It must be 'cell_line_id'; rename it.")
    wrong = [str(gene) for gene, dtype in expression.dtypes.items() if dtype != np.float32]
    if wrong:
        raise DataError(
            f"expression has {len(wrong):,} genes that are not float32 ({listed(wrong)}). Convert the table."
        )
    _check_values(expression)


def _check_labels(labels: pd.Index, noun: str) -> None:
    wrong = [label for label in labels if not isinstance(label, str) or not label.strip()]
    if wrong:
        raise DataError(
            f"expression has {len(wrong):,} {noun}s without a name, or whose name is no text ({listed(wrong)}). "
            f"Every {noun} needs a name; drop or name them."
        )
    repeated = labels[labels.duplicated()].unique().tolist()
    if repeated:
        raise DataError(
            f"expression holds {len(repeated):,} duplicated {noun}s ({listed(repeated)}). Every {noun} may stand once; "
            "keep one of each, or average them."
        )


def _check_values(expression: pd.DataFrame) -> None:
    values = expression.to_numpy()
    rows, columns = np.nonzero(np.isinf(values))
    if len(rows):
        seen = listed(
            [f"{expression.index[row]}/{expression.columns[column]}" for row, column in zip(rows, columns, strict=True)]
        )
        raise DataError(
            f"expression has {len(rows):,} infinite values ({seen}). Numbers, or empty cells for missing values, are "
            "allowed; infinities often come from log2(0): add one before taking the logarithm."
        )
    missing = np.isnan(values)
    for axis, noun, labels in ((1, "lines", expression.index), (0, "genes", expression.columns)):
        empty = labels[missing.all(axis=axis)].tolist()
        if empty:
            raise DataError(f"expression has {len(empty):,} {noun} without any value ({listed(empty)}). Drop them.")
    if missing.mean() > MOST_MISSING:
        raise DataError(
            f"expression lacks {missing.mean():.0%} of its values. At most {MOST_MISSING:.0%} may be missing, because "
            "the "
            "rest would be invented; drop the sparsest genes and lines."
        )


def _check_keys(screen: Screen) -> None:
    responses = screen.responses
    if responses.empty:
        raise DataError("responses is empty. At least two different responses are needed; check ids and filters.")
    if not responses.index.equals(pd.RangeIndex(len(responses))):
        raise DataError("responses has its own index. Rows are counted from 0; call reset_index(drop=True) first.")
    for column, table, known in (
        ("drug_id", "drugs", screen.drugs.index),
        ("cell_line_id", "cell_lines", screen.cell_lines.index),
        ("cell_line_id", "expression", screen.expression.index),
    ):
        _check_known(responses[column], table, known)
    _check_known(screen.expression.index.to_series(), "cell_lines", screen.cell_lines.index)


def _check_known(ids: pd.Series, table: str, known: pd.Index) -> None:
    unknown = ids[~ids.isin(known)]
    if len(unknown):
        raise DataError(
            f"{len(unknown):,} rows have a {ids.name} that {table} does not know ({listed(unknown.unique())}). Every "
            "id must "
            f"have its row in {table}; add the rows, or drop these responses."
        )


def _check_limits(responses: pd.DataFrame) -> None:
    crossed = np.flatnonzero(responses["lower_limit"].to_numpy() >= responses["upper_limit"].to_numpy())
    if len(crossed):
        raise DataError(
            f"responses has {len(crossed):,} rows whose lower_limit is not below the upper_limit (rows "
            f"{listed(crossed)}). "
            "Limits are what the assay could observe, in the measure's own unit; check that they are not swapped."
        )


def _check_structures(drugs: pd.DataFrame) -> None:
    for drug_id, smiles, key in zip(drugs.index, drugs["smiles"], drugs["structure_key"], strict=True):
        try:
            expected = identifiers.structure_key(smiles)
        except DataError as error:
            raise DataError(f"drugs, drug_id {drug_id}: {error}") from error
        if key != expected:
            raise DataError(
                f"drugs, drug_id {drug_id}: structure_key is {key!r}, but its SMILES gives {expected!r}. "
                "Both must be one structure; take identifiers.structure_key(smiles)."
            )


def _worth_knowing(screen: Screen) -> tuple[str, ...]:
    notices = []
    for column, noun in (("drug_id", "drug"), ("cell_line_id", "cell line")):
        if screen.responses[column].nunique() == 1:
            notices.append(f"Only one {noun} has responses: nothing can be held out by {noun}.")
    shared = screen.drugs.groupby("structure_key").filter(lambda rows: len(rows) > 1)
    if len(shared):
        groups = shared.groupby("structure_key").groups.values()
        notices.append(
            f"{len(shared):,} drug ids share {len(groups):,} structures "
            f"({listed(['='.join(group) for group in groups], 5)}): they are split together."
        )
    missing = float(np.isnan(screen.expression.to_numpy()).mean())
    if missing:
        notices.append(f"{missing:.1%} of the expression values are missing.")
    return tuple(notices)
