"""Where training starts: the linear part solved by expectation-maximisation, so that no epoch is spent on finding it.

A ridge a compound on expression (`ridge`) and a factor analysis of what it leaves (`factor_analysis`) can
be solved apart, the ridge first, or together, each on what the other leaves. Apart serves new lines, where the ridge
stands alone: the factors are then of what a line would leave if it had not been fitted, for that is what a new line
leaves. Together serves unmeasured pairs of known lines, where a slope should explain only what the line's other
drugs do not.

Under a censored likelihood a response beyond its limit is replaced by its expectation given that it lies beyond
(Tobin 1958; expectation-maximisation of Dempster, Laird & Rubin 1977), and both are solved again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bdrp.features.batch import Batch
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import ResponseMoments, impute_censored, standardise_responses
from bdrp.inference.hierarchical.point import Point
from bdrp.inference.initialisation import factor_analysis
from bdrp.inference.initialisation.factor_analysis import FactorAnalysis, ResidualTable
from bdrp.inference.initialisation.ridge import HierarchicalRidge, Regressions

APART_STEPS, FACTORS_APART = 15, 20
TOGETHER_ROUNDS = 20  # chosen on held-out pairs of GDSC2 (docs/tried.md): 8 are too few, 40 hardly gain
TOGETHER_STEPS = 2
FACTORS_FIRST = 10
CENSORED_ROUNDS = 60  # chosen on the simulated screen (docs/tried.md): where most rows are censored, the ascent is slow


@dataclass(frozen=True)
class Start:
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
    def place(self, layer: Layer[Guide | Point]) -> None:
        """Put model and guide where this start is."""
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
    seen = standardise_responses(batch.train, batch.features)
    measured = ResponseMoments(seen.response, torch.zeros_like(seen.response))
    rounds = CENSORED_ROUNDS if censored and bool((seen.above | seen.below).any()) else 0
    if together:
        start = problem.together(measured)
        for _ in range(rounds):
            start = problem.in_turn(impute_censored(seen, *problem.predicted(start)), start)
        return start
    ridge = problem.regressions.fit(*measured, APART_STEPS)
    for _ in range(rounds):  # to the ridge, what a line's other rows say is noise
        measured = impute_censored(seen, problem.linear(ridge), ridge.noise[problem.compound])
        ridge = problem.regressions.fit(*measured, 1, ridge)
    return problem.apart(measured, ridge)


class _Problem:
    """The regressors and rows of a batch."""

    def __init__(self, batch: Batch, factors: int, seed: int) -> None:
        rows, inputs, features = batch.train, batch.inputs, batch.features
        components = inputs.components
        self.regressors = torch.cat([components.new_ones(len(components), 1), components], dim=1)
        self.row, self.line, self.compound = rows.line, inputs.line_effect[rows.line], inputs.drug_effect[rows.drug]
        self.regressions = Regressions(self.regressors, self.row, self.compound, len(features.compounds))
        self.lines, self.factors, self.seed = len(features.lines), factors, seed

    def apart(self, measured: ResponseMoments, ridge: HierarchicalRidge) -> Start:
        """Factors of what each line would leave, had it not been there."""
        left = self._beyond(measured, self.linear(ridge))
        pull = ridge.leverage(self.regressors)[self.compound, self.row]
        told = 1 - measured.variance / ridge.noise[self.compound] ** 2
        left = left._replace(mean=left.mean * (1 + pull / (1 - told * pull)))
        found = self._analysis(left, ridge, FACTORS_APART, None)
        # What is left of a row that was left out varies by 1 / (1 - leverage) more than its noise.
        ones = torch.zeros_like(found.noise).index_add(0, self.compound, torch.ones_like(pull))
        kept = torch.zeros_like(found.noise).index_add(0, self.compound, 1 - pull) / ones
        return replace(found, noise=found.noise * kept.sqrt())

    def together(self, measured: ResponseMoments) -> Start:
        """Factors first: slopes that were found alone would keep what factors explain better."""
        ridge = self.regressions.fit(*measured, 1)
        alone = ridge._replace(mean=torch.cat([ridge.mean[:, :1], torch.zeros_like(ridge.mean[:, 1:])], dim=1))
        found = self._analysis(self._beyond(measured, self.linear(alone)), alone, FACTORS_FIRST, None)
        for _ in range(TOGETHER_ROUNDS):
            found = self.in_turn(measured, found)
        return found

    def in_turn(self, measured: ResponseMoments, start: Start) -> Start:
        """Each once more on what the other leaves."""
        ridge = self.regressions.fit(*self._beyond(measured, self._shared(start.factors)), TOGETHER_STEPS, start.ridge)
        return self._analysis(self._beyond(measured, self.linear(ridge)), ridge, TOGETHER_STEPS, start)

    def predicted(self, start: Start) -> tuple[Tensor, Tensor]:
        """Mean and noise SD of the training rows, (N,) each."""
        return self.linear(start.ridge) + self._shared(start.factors), start.factors.noise[self.compound]

    def linear(self, ridge: HierarchicalRidge) -> Tensor:
        """(N,) what the ridge expects."""
        return (self.regressors[self.row] * ridge.mean[self.compound]).sum(1)

    def _analysis(self, left: ResponseMoments, ridge: HierarchicalRidge, steps: int, start: Start | None) -> Start:
        generator = torch.Generator().manual_seed(self.seed)
        before = None if start is None else start.factors
        noise = ridge.noise if before is None else before.noise
        table = ResidualTable(*left, self.line, self.compound, (self.lines, len(noise)))
        factors = factor_analysis.fit(table, noise, self.factors, generator, steps, before)
        return Start(ridge, factors, self.regressors, factors.noise)

    @staticmethod
    def _beyond(measured: ResponseMoments, known: Tensor) -> ResponseMoments:
        return ResponseMoments(measured.mean - known, measured.variance)

    def _shared(self, factors: FactorAnalysis) -> Tensor:
        own = factors.mean[self.line]
        return own[:, 0] + (own[:, 1:] * factors.loadings[self.compound]).sum(1)
