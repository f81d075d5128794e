"""Factor analysis of the drug x line table with missing entries: the baseline to beat on held-out pairs.

The response of drug d on line l, with no expression and no structure, is

    level[d] + u[l, 0] + sum_k u[l, k] g[d, k] + noise,   noise ~ Normal(0, s[d]^2),
    level[d] ~ Normal(0, t^2),   u[l, k] ~ Normal(0, lambda_k^2),   g[d, k] ~ Normal(0, 1),

a product of (1, u[l]) and (level[d], 1, g[d]). Levels, and factors with their loadings
(`bdrp.inference.initialisation.factor_analysis`), have normal posteriors that are updated in turn (variational
principal components with missing values; Ilin & Raiko 2010, jmlr.org/papers/v11/ilin10a). What was not trained on keeps
its prior: an unseen line has each drug's level, an unseen drug the lines' general sensitivity. A known variance of a
measurement is added to its noise: rows are weighed, and the noise is without it (`row_weights.known_variance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bdrp.errors import ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.hierarchical.coefficients import covariance_roots
from bdrp.inference.initialisation import factor_analysis
from bdrp.inference.initialisation.factor_analysis import FactorAnalysis, ResidualTable
from bdrp.inference.kronecker.posterior import equal_names, name_points
from bdrp.inference.method import Fitted, Method, Runtime, require_at_least
from bdrp.inference.row_weights.known_variance import weigh
from bdrp.predictive import JointPosterior, PairMoments
from bdrp.predictive.distribution import Floats, Index

STEPS = 5  # chosen: of expectation-maximisation of the factors between two looks at the levels
START_NOISE = 0.3  # chosen: SD to start from; with that of all responses, 1, few data never tell a factor from noise
FIXED = 2  # of a drug's numbers, its level and the one that meets u[l, 0]; of a line's, the one that meets the level


@dataclass(frozen=True)
class FactorAnalysisMethod(Method):
    """Options.

    Attributes:
        rank: R factors beside the general sensitivity, at most as many as there are drugs or lines.
        rounds: of updating levels, then factors.
    """

    name: ClassVar[str] = "factor_analysis"
    reads_response_sd: ClassVar[bool] = True
    stochastic: ClassVar[bool] = False

    rank: int = 40
    rounds: int = 8

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, rank=1, rounds=1)

    def fit(self, batch: Batch, runtime: Runtime) -> FactorAnalysisFit:
        """Update levels and factors in turn; see `Method.fit`."""
        rows, features, inputs = batch.train, batch.features, batch.inputs
        response = (rows.response - features.response_mean) / features.response_std
        drug, line = inputs.drug_effect[rows.drug], inputs.line_effect[rows.line]
        shape = (len(features.lines), len(features.compounds))
        noise, expected = torch.full((shape[1],), START_NOISE), torch.zeros_like(response)
        scale, factors, known = 1.0, None, features.known_variance(rows)
        for _ in range(self.rounds):
            weight = weigh(noise.double()[drug] ** 2, known)
            level, variance = _levels(response - expected, weight, drug, noise.double(), scale)
            scale = float((level**2 + variance).mean().sqrt())
            residual = response - level[drug]
            table = ResidualTable(residual, variance[drug], line, drug, shape, known=known, weight=weight)
            factors = factor_analysis.fit(table, noise, self._rank(features), STEPS, factors)
            noise = factors.noise
            expected = (factors.mean @ _beside(1.0, factors.loadings).T).double()[line, drug]
        assert factors is not None  # there is a round
        return FactorAnalysisFit(features, _lines(factors) | _drugs(factors, level, variance, scale))

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> FactorAnalysisFit:
        """Rebuild a fit; see `Method.restore`."""
        width, shapes = FIXED + self._rank(features), dict[str, tuple[int, ...]]()
        for name, count in (("line", 1 + len(features.lines)), ("drug", 1 + len(features.compounds))):
            shapes |= {f"{name}_mean": (count, width), f"{name}_covariance": (count, width, width)}
        shapes["noise"] = (1 + len(features.compounds),)
        seen = {name: tuple(value.shape) for name, value in state.items()}
        usable = seen == shapes and all(value.dtype == torch.float32 for value in state.values())
        usable = usable and all(bool(torch.isfinite(value).all()) for value in state.values())
        if not (usable and bool((state["noise"] > 0).all())):
            raise ModelFolderError(
                f"The tensors of factor_analysis are {seen}; finite ones of {shapes} in single precision are needed, "
                "with noise above 0. The folder was altered. Fit again, or restore it."
            )
        return FactorAnalysisFit(features, dict(state))

    def _rank(self, features: Features) -> int:
        return min(self.rank, len(features.compounds), len(features.lines))


class FactorAnalysisFit(Fitted):
    """Normal posteriors of 2 + R numbers a line and a drug; the last of each, at position -1, is the prior."""

    def __init__(self, features: Features, tensors: dict[str, Tensor]) -> None:
        self.features, self.tensors = features, tensors

    def state(self) -> dict[str, Tensor]:
        """Means, covariances and noise variances."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> FactorPosterior:
        """Products of each pair's line and drug; an unseen id of a compound has the mean of its other ids."""
        line, drug = inputs.line_effect.cpu(), inputs.drug_effect.cpu()
        mean = {side: self.tensors[f"{side}_mean"].double() for side in ("line", "drug")}
        of_compound = inputs.relations.to("cpu").average(mean["drug"][:-1])
        borrowed = torch.where(of_compound.isnan(), mean["drug"][-1], of_compound)
        g = torch.where(drug[:, None] >= 0, mean["drug"][drug], borrowed)
        covariance = {side: self.tensors[f"{side}_covariance"].double() for side in ("line", "drug")}
        lines = Side.of(inputs.line_ids, line, pairs.line.cpu(), mean["line"][line], covariance["line"])
        drugs = Side.of(inputs.drug_ids, drug, pairs.drug.cpu(), g, covariance["drug"])
        return FactorPosterior(self.features, lines, drugs, self.tensors["noise"])


