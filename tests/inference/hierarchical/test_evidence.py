"""Scales of batch effects, from responses of which most stand at a cap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bdrp.inference.hierarchical.batch_effects import BatchEffects, ScalePrior
from bdrp.inference.hierarchical.evidence import Evidence, Labels, Rows

VAGUE = ScalePrior(BatchEffects(0.0, 1.0, 0.3, 0.0, 0.3, 0.0), BatchEffects(1.0, 1.0, 1.0, 1.0, 1.0, 1.0))


def independent_pairs(size: int, drug: np.ndarray) -> Rows:
    """Pairs of which the model is sure, of a noise variance of 1."""
    posterior = SimpleNamespace(compounds=drug, lines=np.arange(size), covariance=lambda other: np.zeros((size, size)))
    return Rows(cast(Any, posterior), np.ones(size), np.zeros(size), np.ones(size))


@pytest.mark.parametrize(("cap", "share"), [(0.0, 0.5), (-1.3, 0.9)])
@pytest.mark.parametrize("noise", [0.7, 1.6])
def test_the_noise_is_found_again_however_many_responses_stand_at_the_cap(cap, share, noise):
    rng = np.random.default_rng(0)
    drug = np.repeat(np.arange(10), 30)
    response = 0.4 * noise * rng.standard_normal(10)[drug] + noise * rng.standard_normal(300)
    cap = noise * cap
    side = (response > cap).astype(float)
    assert side.mean() == pytest.approx(share, abs=0.08)
    labels = Labels(np.minimum(response, cap), side)
    evidence = Evidence(independent_pairs(300, drug), labels, 1.0, None, VAGUE.median)
    for _ in range(12):
        evidence.maximise(VAGUE)
        evidence.settle()
    # 30 measured responses of 300 tell an SD to a tenth or so; their tail alone says 1.8 times as much
    assert evidence.effects.noise == pytest.approx(noise, rel=0.25 if share > 0.8 else 0.12)
