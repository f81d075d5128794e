from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from bdrp.evaluation.significance import CriticalDifference
from bdrp.studies.comparison import ComparisonResults

RISK = ["split", "method", "kept", "rmse"]
SPLITS = ("pair", "cell_line")
CRPS = {"mean_effects": 0.9, "ridge": 0.5}
SCORES = {"rmse": 1.0, "nll": 1.5, "interval_score_90": 5.0, "aurc": 0.8, "width_90": 3.0}
LEVELS = {f"coverage_{level}": level / 100 for level in (50, 80, 90, 95)}
RANKING = ("kept_at_10", "kept_at_50", "within_drug_kept_at_10", "within_drug_kept_at_50", "within_drug_error_spearman")
SCREEN = {
    "name": "tiny",
    "measure": "ln_ic50_um",
    "unit": "ln(µM)",
    "checksums": {"responses.csv": "sha256:0123"},
    "tables": {"responses": "4567"},
    "folds": 2,
    "partition": "drawn",
}


@pytest.fixture
def found(hostile_name) -> ComparisonResults:
    """A comparison as a hand would write it: three methods, one with a hostile label, on two folds of two splits."""
    return make(hostile_name)


@pytest.fixture(scope="module")
def made(hostile_name) -> ComparisonResults:
    """The same on one split, once a module; not to be changed."""
    return make(hostile_name, ["cell_line"])


def make(hostile_name: str, splits: Sequence[str] = SPLITS) -> ComparisonResults:
    """Three methods, one with a hostile label, on two folds of some splits."""
    crps = {**CRPS, hostile_name: 0.7}
    each = [(split, method) for split in splits for method in crps]
    runs = pd.DataFrame([{"method": m, "split": s, "fold": fold} for s, m in each for fold in (0, 1)]).assign(
        seed=0, status="done", fit_seconds=2.0, predict_seconds=0.1, peak_memory_bytes=2**30, responses=173
    )
    intervals = [
        {"split": split, "method": method, "figure": name, "value": value}
        for split, method in each
        for name, value in {**SCORES, **LEVELS, "crps": crps[method]}.items()
    ]
    figures = [
        {"split": split, "method": method, "fold": 0, "seed": 0, "figure": name, "value": 0.4, "n": 173}
        for split, method in each
        for name in ("uncalibrated_coverage_90", *RANKING)
    ]
    pairs = [("mean_effects", "ridge", "worse on both"), (hostile_name, "ridge", "not told apart")]
    evidence = [
        {"split": split, "figure": figure, "method": method, "other": other, "evidence": known}
        for split in splits
        for figure in ("rmse", "crps")
        for method, other, known in pairs
    ]
    ranks = pd.DataFrame({"method": ["ridge", hostile_name, "mean_effects"], "mean_rank": [1.0, 2.0, 3.0]})
    return ComparisonResults(
        runs=runs.assign(recalibrator="identity", error="", address="a" * 64),
        metrics=pd.DataFrame(figures),
        intervals=pd.DataFrame(intervals).eval("lower = value - 0.05\nupper = value + 0.05"),
        evidence=pd.DataFrame(evidence).assign(difference=0.4, lower=0.1, upper=0.7, p_better=0, p_equal=0, p_worse=1),
        tests=pd.DataFrame([{"split": split, "method": method, "test": "elpd"} for split, method in each]).assign(
            elpd=-300.0, se=5.0, difference=0.0, difference_se=0.0, weight=0.5
        ),
        ranks=tuple(CriticalDifference("crps", split, ranks, pd.DataFrame(), 0.5, 12, 0.95) for split in splits),
        risk=pd.DataFrame([(s, m, kept, kept) for s, m in each for kept in (0.1, 1.0)], columns=RISK),
        notes=("Something <b>weak</b>.",),
        screen=SCREEN,
    )
