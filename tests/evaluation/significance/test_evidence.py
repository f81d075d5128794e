"""What is said of a difference follows from the interval of all differences together, and from the folds."""

from __future__ import annotations

import pandas as pd
import pytest

from bdrp.evaluation.significance.evidence import combine_evidence

KEYS = {"split": "pair", "method": "a", "other": "b"}


def said(figure: str, family: tuple[float, float], shares: tuple[float, float, float] | None) -> str:
    """The words for one difference, whose own interval always leaves out 0."""
    low, high = family
    sign = 1.0 if low + high > 0 else -1.0
    ends = {"difference": sign, "lower": 0.9 * sign, "upper": 1.1 * sign, "family_lower": low, "family_upper": high}
    told = {} if shares is None else dict(zip(("p_better", "p_equal", "p_worse"), shares, strict=True))
    folds = pd.DataFrame([KEYS | {"figure": figure} | told] if told else [])
    return str(combine_evidence(pd.DataFrame([KEYS | {"figure": figure} | ends]), folds)["evidence"].iloc[0])


@pytest.mark.parametrize(
    ("family", "shares", "words"),
    [
        ((-1.2, -0.1), (0.95, 0.05, 0.0), "better on both"),
        ((0.1, 1.2), (0.0, 0.05, 0.95), "worse on both"),
        ((-1.2, -0.1), (0.94, 0.06, 0.0), "better on pairs alone"),
        ((0.1, 1.2), None, "worse on pairs alone"),
        ((-1.2, 0.1), (0.95, 0.05, 0.0), "better over folds alone"),
        ((-1.2, 0.1), (0.94, 0.06, 0.0), "not told apart"),
        ((-1.2, 0.1), (0.01, 0.95, 0.04), "equal"),
        ((-1.2, 0.1), (0.02, 0.94, 0.04), "not told apart"),
        ((-1.2, -0.1), (0.01, 0.98, 0.01), "better on pairs alone"),
        ((-1.2, -0.1), (0.0, 0.0, 1.0), "contradictory"),
    ],
)
def test_a_loss_that_falls_is_better_by_the_interval_of_all_differences_together(family, shares, words):
    assert said("rmse", family, shares) == words


def test_a_correlation_that_rises_is_better():
    assert said("pearson", (0.1, 1.2), (0.97, 0.03, 0.0)) == "better on both"
    assert said("pearson", (-1.2, -0.1), (0.97, 0.03, 0.0)) == "contradictory"


def test_folds_are_matched_to_their_own_figure_and_methods():
    ends = {"difference": -1.0, "lower": -1.1, "upper": -0.9, "family_lower": -1.2, "family_upper": -0.1}
    pairs = pd.DataFrame([KEYS | ends | {"figure": name} for name in ("rmse", "nll")])
    shares = {"rmse": (1.0, 0.0, 0.0), "nll": (0.0, 1.0, 0.0)}
    folds = [
        KEYS | {"figure": name} | dict(zip(("p_better", "p_equal", "p_worse"), shares[name], strict=True))
        for name in ("nll", "rmse")
    ]
    assert combine_evidence(pairs, pd.DataFrame(folds))["evidence"].tolist() == [
        "better on both",
        "better on pairs alone",
    ]
