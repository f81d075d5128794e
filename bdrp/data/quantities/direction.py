"""Whether two responses of one table agree which lines are sensitive."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.quantities.headers import recognise
from bdrp.data.quantities.quantity import QUANTITIES
from bdrp.data.quantities.shape import ENOUGH
from bdrp.errors import DataError

OPPOSITE: Final = -0.3
"""Rank correlation below which two columns have opposite directions; chosen: GDSC2's ln IC50 and AUC have 0.8."""


def check(raw: pd.DataFrame, column: str, response: npt.NDArray[Any], path: Path) -> None:
    """Refuse a response that runs against another column of the same table, such as an IC50 beside an AUC.

    Raises:
        DataError: which column, and how strongly.
    """
    from scipy import stats

    for other in map(str, raw.columns):
        named = recognise(other)
        if other == column or named is None or named.kind not in ("ic50", "area"):
            continue
        rises = {QUANTITIES[name].rises for name in named.quantities}
        values = pd.to_numeric(raw[other], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        both = np.isfinite(values) & np.isfinite(response)
        if len(rises) > 1 or both.sum() < ENOUGH or np.ptp(values[both]) == 0 or np.ptp(response[both]) == 0:
            continue
        rho = float(stats.spearmanr(values[both], response[both]).statistic) * (1 if rises.pop() else -1)
        if rho < OPPOSITE:
            raise DataError(
                f"{path.name}: {column} runs against {other} (rank correlation {rho:.2f} once both are turned so that "
                "low is sensitive). One of them has the wrong direction, such as AAC under the name AUC. State what "
                f"{column} is with --unit, or drop the wrong column."
            )