class Side(NamedTuple):
    """The M lines, or drugs, that N pairs name.

    Attributes:
        name: (M,) what tells them apart.
        position: (M,) among those trained on, -1 for none.
        mean: (M, W) of their numbers.
        covariance: (M, W, W).
        which: (N,) that of each pair.
    """

    name: np.ndarray
    position: Tensor
    mean: Tensor
    covariance: Tensor
    which: Tensor

    @classmethod
    def of(cls, ids: tuple[str, ...], position: Tensor, chosen: Tensor, mean: Tensor, covariance: Tensor) -> Side:
        """Those at `chosen`, (N,), of all that have ids, positions and means; covariances stand by position."""
        some, which = torch.unique(chosen, return_inverse=True)
        name = np.asarray(name_points(ids, some, position[some]), dtype=object)
        return cls(name, position[some], mean[some], covariance[position[some]], which)

    def draw(self, rng: np.random.Generator, roots: Tensor) -> Tensor:
        """A draw of the numbers of each, (M, W), from roots of their covariances."""
        noise = torch.as_tensor(rng.standard_normal((*roots.shape[:2], 1)))
        return self.mean + (roots @ noise)[..., 0]


class FactorPosterior(JointPosterior):
    """Products u . g of independent normals: pairs of one line share u, pairs of one drug g.

    Args:
        features: the unit of the measure.
        lines: u of the lines.
        drugs: g of the drugs.
        noise: (D + 1,) variances by a drug's position.
    """

    def __init__(self, features: Features, lines: Side, drugs: Side, noise: Tensor) -> None:
        self.features, self.lines, self.drugs, self.noise = features, lines, drugs, noise

    @cached_property
    def moments(self) -> PairMoments:
        """Those of the table of the lines and drugs, (N,) each."""
        u, of_lines, g, of_drugs = self.lines.mean, self.lines.covariance, self.drugs.mean, self.drugs.covariance
        of_lines, of_drugs = of_lines.flatten(1), of_drugs.flatten(1)
        variance = of_lines @ (_squares(g) + of_drugs).T + _squares(u) @ of_drugs.T
        at = self.lines.which, self.drugs.which
        noise = self.noise[self.drugs.position[self.drugs.which]]
        return self.features.unstandardise((u @ g.T)[at], noise, variance[at])

    def __getitem__(self, index: Index) -> FactorPosterior:
        """The same for some of the pairs."""
        lines, drugs = (
            side._replace(which=torch.as_tensor(side.which.numpy()[index])) for side in (self.lines, self.drugs)
        )
        return FactorPosterior(self.features, lines, drugs, self.noise)

    def covariance(self, other: FactorPosterior) -> Floats:
        """(N, M): g' Cov(u) g of one line, u' Cov(g) u of one drug, and both with the trace of their product."""
        line, drug, there = self.lines.which, self.drugs.which, (other.lines.which, other.drugs.which)
        u, g = self.lines.mean[line], self.drugs.mean[drug]
        of_line, of_drug = self.lines.covariance[line], self.drugs.covariance[drug]
        by_line = (g[:, None] @ of_line)[:, 0] @ other.drugs.mean[there[1]].T
        by_drug = (u[:, None] @ of_drug)[:, 0] @ other.lines.mean[there[0]].T
        by_both = (of_line * of_drug).sum((1, 2))[:, None]
        same_line = equal_names(self.lines.name, other.lines.name)[line][:, there[0]]
        same_drug = equal_names(self.drugs.name, other.drugs.name)[drug][:, there[1]]
        total = same_line * by_line + same_drug * by_drug + same_line * same_drug * by_both
        return np.asarray(self.features.response_std**2 * total.numpy())

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S products of drawn numbers less their means, (S, N)."""
        sides, at = (self.lines, self.drugs), (self.lines.which, self.drugs.which)
        roots = [covariance_roots(side.covariance) for side in sides]
        mean, found = (self.lines.mean @ self.drugs.mean.T)[at], []
        for _ in range(draws):
            u, g = (side.draw(rng, root) for side, root in zip(sides, roots, strict=True))
            found.append((u @ g.T)[at] - mean)
        return np.asarray(self.features.response_std * torch.stack(found).numpy())


def _levels(residual: Tensor, weight: Tensor, drug: Tensor, noise: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Mean and variance of each drug's level, (D,) each, given the rest; what rows count for is (N,)."""
    precision, nothing = noise**-2, torch.zeros_like(noise)
    variance = 1 / (nothing.index_add(0, drug, weight) * precision + scale**-2)
    return variance * precision * nothing.index_add(0, drug, weight * residual), variance


