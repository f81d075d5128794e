from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bdrp.evaluation.observed import Observed, check_observed
from bdrp.predictive import Normal


@pytest.fixture(scope="session")
def make_pairs() -> Callable[..., tuple[Normal, pd.DataFrame]]:
    """Predictions of lines x drugs pairs and responses drawn from them, `stretch` times as far off as promised."""

    def make(lines=60, drugs=40, seed=0, stretch=1.0):
        rng = np.random.default_rng(seed)
        n = lines * drugs
        line, drug = np.divmod(np.arange(n), drugs)
        keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug]})
        effects = rng.normal(0, 2, drugs)[drug] + rng.normal(0, 0.5, lines)[line]
        noise = rng.uniform(0.2, 1.5, drugs)[drug] * rng.uniform(0.5, 1.5, n)
        pred = Normal(
            keys, "ln_ic50_um", effects + rng.normal(0, 0.5, n), noise, rng.uniform(0.02, 0.3, n), unit="ln(µM)"
        )
        response = pred.mean + stretch * (pred.sample(1, seed + 1)[0] - pred.mean)
        known = {"lower_limit": -4.0, "upper_limit": 1.5, "mean_effects": effects}
        names = {"tissue": [f"T{i % 6}" for i in line], "drug_name": [f"drug {i}" for i in drug]}
        return pred, keys.assign(response=response, **known, **names)

    return make


@pytest.fixture(scope="session")
def make_seen() -> Callable[..., tuple[Normal, Observed]]:
    """Hand-written predictions and responses: means, SDs and responses by pair, all of one drug unless told."""

    def make(mean, std, response, drugs=None, lines=None, **columns):
        n = len(mean)
        drugs, lines = drugs or ["D"] * n, lines or [f"L{i}" for i in range(n)]
        keys = pd.DataFrame({"cell_line_id": lines, "drug_id": drugs})
        pred = Normal.from_std(keys, "m", mean, std, np.zeros(n))
        return pred, check_observed(pred, keys.assign(response=response, **columns))

    return make
