from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pd.DataFrame]:
    """Rows of two or more methods on lines x drugs: errors share a part with their line and a part with their drug.

    Every method's errors follow one law, `better` of the first apart, whose errors are that much smaller.
    """

    def make(lines=30, drugs=20, methods=2, seed=0, by_line=0.7, by_drug=0.7, better=0.0, folds=5):
        rng = np.random.default_rng(seed)
        line, drug = np.divmod(np.arange(lines * drugs), drugs)
        place = {"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug], "fold": line % folds}
        response = rng.normal(size=line.size)
        parts = []
        for k in range(methods):
            error = by_line * rng.normal(size=lines)[line] + by_drug * rng.normal(size=drugs)[drug]
            error = (error + rng.normal(size=line.size)) * (1 - better if k == 0 else 1)
            figures = {"bias": error, "squared_error": error**2, "mean_std": rng.uniform(0.5, 2, line.size)}
            part = pd.DataFrame({**place, **figures, "response": response, "mean": response + error})
            parts.append(part.assign(method="abcdefgh"[k]))
        return pd.concat(parts, ignore_index=True)

    return make


@pytest.fixture(scope="session")
def make_values() -> Callable[..., pd.DataFrame]:
    """A table as `tabulate` makes it from blocks x methods."""

    def make(matrix, figure="rmse", block="fold"):
        wide = pd.DataFrame(np.asarray(matrix), columns=list("abcdefgh")[: np.shape(matrix)[1]])
        wide.index.name = block
        return wide.reset_index().melt(id_vars=block, var_name="method").assign(figure=figure)

    return make


# Eight blocks of four methods, made up; scikit-posthocs 0.17.1 and baycomp 1.0.3 gave the goldens below.
EIGHT = (
    (1.31, 1.26, 1.38, 1.51),
    (1.28, 1.27, 1.35, 1.49),
    (1.33, 1.30, 1.31, 1.55),
    (1.25, 1.21, 1.33, 1.50),
    (1.30, 1.29, 1.36, 1.28),
    (1.27, 1.25, 1.24, 1.47),
    (1.34, 1.28, 1.40, 1.56),
    (1.29, 1.30, 1.37, 1.52),
)


@pytest.fixture(scope="session")
def eight(make_values) -> pd.DataFrame:
    """RMSE of four methods on eight folds."""
    return make_values(EIGHT)