def _lines(factors: FactorAnalysis) -> dict[str, Tensor]:
    """(1, u), its covariance, and last the prior's."""
    prior = torch.diag(factors.scale**2)[None]
    return {
        "line_mean": _beside(1.0, torch.cat([factors.mean, torch.zeros_like(prior[0, :1])])),
        "line_covariance": F.pad(torch.cat([factors.covariance, prior]), (1, 0, 1, 0)),
    }


def _drugs(factors: FactorAnalysis, level: Tensor, variance: Tensor, scale: float) -> dict[str, Tensor]:
    """(level, 1, g), its covariance, and the noise variance; last those of a drug that is not known."""
    loadings = factors.loadings
    rank = loadings.shape[1]
    covariance = torch.cat([factors.loadings_covariance, torch.eye(rank)[None]])
    covariance = F.pad(covariance, (FIXED, 0, FIXED, 0))
    covariance[:, 0, 0] = torch.cat([variance, variance.new_tensor([scale**2])])
    mean = _beside(1.0, torch.cat([loadings, loadings.new_zeros(1, rank)]))
    return {
        "drug_mean": _beside(torch.cat([level, level.new_zeros(1)]).float(), mean),
        "drug_covariance": covariance,
        "noise": torch.cat([factors.noise**2, (factors.noise**2).mean()[None]]),
    }


def _beside(first: Tensor | float, values: Tensor) -> Tensor:
    """A column, or a number in every row, and then values (M, W)."""
    column = torch.as_tensor(first, dtype=values.dtype).expand(len(values))
    return torch.cat([column[:, None], values], dim=1)


def _squares(rows: Tensor) -> Tensor:
    """(M, W * W) outer products of rows (M, W)."""
    return (rows[:, :, None] * rows[:, None, :]).flatten(1)


METHOD = FactorAnalysisMethod
