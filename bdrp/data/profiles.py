"""Profiles of cell lines: what was measured of the lines themselves, one table a modality, by the modality's name.

Expression is the profile that every line of a screen has. Of any other a line may have none: the table then lacks its
row, and what that means is for the model to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.identifiers import listed
from bdrp.errors import DataError

EXPRESSION: Final = "expression"
"""The modality that every line has."""
TISSUE: Final = "tissue"
"""The modality that a screen's table of lines tells, and no table of its own."""
UNKNOWN_TISSUE: Final = "unknown"
"""What stands for a tissue that nobody told."""
MOST_MISSING: Final = 0.5
"""Share of a profile's values that may be missing; chosen: GDSC misses 1.7 %, and imputing most is no measurement."""

Profiles = Mapping[str, pd.DataFrame]
"""Tables (lines, features) by modality; index cell_line_id."""


def name_profiles(profiles: Profiles | pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Profiles by modality; a table alone is the expression.

    Raises:
        DataError: something else was given, or the expression is not among them.
    """
    given = {EXPRESSION: profiles} if isinstance(profiles, pd.DataFrame) else profiles
    if not isinstance(given, Mapping):
        raise DataError(
            f"profiles is a {type(given).__name__}. A pandas DataFrame of expression is needed, or a mapping from the "
            "name of a modality to its DataFrame; convert it first."
        )
    for name, table in given.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise DataError(f"A profile is named {name!r}. A name of letters, digits and _ is needed; rename it.")
        if not isinstance(table, pd.DataFrame):
            raise DataError(f"{name} is a {type(table).__name__}. A pandas DataFrame is needed; convert it first.")
    if EXPRESSION not in given:
        raise DataError(f"profiles hold {listed(given) or 'nothing'}. Every line needs expression; add its table.")
    return dict(given)


def of_tissues(tissues: pd.Series) -> pd.DataFrame:
    """The tissues of lines as a profile: one column a tissue, 1 where a line is of it, else 0.

    Args:
        tissues: index cell_line_id; "unknown", empty or NaN where nobody told.

    Returns:
        (lines whose tissue is known, tissues) float32, tissues by name; no row and no column where none is known.
    """
    told = tissues.astype("str").str.strip()[tissues.notna()]
    told = told[(told != "") & (told.str.casefold() != UNKNOWN_TISSUE)]
    table = pd.get_dummies(told, dtype=np.float32).sort_index(axis=1)
    return table.set_axis(table.columns.astype("str"), axis=1).rename_axis(index="cell_line_id", columns=None)


def column_noun(name: str) -> str:
    """What a column of a profile is called in messages."""
    return "gene" if name == EXPRESSION else "feature"


def check(table: pd.DataFrame, name: str = EXPRESSION) -> None:
    """Check one profile (lines, features) in float32; NaN means missing.

    Raises:
        DataError: a feature or line stands twice, a value is infinite, or too much is missing.
    """
    noun = column_noun(name)
    if table.empty:
        raise DataError(
            f"{name} is empty. At least one line and one {noun} are needed; give {_article(name)} {name} table."
        )
    _check_labels(table.index, name, "line")
    _check_labels(table.columns, name, noun)
    if table.index.name != "cell_line_id":
        raise DataError(f"{name} has the index {table.index.name!r}. It must be 'cell_line_id'; rename it.")
    wrong = [str(column) for column, dtype in table.dtypes.items() if dtype != np.float32]
    if wrong:
        raise DataError(f"{name} has {len(wrong):,} {noun}s that are not float32 ({listed(wrong)}). Convert the table.")
    _check_values(table, name)


def missing_share(table: pd.DataFrame) -> float:
    """The share of values that are missing, of the lines that the table has."""
    return float(np.isnan(table.to_numpy()).mean())


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"


def _check_labels(labels: pd.Index, name: str, noun: str) -> None:
    wrong = [label for label in labels if not isinstance(label, str) or not label.strip()]
    if wrong:
        raise DataError(
            f"{name} has {len(wrong):,} {noun}s without a name, or whose name is no text ({listed(wrong)}). "
            f"Every {noun} needs a name; drop or name them."
        )
    repeated = labels[labels.duplicated()].unique().tolist()
    if repeated:
        raise DataError(
            f"{name} holds {len(repeated):,} duplicated {noun}s ({listed(repeated)}). Every {noun} may stand once; "
            "keep one of each, or average them."
        )


def _check_values(table: pd.DataFrame, name: str) -> None:
    values = table.to_numpy()
    rows, columns = np.nonzero(np.isinf(values))
    if len(rows):
        seen = listed(
            [f"{table.index[row]}/{table.columns[column]}" for row, column in zip(rows, columns, strict=True)]
        )
        raise DataError(
            f"{name} has {len(rows):,} infinite values ({seen}). Numbers, or empty cells for missing values, are "
            "allowed; infinities often come from log2(0): add one before taking the logarithm."
        )
    missing = np.isnan(values)
    for axis, noun, labels in ((1, "line", table.index), (0, column_noun(name), table.columns)):
        empty = labels[missing.all(axis=axis)].tolist()
        if empty:
            raise DataError(f"{name} has {len(empty):,} {noun}s without any value ({listed(empty)}). Drop them.")
    if missing.mean() > MOST_MISSING:
        raise DataError(
            f"{name} lacks {missing.mean():.0%} of its values. At most {MOST_MISSING:.0%} may be missing, because the "
            f"rest would be invented; drop the sparsest {column_noun(name)}s and lines."
        )
