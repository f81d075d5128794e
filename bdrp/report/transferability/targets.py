"""The rows of a transfer's tables that belong to one target, and what a page calls their predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

if TYPE_CHECKING:
    from bdrp.studies.transfer import TransferResults

Target = Mapping[str, Any]
# As `bdrp.studies.transfer_scores` calls them in its tables, which the report does not load, and as the page does.
SOURCE_SCREEN: Final = "at home"
SOURCE_MEASUREMENT: Final = "the other laboratory"
NAMES: Final = {SOURCE_SCREEN: "source screen", SOURCE_MEASUREMENT: "source screen's measurement"}


def rows_of(table: pd.DataFrame, target: Target) -> pd.DataFrame:
    """The rows of a table about one target; an empty table may lack the column."""
    return table[table["target"] == target["target"]] if len(table) else table


def source_rows(found: TransferResults, target: Target) -> pd.DataFrame:
    """The scores on the source screen, of the model that the target's measure takes; may be empty."""
    return found.home[found.home["measure"] == target["measure"]] if len(found.home) else found.home
