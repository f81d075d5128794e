from __future__ import annotations

import numpy as np
import pytest

from bdrp import calibration
from bdrp.calibration import _choice
from bdrp.errors import BdrpWarning, DataError


def test_a_calibrated_model_is_left_alone(make_part):
    assert calibration.choose(*make_part()).kind == "identity"


def test_overconfidence_is_scaled_away(overconfident_part):
    chosen = calibration.choose(*overconfident_part)
    assert chosen.kind == "variance_scaling"
    assert chosen.pairs == 1800
    assert chosen.groups == 60


def test_skewness_needs_a_curve(skewed_part):
    assert calibration.choose(*skewed_part).kind == "isotonic"


def test_a_slightly_wrong_width_is_not_tied_away(make_part):
    # 12 % too narrow costs about 0.4 % of CRPS, within one standard error, but 5 points of coverage.
    pred, response, lines = make_part(lines=200, residual=lambda rng, n: 1.12 * rng.standard_normal(n))
    assert calibration.choose(pred, response, lines).kind != "identity"


def test_the_same_seed_chooses_the_same(skewed_part):
    assert calibration.choose(*skewed_part, seed=3) == calibration.choose(*skewed_part, seed=3)


def test_a_small_part_is_used_with_a_warning_that_says_what_is_enough(make_part):
    part = make_part(lines=4, drugs=10)
    with pytest.warns(BdrpWarning, match=r"90% intervals: 40 pairs from 4 groups; .* Enough: 225 pairs from 10 groups"):
        calibration.choose(*part)


@pytest.mark.parametrize(("lines", "drugs"), [(1, 30), (3, 3)])
def test_a_part_that_cannot_be_checked_changes_nothing(make_part, lines, drugs):
    part = make_part(lines=lines, drugs=drugs, residual=lambda rng, n: 5 * rng.standard_normal(n))
    with pytest.warns(BdrpWarning, match="no recalibration is fitted"):
        assert calibration.choose(*part).kind == "identity"


def test_without_groups_each_pair_is_its_own(overconfident_part):
    pred, response, _ = overconfident_part
    assert calibration.choose(pred, response).groups == 1800


def test_groups_must_line_up(overconfident_part):
    pred, response, lines = overconfident_part
    with pytest.raises(DataError, match="5 labels for 1800 pairs"):
        calibration.choose(pred, response, lines[:5])


def test_a_group_never_straddles_two_folds():
    labels = np.random.default_rng(0).integers(0, 37, 500)
    folds = _choice._folds(labels, seed=1)
    assert all(len(set(folds[labels == label])) == 1 for label in range(37))
    assert set(folds) == set(range(5))


def test_the_clustered_standard_error_by_hand():
    # Groups sum to 2 and -2 about the mean: sqrt(2/1 * (4 + 4)) / 4 = 1.
    assert _choice.clustered_se(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1])) == pytest.approx(1.0)
    # Each pair its own group: the ordinary standard error.
    values = np.array([1.0, 2.0, 4.0])
    assert _choice.clustered_se(values, np.arange(3)) == pytest.approx(values.std(ddof=1) / np.sqrt(3))


def test_a_few_unlucky_drugs_do_not_distort_a_calibrated_posterior(make_drugs):
    # Four fifths of each variance are one draw a drug: 17 drugs are little evidence. A right rule maps one part in
    # twenty by chance; that four of ten or more are mapped has a probability of 0.001 under it.
    mapped = [calibration.choose(*make_drugs(seed=seed)).kind != "identity" for seed in range(10)]
    assert sum(mapped) <= 3


def test_drugs_that_are_plainly_too_narrow_are_widened(make_drugs):
    assert calibration.choose(*make_drugs(seed=0, drugs=40, narrow=0.5)).kind != "identity"
