from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp import report
from bdrp.evaluation import PosteriorCheck, Scores, posterior_check, score
from bdrp.predictive import Normal, PosteriorDraws

HOSTILE = """</title><script>alert('x')</script> & "$x^2$" <!-- -- > 'DejaVu Sans' \x00\x1b\u2028 日本"""


@dataclass(frozen=True)
class Case:
    """Predictions, what was observed, and their scores."""

    pred: Normal
    observed: pd.DataFrame
    scores: Scores
    before: Scores | None

    def write(self, out: Path, **more: Any) -> Path:
        """The report of this case, written into `out`."""
        given = {"split_summary": SPLIT, "model_card": CARD, "before": self.before, **more}
        return report.write(self.scores, self.pred, self.observed, out=out, **given)


@pytest.fixture(scope="session")
def checked() -> PosteriorCheck:
    """The check of a posterior on 60 rows, some of which it leans on."""
    rng = np.random.default_rng(0)
    noise, response = np.linspace(0.5, 2.0, 60), rng.normal(0, 1.5, 60)
    mean = 0.3 * response + rng.standard_normal((400, 60))
    density = -0.5 * ((response - mean) / noise) ** 2 - np.log(noise)
    drawn = PosteriorDraws(mean, mean + noise * rng.standard_normal(mean.shape), density)
    rows = pd.DataFrame({"cell_line_id": [f"L{i % 9}" for i in range(60)], "drug_id": "D", "response": response})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its own future when it is imported
        return posterior_check(drawn, rows, of_rows=5000)


SPLIT = {
    "by": "cell_line",
    "seed": 3,
    "fold": 0,
    "folds": 5,
    "description": "Fold 0 of 5 over 60 patients.",
    "parts": {part: {"pairs": 4321, "cell_lines": 51, "drugs": 17} for part in ("train", "calibration", "test")},
}
CARD = {
    "method": "last_layer",
    "options": {"rank": 32, "widths": [64, 32]},
    "seed": 3,
    "versions": {"bdrp": "0.1.0", "torch": "2.13.0"},
    "screen": "simulated",
    "checksums": {"responses.csv": "sha256:" + "0123456789abcdef" * 4},
    "recalibration": {"kind": "variance_scaling", "factor": 1.25},
}


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """A Normal that is `stretch` times as narrow as its errors, for lines x drugs pairs."""

    def make(
        lines=30, drugs=20, tissues=5, stretch=1.0, limits=True, pairs=None, names=None, recalibrated=True
    ) -> Case:
        rng = np.random.default_rng(0)
        n = pairs or lines * drugs
        line, drug = np.divmod(np.arange(n), drugs)
        keys = pd.DataFrame({"cell_line_id": [f"L{i}" for i in line], "drug_id": [f"D{i}" for i in drug]})
        effects = rng.normal(0, 2, drugs)[drug] + rng.normal(0, 0.5, line.max() + 1)[line]
        noise, doubt = rng.uniform(0.3, 1.5, drugs)[drug] * rng.uniform(0.6, 1.4, n), rng.uniform(0.05, 0.3, n)
        mean = effects + rng.normal(0, 0.4, n)
        pred = Normal(keys, "ln_ic50_um", mean, noise, doubt, unit="ln(µM)")
        response = mean + stretch * pred.std * rng.normal(size=n)
        observed = keys.assign(
            response=response,
            lower_limit=-5.0 if limits else np.nan,
            upper_limit=1.0 if limits else np.nan,
            tissue=[(names or "Tissue {}").replace("{}", str(i % tissues)) for i in line],
            drug_name=[(names or "Drug {}").replace("{}", str(i)) for i in drug],
            mean_effects=effects + 0.2 * rng.normal(size=n),
            structure_key=[f"K{max(i, 1)}" for i in drug],
        )
        earlier = score(pred.scaled(0.7), observed) if recalibrated else None
        return Case(pred, observed, score(pred, observed), earlier)

    return make


@pytest.fixture(scope="session")
def case(make_case: Callable[..., Case]) -> Case:
    """600 well calibrated pairs."""
    return make_case()


@pytest.fixture(scope="session")
def hostile_name() -> str:
    """A name that no page, figure or file may take for anything but text."""
    return HOSTILE
