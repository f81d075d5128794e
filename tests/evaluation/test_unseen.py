from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bdrp.errors import DataError
from bdrp.evaluation.unseen import unseen_metrics


@pytest.fixture
def make_spread():
    """SDs of 20 pairs of each of 40 drugs, the last ten unseen and `shift` larger; drugs differ anyway."""

    def make(seed=0, shift=0.0):
        rng = np.random.default_rng(seed)
        drugs = np.repeat(np.arange(40), 20)
        unseen = drugs >= 30
        return rng.normal(size=40)[drugs] + rng.normal(size=800) + shift * unseen, unseen, drugs

    return make


def test_by_hand():
    # Of 2 x 2 comparisons the unseen win two, lose one and tie one.
    found = unseen_metrics([1.0, 3.0, 3.0, 2.0], [False, False, True, True], ["a", "b", "c", "d"], 0)
    assert found["auroc"] == pytest.approx(2.5 / 4)
    assert (found["unseen_pairs"], found["seen_pairs"], found["unseen_groups"], found["seen_groups"]) == (2, 2, 2, 2)


def test_it_agrees_with_scikit_learn(make_spread):
    spread, unseen, drugs = make_spread(shift=0.5)
    spread = spread.round(1)
    assert unseen_metrics(spread, unseen, drugs, 0)["auroc"] == pytest.approx(roc_auc_score(unseen, spread))


def test_the_null_knows_that_pairs_of_a_drug_are_unseen_together(make_spread):
    # 95 % of 100 sets: 10 or more outside happen once in 35. A band for independent pairs would be 0.45 to 0.55.
    outside, width = 0, 0.0
    for seed in range(100):
        found = unseen_metrics(*make_spread(seed), seed)
        outside += not found["auroc_null_lower"] <= found["auroc"] <= found["auroc_null_upper"]
        width += (found["auroc_null_upper"] - found["auroc_null_lower"]) / 100
    assert outside < 10
    assert width > 0.2


def test_larger_sds_for_unseen_drugs_are_found(make_spread):
    found = unseen_metrics(*make_spread(shift=2.0), 0)
    assert found["auroc"] > max(0.85, found["auroc_null_upper"])


def test_one_kind_of_pairs_gives_no_figure():
    found = unseen_metrics([1.0, 2.0], [True, True], ["a", "b"], 0)
    assert np.isnan([found["auroc"], found["auroc_null_lower"], found["auroc_null_upper"]]).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="do not line up"):
        unseen_metrics([1.0, 2.0], [True], ["a", "b"], 0)
    with pytest.raises(DataError, match="1 of 2 epistemic SDs are not finite"):
        unseen_metrics([1.0, np.nan], [True, False], ["a", "b"], 0)
    with pytest.raises(DataError, match="a: marked both as seen and as unseen"):
        unseen_metrics([1.0, 2.0, 3.0], [True, False, False], ["a", "a", "b"], 0)
