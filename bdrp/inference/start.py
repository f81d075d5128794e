"""Where training starts: the linear part solved by expectation-maximisation, so that no epoch is spent on finding it.

A ridge a compound on expression (`hierarchical_ridge`) and a factor analysis of what it leaves (`factor_analysis`) can
be solved apart, the ridge first, or together, each on what the other leaves. Apart serves new lines, where the ridge
stands alone: the factors are then of what a line would leave if it had not been fitted, for that is what a new line
leaves. Together serves unmeasured pairs of known lines, where a slope should explain only what the line's other
drugs do not.

Under a censored likelihood a response beyond its limit is replaced by its expectation given that it lies beyond
(Tobin 1958; expectation-maximisation of Dempster, Laird & Rubin 1977), and both are solved again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bdrp.features.batch import Batch
from bdrp.inference import factor_analysis, hierarchical_ridge
from bdrp.inference.closed_form import LastLayerFit
from bdrp.inference.factor_analysis import FactorAnalysis
from bdrp.inference.hierarchical_ridge import HierarchicalRidge
from bdrp.inference.likelihood import Observed, observed

TOGETHER_ROUNDS = 8  # chosen: bounds the time of a start; whether more would gain was not measured
TOGETHER_STEPS = 2
FACTORS_FIRST = 10
CENSORED_ROUNDS = 4  # chosen: bounds the time of a start; training goes on from there
TAIL = -5.0  # chosen: a row so far from its limit is expected as if at five SDs; the ratio stays finite


@dataclass(frozen=True)
class Start:
    """The linear part, standardised."""

    ridge: HierarchicalRidge
    factors: FactorAnalysis

    @torch.no_grad()
    def place(self, fitted: LastLayerFit) -> None:
        """Put model and guide where this start is."""
        model, guide, ridge, factors = fitted.model, fitted.guide, self.ridge, self.factors
        fitted.leverage = ridge.leverage
        guide.v_mean.copy_(ridge.mean)
        guide.u_mean.copy_(factors.mean)
        guide.g_mean.copy_(factors.loadings)
        model.log_compound_scale.copy_(ridge.scale.log())
        model.log_slope_scale.copy_(ridge.slope_scale.log())
        model.log_line_scale.copy_(factors.scale.log())
        noise = factors.noise.log()
        model.noise[0] = noise.mean()
        model.compound_noise[:, 0] = noise - noise.mean()
        guide.spread(ridge.variance, factors.covariance, factors.loadings_covariance)


def solve(batch: Batch, factors: int, *, together: bool, censored: bool, seed: int) -> Start:
    """Solve the linear part on the training rows.

    Args:
        batch: whose training part it is.
        factors: R.
        together: each on what the other leaves, to and fro; otherwise the ridge first.
        censored: take rows beyond their limits as no more than that.
        seed: of the first loadings.
    """
    problem = _Problem(batch, factors, seed)
    seen = observed(batch.train, batch.features)
    start = problem.solve(seen.response, None, together)
    for _ in range(CENSORED_ROUNDS if censored and bool((seen.above | seen.below).any()) else 0):
        start = problem.solve(_expected(seen, *problem.predicted(start)), start, together)
    return start


class _Problem:
    """The regressors and rows of a batch."""

    def __init__(self, batch: Batch, factors: int, seed: int) -> None:
        rows, inputs, self.features = batch.train, batch.inputs, batch.features
        components = inputs.components
        self.regressors = torch.cat([components.new_ones(len(components), 1), components], dim=1)
        self.row, self.line = rows.line, inputs.line_effect[rows.line]
        self.compound, self.factors, self.seed = inputs.drug_effect[rows.drug], factors, seed

    def solve(self, response: Tensor, start: Start | None, together: bool) -> Start:
        """From a start, or from nothing."""
        if together:
            return self._together(response, start)
        steps = 15 if start is None else 3
        ridge = self._ridge(response, steps, None if start is None else start.ridge)
        stretch = 1 - ridge.leverage[self.compound, self.row]
        return self._analysis((response - self._linear(ridge)) / stretch, ridge, steps + 5, start)

    def _together(self, response: Tensor, start: Start | None) -> Start:
        """Factors first: slopes that were found alone would keep what factors explain better."""
        ridge = self._ridge(response, 1) if start is None else start.ridge
        alone = ridge._replace(mean=torch.cat([ridge.mean[:, :1], torch.zeros_like(ridge.mean[:, 1:])], dim=1))
        found = self._analysis(response - self._linear(alone), alone, FACTORS_FIRST, start)
        for _ in range(TOGETHER_ROUNDS):
            ridge = self._ridge(response - self._shared(found.factors), TOGETHER_STEPS, ridge)
            found = self._analysis(response - self._linear(ridge), ridge, TOGETHER_STEPS, found)
        return found

    def predicted(self, start: Start) -> tuple[Tensor, Tensor]:
        """Mean and noise SD of the training rows, (N,) each."""
        return self._linear(start.ridge) + self._shared(start.factors), start.factors.noise[self.compound]

    def _ridge(self, response: Tensor, steps: int, start: HierarchicalRidge | None = None) -> HierarchicalRidge:
        compounds = len(self.features.compounds)
        return hierarchical_ridge.fit(self.regressors, self.row, self.compound, response, compounds, steps, start)

    def _analysis(self, residual: Tensor, ridge: HierarchicalRidge, steps: int, start: Start | None) -> Start:
        generator = torch.Generator().manual_seed(self.seed)
        lines, before = len(self.features.lines), None if start is None else start.factors
        noise = ridge.noise if before is None else before.noise
        return Start(
            ridge,
            factor_analysis.fit(
                residual, self.line, self.compound, noise, lines, self.factors, generator, steps, before
            ),
        )

    def _linear(self, ridge: HierarchicalRidge) -> Tensor:
        return (self.regressors[self.row] * ridge.mean[self.compound]).sum(1)

    def _shared(self, factors: FactorAnalysis) -> Tensor:
        own = factors.mean[self.line]
        return own[:, 0] + (own[:, 1:] * factors.loadings[self.compound]).sum(1)


def _expected(seen: Observed, mean: Tensor, sd: Tensor) -> Tensor:
    """E[y | y beyond its limit] of censored rows under Normal(mean, sd), the response itself of the others, (N,)."""
    sign = torch.where(seen.above, 1.0, -1.0)
    beyond = (sign * (mean - seen.limit) / sd).clamp(min=TAIL)
    log_density = -0.5 * beyond**2 - 0.9189385332046727
    ratio = (log_density - torch.special.log_ndtr(beyond)).exp()
    drawn_in = seen.limit + sign * beyond * sd  # the mean, but no further inside the limit than the tail allows
    return torch.where(seen.above | seen.below, drawn_in + sign * sd * ratio, seen.response)
