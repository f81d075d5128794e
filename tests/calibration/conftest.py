from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bdrp.predictive import Normal, StudentT


@pytest.fixture(scope="session")
def make_part() -> Callable[..., tuple[Normal, np.ndarray, list[str]]]:
    """Predictions of lines x drugs pairs, responses whose standardised residuals `residual` draws, and the lines."""

    def make(lines=60, drugs=30, seed=0, residual=lambda rng, n: rng.standard_normal(n)):
        rng = np.random.default_rng(seed)
        n = lines * drugs
        line, drug = np.divmod(np.arange(n), drugs)
        keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug]})
        pred = Normal(keys, "ln_ic50_um", rng.normal(0, 2, n), rng.uniform(0.2, 2, n), rng.uniform(0.05, 0.5, n))
        return pred, pred.mean + pred.std * residual(rng, n), keys["cell_line_id"].tolist()

    return make


@pytest.fixture(scope="session")
def make_heavy_part(make_part) -> Callable[..., tuple[StudentT, np.ndarray, list[str]]]:
    """As `make_part`, with Student-t noise that is `width` times as wide as promised."""

    def make(width=1.0, dof=3.0, seed=0, **size):
        base, _, lines = make_part(seed=seed, **size)
        pred = StudentT(base.keys, base.measure, base.mean, base.aleatoric, base.epistemic, dof, unit=base.unit)
        return pred, pred.scale(width).sample(1, seed=seed + 1)[0], lines

    return make


def overconfident(rng, n):
    """Residuals twice as large as promised."""
    return 2 * rng.standard_normal(n)


def skewed(rng, n):
    """Residuals with mean 0 and variance 1 that no normal fits."""
    return rng.gamma(1.0, 1.0, n) - 1.0


@pytest.fixture
def overconfident_part(make_part):
    return make_part(residual=overconfident)


@pytest.fixture
def skewed_part(make_part):
    return make_part(residual=skewed)


@pytest.fixture
def fresh_skewed_part(make_part):
    """More of the same kind as `skewed_part`, from another seed."""
    return make_part(lines=200, seed=1, residual=skewed)


@pytest.fixture(scope="session")
def make_drugs() -> Callable[..., tuple[Normal, np.ndarray, list[str]]]:
    """Predictions of unseen drugs on 16 lines, whose errors are mostly one a drug, and the drugs.

    SDs are `narrow` times the right ones.
    """

    def make(seed: int, drugs: int = 17, narrow: float = 1.0):
        rng = np.random.default_rng(seed)
        drug = np.repeat(np.arange(drugs), 16)
        error = 0.8**0.5 * rng.standard_normal(drugs)[drug] + 0.2**0.5 * rng.standard_normal(len(drug))
        keys = pd.DataFrame(
            {"cell_line_id": [f"L{i % 16}" for i in range(len(drug))], "drug_id": [f"D{i}" for i in drug]}
        )
        variance = np.full(len(drug), narrow**2)
        pred = Normal(keys, "ln_ic50_um", np.zeros(len(drug)), 0.2 * variance, 0.8 * variance)
        return pred, error, keys["drug_id"].tolist()

    return make
