"""Checks of a fit's posterior of pairs: moments, covariance and joint draws are one statement.

Those of covariance and draws are of posteriors that have them, which are `JointPosterior`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bdrp.features.batch import Pairs
from bdrp.inference.hierarchical.grid import select_lines
from bdrp.predictive import JointPosterior
from bdrp.testing.checking import require
from bdrp.testing.methods.subject import Check, Subject

FEW = np.array([7, 2, 3, 11])
DRAWS = 6000


def a_prediction_has_the_moments_of_the_posterior(subject: Subject) -> None:
    """For some of the pairs too."""
    inputs, rows = subject.batch.inputs, _rows(subject, 24)
    posterior, pred = subject.fitted.posterior_of(inputs, rows), subject.fitted.predict(inputs, rows)
    require(len(posterior) == len(rows), f"{len(rows)} pairs have a posterior of {len(posterior)}")
    for part in ("mean", "aleatoric", "epistemic"):
        left, right = getattr(posterior, part), getattr(pred, part)
        require(np.allclose(left, right, rtol=1e-6, atol=1e-9), f"the {part} of prediction and posterior differ")
        require(np.allclose(getattr(posterior[FEW], part), left[FEW]), f"the {part} of some pairs is not theirs")


def the_variance_of_a_pair_is_its_covariance_with_itself(subject: Subject) -> None:
    """And the covariance is symmetric, nowhere negative, and that of the very pairs."""
    posterior = _joint(subject, _rows(subject, 24))
    if posterior is None:
        return
    covariance = posterior.covariance(posterior)
    diagonal = np.allclose(np.diag(covariance), posterior.epistemic, rtol=2e-3, atol=1e-7)
    require(diagonal, f"they differ by up to {np.abs(np.diag(covariance) - posterior.epistemic).max():.3g}")
    require(np.allclose(covariance, covariance.T, rtol=1e-5, atol=1e-8), "the covariance is not symmetric")
    least = float(np.linalg.eigvalsh(covariance).min())
    require(least > -1e-6 * float(np.trace(covariance)), f"the covariance has the eigenvalue {least:.3g}")
    few = posterior[FEW].covariance(posterior)
    same = np.allclose(few, covariance[FEW], rtol=1e-4, atol=1e-6 * covariance.max())
    require(same, "the covariance of some pairs with all is not that part of the whole")


def joint_draws_have_the_covariance(subject: Subject) -> None:
    """Of 6,000 draws, correlations to 0.09 and means to five standard errors; a fixed seed, so that it stays so.

    Correlations have standard errors of at most 0.013, and products of normals heavier tails: the greatest of some 300
    lies beyond 0.09 for fewer than one seed in a thousand.
    """
    posterior = _joint(subject, _rows(subject, 24))
    if posterior is None:
        return
    posterior = posterior[np.flatnonzero(posterior.epistemic > 1e-8)]  # a point does not doubt what it was trained on
    drawn = posterior.draw(np.random.default_rng(1), DRAWS)
    require(drawn.shape == (DRAWS, len(posterior)), f"{DRAWS} draws of {len(posterior)} pairs are {drawn.shape}")
    covariance = posterior.covariance(posterior)
    sd = np.sqrt(np.diag(covariance))
    off = np.abs((np.cov(drawn.T) - covariance) / np.outer(sd, sd)).max()
    require(off < 0.09, f"correlations of draws are off by up to {off:.3g}")
    shift = np.abs(drawn.mean(0) / (sd / np.sqrt(DRAWS))).max()
    require(shift < 5, f"the mean of draws lies {shift:.3g} standard errors from 0; they are deviations from the mean")


def pairs_of_other_inputs_covary_as_the_same_pairs_would(subject: Subject) -> None:
    """The same lines in another order, as another table would give them."""
    inputs, rows = subject.batch.inputs, _rows(subject, 10)
    here = _joint(subject, rows)
    if here is None:
        return
    turned = torch.arange(len(inputs.line_ids)).flip(0)
    other = select_lines(inputs, turned)
    there = subject.fitted.posterior_of(other, replace(rows, line=len(inputs.line_ids) - 1 - rows.line))
    covariance, between = here.covariance(here), here.covariance(there)  # type: ignore[arg-type]
    same = np.allclose(between, covariance, rtol=1e-3, atol=1e-5 * covariance.max())
    require(same, f"covariances differ by up to {np.abs(between - covariance).max():.3g}")


def _rows(subject: Subject, count: int) -> Pairs:
    """Some of every part, of unseen lines and drugs too."""
    every = subject.batch.train.concatenate(subject.batch.test)
    return every.select(torch.randperm(len(every), generator=torch.Generator().manual_seed(5))[:count])


def _joint(subject: Subject, rows: Pairs) -> JointPosterior | None:
    posterior = subject.fitted.posterior_of(subject.batch.inputs, rows)
    return posterior if isinstance(posterior, JointPosterior) else None


CHECKS: tuple[Check, ...] = (
    a_prediction_has_the_moments_of_the_posterior,
    the_variance_of_a_pair_is_its_covariance_with_itself,
    joint_draws_have_the_covariance,
    pairs_of_other_inputs_covary_as_the_same_pairs_would,
)
