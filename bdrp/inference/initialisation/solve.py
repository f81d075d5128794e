"""Where training starts: the linear part solved by expectation-maximisation, so that no epoch is spent on finding it.

A ridge a compound on expression (`ridge`) and a factor analysis of what it leaves (`factor_analysis`) are
solved separately, the ridge first, or jointly, each on the residuals of the other. Separately serves new lines, where
the ridge stands alone: the factors are then of leave-one-out residuals, for these are what a new line has. Jointly
serves unmeasured pairs of known lines, where a slope should explain only what the line's other drugs do not.

Under a censored likelihood a response beyond its limit is replaced by its expectation given that it lies beyond
(Tobin 1958; expectation-maximisation of Dempster, Laird & Rubin 1977), and both are solved again. So is one whose
measurement has a known variance, by its expectation without the error of measurement, under any likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bdrp.features.batch import Batch
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import (
    ResponseMoments,
    impute_censored,
    impute_measured,
    standardise_responses,
)
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.initialisation import factor_analysis
from bdrp.inference.initialisation.factor_analysis import FactorAnalysis, ResidualTable
from bdrp.inference.initialisation.ridge import HierarchicalRidge, Regressions, SlopePrior

RIDGE_STEPS, FACTOR_STEPS = 15, 30
FIRST_FACTOR_STEPS = 10
JOINT_ROUNDS, JOINT_STEPS = 4, 6  # chosen on pairs held out of a training part (docs/tried.md): more do no better
IMPUTED_STEPS = 2  # after each imputation, of which there are many
CENSORED_ROUNDS = 60  # chosen on the simulated screen (docs/tried.md): where most rows are censored, the ascent is slow
MEASURED_ROUNDS = (
    5  # chosen on the simulated screen (docs/curves.md): with more, prior scales shrink, and slopes with them
)


@dataclass(frozen=True)
class LinearStart:
    """The linear part, standardised.

    Attributes:
        ridge, factors: the two parts.
        regressors: (L, 1 + K) of the ridge.
        noise: (C,) SD of the noise of each compound.
    """

    ridge: HierarchicalRidge
    factors: FactorAnalysis
    regressors: Tensor
    noise: Tensor

    @torch.no_grad()
    def initialise(self, layer: Layer[Guide | PointEstimate]) -> None:
        """Set the parameters of model and guide to this start."""
        model, guide, ridge, factors = layer.model, layer.guide, self.ridge, self.factors
        layer.leverage = ridge.leverage(self.regressors)
        guide.v_mean.copy_(ridge.mean)
        guide.u_mean.copy_(factors.mean)
        guide.g_mean.copy_(factors.loadings)
        model.log_compound_scale.copy_(ridge.scale.log())
        model.log_slope_scale.copy_(ridge.slope_scale.log())
        model.log_line_scale.copy_(factors.scale.log())
        noise = self.noise.log()
        model.noise[0] = noise.mean()
        model.compound_noise[:, 0] = noise - noise.mean()
        guide.set_scales(ridge.variance, factors.covariance, factors.loadings_covariance)


def solve(batch: Batch, factors: int, *, jointly: bool, censored: bool) -> LinearStart:
    """Solve the linear part on the training rows.

    Args:
        batch: whose training part it is.
        factors: R.
        jointly: each on the residuals of the other, in turn; otherwise the ridge first.
        censored: impute rows beyond their limits.
    """
    problem = _Problem(batch, factors)
    seen = standardise_responses(batch.train, batch.features)
    measured = ResponseMoments(seen.response, torch.zeros_like(seen.response))
    censored = censored and bool((seen.above | seen.below).any())
    impute = impute_censored if censored else impute_measured
    rounds = CENSORED_ROUNDS if censored else 0 if seen.known_variance is None else MEASURED_ROUNDS
    if jointly:
        start = problem.solve_jointly(measured)
        for _ in range(rounds):
            start = problem.alternate(impute(seen, *problem.predict(start)), start, IMPUTED_STEPS)
        return start
    ridge = problem.regressions.fit(*measured, RIDGE_STEPS)
    for _ in range(rounds):  # to the ridge, the factors are noise
        measured = impute(seen, problem.ridge_mean(ridge), ridge.noise[problem.compound])
        ridge = problem.regressions.fit(*measured, 1, ridge)
    return problem.solve_separately(measured, ridge)


class _Problem:
    """The regressors and rows of a batch."""

    def __init__(self, batch: Batch, factors: int) -> None:
        rows, inputs, features = batch.train, batch.inputs, batch.features
        components = inputs.components
        self.regressors = torch.cat([components.new_ones(len(components), 1), components], dim=1)
        self.row, self.line, self.compound = rows.line, inputs.line_effect[rows.line], inputs.drug_effect[rows.drug]
        prior = SlopePrior.of_scalers(features.scalers.values())
        self.regressions = Regressions(self.regressors, self.row, self.compound, len(features.compounds), prior)
        self.lines, self.factors = len(features.lines), factors

    def solve_separately(self, measured: ResponseMoments, ridge: HierarchicalRidge) -> LinearStart:
        """Factors of the ridge's leave-one-out residuals."""
        left = self._residual(measured, self.ridge_mean(ridge))
        pull = ridge.leverage(self.regressors)[self.compound, self.row]
        measured_share = 1 - measured.variance / ridge.noise[self.compound] ** 2
        left = left._replace(mean=left.mean * (1 + pull / (1 - measured_share * pull)))
        found = self._analysis(left, ridge, FACTOR_STEPS, None)
        # What is left of a row that was left out varies by 1 / (1 - leverage) more than its noise.
        ones = torch.zeros_like(found.noise).index_add(0, self.compound, torch.ones_like(pull))
        retained = torch.zeros_like(found.noise).index_add(0, self.compound, 1 - pull) / ones
        return replace(found, noise=found.noise * retained.sqrt())

    def solve_jointly(self, measured: ResponseMoments) -> LinearStart:
        """Factors first: slopes that were fitted alone would explain what factors explain better."""
        ridge = self.regressions.fit(*measured, 1)
        alone = ridge._replace(mean=torch.cat([ridge.mean[:, :1], torch.zeros_like(ridge.mean[:, 1:])], dim=1))
        found = self._analysis(self._residual(measured, self.ridge_mean(alone)), alone, FIRST_FACTOR_STEPS, None)
        for _ in range(JOINT_ROUNDS):
            found = self.alternate(measured, found, JOINT_STEPS)
        return found

    def alternate(self, measured: ResponseMoments, start: LinearStart, steps: int) -> LinearStart:
        """Fit each once more, on the residuals of the other."""
        ridge = self.regressions.fit(*self._residual(measured, self._factor_mean(start.factors)), steps, start.ridge)
        return self._analysis(self._residual(measured, self.ridge_mean(ridge)), ridge, steps, start)

    def predict(self, start: LinearStart) -> tuple[Tensor, Tensor]:
        """Mean and noise SD of the training rows, (N,) each."""
        return self.ridge_mean(start.ridge) + self._factor_mean(start.factors), start.factors.noise[self.compound]

    def ridge_mean(self, ridge: HierarchicalRidge) -> Tensor:
        """(N,) mean of the training rows by the ridge."""
        return (self.regressors[self.row] * ridge.mean[self.compound]).sum(1)

    def _analysis(
        self, left: ResponseMoments, ridge: HierarchicalRidge, steps: int, start: LinearStart | None
    ) -> LinearStart:
        before = None if start is None else start.factors
        noise = ridge.noise if before is None else before.noise
        table = ResidualTable(*left, self.line, self.compound, (self.lines, len(noise)))
        factors = factor_analysis.fit(table, noise, self.factors, steps, before)
        return LinearStart(ridge, factors, self.regressors, factors.noise)

    @staticmethod
    def _residual(measured: ResponseMoments, known: Tensor) -> ResponseMoments:
        return ResponseMoments(measured.mean - known, measured.variance)

    def _factor_mean(self, factors: FactorAnalysis) -> Tensor:
        own = factors.mean[self.line]
        return own[:, 0] + (own[:, 1:] * factors.loadings[self.compound]).sum(1)
