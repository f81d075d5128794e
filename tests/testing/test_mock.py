"""The mock says what it is told, and is a predictive distribution in every other way."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.predictive import Normal, PredictiveDistribution
from bdrp.testing import MockDistribution

KEYS = pd.DataFrame({"cell_line_id": ["a", "a", "b"], "drug_id": ["x", "y", "x"]})


@pytest.fixture
def mock() -> MockDistribution:
    return MockDistribution([0.0, 1.0, -2.0], aleatoric=0.5, epistemic=[0.1, 0.5, 2.0], keys=KEYS)


def test_it_has_the_moments_that_are_given_and_is_no_family_of_bdrps_methods(mock: MockDistribution) -> None:
    assert isinstance(mock, PredictiveDistribution) and not isinstance(mock, Normal)
    np.testing.assert_allclose(mock.mean, [0, 1, -2])
    np.testing.assert_allclose(mock.aleatoric, 0.5)
    np.testing.assert_allclose(mock.epistemic, [0.1, 0.5, 2.0])
    assert mock.keys.equals(KEYS.astype(str)) and mock.unit == "ln(µM)"


def test_it_answers_as_a_normal_of_these_moments(mock: MockDistribution) -> None:
    normal = Normal(KEYS, "ln_ic50_um", [0.0, 1.0, -2.0], [0.5] * 3, [0.1, 0.5, 2.0], unit="ln(µM)")
    for ask in ("cdf", "log_prob", "crps", "survival"):
        np.testing.assert_allclose(getattr(mock, ask)(0.3), getattr(normal, ask)(0.3))
    np.testing.assert_allclose(mock.interval(0.9), normal.interval(0.9))
    pd.testing.assert_frame_equal(mock.to_frame(), normal.to_frame())


def test_a_part_of_it_is_one_again(mock: MockDistribution) -> None:
    for index in (np.array([True, False, True]), np.array([2, 0]), slice(1, None)):
        part = mock[index]
        assert isinstance(part, MockDistribution) and part.keys["drug_id"].tolist() == KEYS["drug_id"][index].tolist()
        np.testing.assert_allclose(part.epistemic, mock.epistemic[index])


def test_joint_draws_have_the_covariance_that_is_told_and_samples_none(mock: MockDistribution) -> None:
    """Over 200,000 draws, each entry to five standard errors: SE = sqrt((v_i v_j + c_ij^2) / S)."""
    sd = mock.epistemic_std
    for draws, between in (
        (mock.joint(200_000, seed=0), np.outer(sd, sd)),
        (mock.sample(200_000, seed=0), np.diag(sd**2)),
    ):
        expected = between + np.diag(mock.aleatoric)
        error = np.sqrt((np.outer(mock.variance, mock.variance) + expected**2) / len(draws))
        assert (np.abs(np.cov(draws.T) - expected) < 5 * error).all()


def test_keys_are_made_where_none_are_given() -> None:
    assert MockDistribution(np.zeros(3)).keys.to_numpy().tolist() == [["L0", "D0"], ["L1", "D0"], ["L2", "D0"]]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"aleatoric": [1.0]}, "shape"), ({"epistemic": -1.0}, "negative"), ({"aleatoric": 0.0}, "zero")],
)
def test_moments_that_cannot_be_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        MockDistribution([0.0, 1.0], **given)  # type: ignore[arg-type]


def test_a_mock_loads_no_torch() -> None:
    code = (
        "import sys; from bdrp.testing import MockDistribution; MockDistribution([0.0]); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
