from __future__ import annotations

import warnings

import numpy as np
import pytest

from bdrp.errors import DataError
from bdrp.evaluation import compare

GROUPS = ["x", "x", "y", "y"]


def test_figures_are_those_computed_by_hand():
    good, bad = [-1.0, -1.0, -2.0, -1.0], [-2.0, -1.0, -2.0, -4.0]
    table = compare({"bad": bad, "good": good}, GROUPS)
    assert table.index.tolist() == ["good", "bad"]
    assert table["elpd"].tolist() == [-5.0, -9.0]
    assert table["difference"].tolist() == [0.0, -4.0]
    # difference a pair: -1, 0, 0, -3 with mean -1; sums of deviations: x 1, y -1; sqrt(2 / 1 * 2) = 2
    assert table["difference_se"].tolist() == pytest.approx([0.0, 2.0])
    # the good one's own: mean -1.25; sums of deviations: x 0.5, y -0.5; sqrt(2 * 0.5) = 1
    assert table.loc["good", "se"] == pytest.approx(1.0)
    assert table.loc["good", "weight"] == pytest.approx(1.0, abs=1e-3)


def test_methods_that_are_right_about_different_pairs_share_the_weight():
    one, other = np.log([0.9, 0.9, 0.3, 0.3]), np.log([0.3, 0.3, 0.9, 0.9])
    assert compare({"one": one, "other": other}, GROUPS)["weight"].tolist() == pytest.approx([0.5, 0.5])
    rest = compare({"one": np.log([0.9, 0.9, 0.9, 0.1]), "other": np.log([0.1, 0.1, 0.1, 0.9])}, GROUPS)
    # maximise 3 log(0.1 + 0.8 w) + log(0.9 - 0.8 w): 3 (0.9 - 0.8 w) = 0.1 + 0.8 w, so w = 2.6 / 3.2
    assert rest.loc["one", "weight"] == pytest.approx(2.6 / 3.2, abs=1e-6)


def test_pairs_of_one_group_count_as_less_than_pairs_on_their_own():
    rng = np.random.default_rng(0)
    better = np.repeat(rng.normal(0.2, 1, 30), 20)
    scores = {"a": np.zeros(600), "b": better}
    alone, together = compare(scores, np.arange(600)), compare(scores, np.repeat(np.arange(30), 20))
    # groups of 20 equal pairs: the standard error grows by sqrt(20), up to the small-sample factors
    grown = together["difference_se"].max() / alone["difference_se"].max()
    assert grown == pytest.approx(np.sqrt(20), rel=0.03)


def test_weights_and_differences_agree_with_arviz():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

        rng = np.random.default_rng(3)
        response, theta = rng.standard_normal(200), 0.05 * rng.standard_normal((4, 250, 1))
        made = {
            name: arviz.from_dict(
                posterior={"theta": theta[..., 0]},
                log_likelihood={"y": -0.5 * ((response - shift - theta) / sd) ** 2 - np.log(sd)},
            )
            for name, shift, sd in (("near", 0.1, 1.0), ("wide", 0.0, 2.0), ("off", -0.8, 0.9))
        }
        theirs = arviz.compare(made, ic="loo", method="stacking")
        pointwise = {name: arviz.loo(data, pointwise=True).loo_i.to_numpy() for name, data in made.items()}
    ours = compare(pointwise, np.arange(200)).loc[theirs.index]
    assert ours["elpd"].to_numpy() == pytest.approx(theirs["elpd_loo"].to_numpy())
    assert -ours["difference"].to_numpy() == pytest.approx(theirs["elpd_diff"].to_numpy())
    # ArviZ divides by N where pairs on their own divide by N - 1
    assert ours["difference_se"].to_numpy() == pytest.approx(np.sqrt(200 / 199) * theirs["dse"].to_numpy())
    assert ours["weight"].to_numpy() == pytest.approx(theirs["weight"].to_numpy(), abs=0.01)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({}, "shapes none for 4 pairs"),
        ({"a": [0.0] * 3}, r"\(3,\)"),
        ({"a": [0.0] * 4, "b": [0.0, np.nan, 0.0, 0.0]}, "not finite: b"),
        ({"a": [[0.0] * 4]}, r"\(1, 4\)"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused(scores, said):
    with pytest.raises(DataError, match=f"Log scores .*{said}.* Allowed"):
        compare(scores, GROUPS)
