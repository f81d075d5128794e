from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bdrp.predictive import Normal


@pytest.fixture(scope="session")
def make_normal() -> Callable[..., Normal]:
    """A normal prediction of n pairs with varied means and variances; arguments replace parts of it."""

    def make(n: int = 50, seed: int = 0, **parts: object) -> Normal:
        rng = np.random.default_rng(seed)
        keys = pd.DataFrame(
            {"cell_line_id": [f"L{i // 5}" for i in range(n)], "drug_id": [f"D{i % 5}" for i in range(n)]}
        )
        moments = {
            "mean": rng.normal(0, 2, n),
            "aleatoric": rng.uniform(0.1, 1, n),
            "epistemic": rng.uniform(0.01, 0.5, n),
        }
        return Normal(**{"keys": keys, "measure": "ln_ic50_um", "unit": "ln(µM)", **moments, **parts})

    return make
