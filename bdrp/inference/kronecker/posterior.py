"""The posterior of pairs under a Gaussian process on the drug x line grid: S draws, and the residual prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.kronecker.kernels import Grid, Kernels, cross_kernels
from bdrp.predictive import JointPosterior, PairMoments
from bdrp.predictive.distribution import Floats, Index

BLOCK = 16  # chosen: draws predicted at once; bounds memory


class GridFit(Protocol):
    """What a posterior of pairs takes from its fit."""

    @property
    def features(self) -> Features:
        """How tables became tensors, and the unit of the measure."""

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """Scales, training points, and the weights of the mean and of the draws."""

    @property
    def training_roots(self) -> Grid:
        """Cholesky factors of the training grid's."""

    def noise(self, compound: Tensor) -> Tensor:
        """(n,) noise variances of compounds (n,), -1 for an unseen one."""

    def kernels_with_training(
        self, drugs: Tensor, genes: Tensor, drug_position: Tensor, line_position: Tensor
    ) -> Kernels:
        """Kernels of drugs and lines with the training grid's."""


class GridPosterior(JointPosterior):
    """Random sums of the S draws, which have their covariance, plus a residual: the prior given the training grid.

    Args:
        points: the grid that the pairs name.
        index: (N,) which of the points' pairs.
    """

    def __init__(self, points: GridPoints, index: np.ndarray) -> None:
        self.points, self.index = points, index

    @cached_property
    def moments(self) -> PairMoments:
        """Mean and epistemic variance from the draws and the prior."""
        points = self.points
        whole = points.fit.features.unstandardise(*points.moments())
        return PairMoments(*(part[self.index] for part in whole))

    def __getitem__(self, index: Index) -> GridPosterior:
        """The same for some of the pairs; moments that are known stay so."""
        some = GridPosterior(self.points, self.index[index])
        if "moments" in vars(self):
            some.moments = PairMoments(*(part[index] for part in self.moments))
        return some

    def covariance(self, other: GridPosterior) -> Floats:
        """(N, M) of the S draws and of the residual prior, with the M pairs of another of the same fit."""
        one, two, draws = self.points, other.points, 1 + torch.arange(self.points.draws)
        drawn = one.deviations(draws)[:, self.index].T @ two.deviations(draws)[:, other.index] / one.draws
        residual = one.residual_covariance(two)[self.index][:, other.index]
        return np.asarray(one.fit.features.response_std**2 * (drawn + residual).numpy())

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        points, count = self.points, self.points.draws
        mix = torch.as_tensor(rng.standard_normal((draws, count)) / np.sqrt(count))
        total = torch.stack([points.draw_residual(rng) for _ in range(draws)])[:, self.index]
        for block in torch.arange(count).split(BLOCK):
            total += mix[:, block] @ points.deviations(1 + block)[:, self.index]
        return np.asarray(points.fit.features.response_std * total.numpy())


class GridPoints:
    """The grid of the drugs and lines that some pairs name."""

    def __init__(self, fit: GridFit, inputs: Inputs, pairs: Pairs) -> None:
        self.fit, inputs = fit, inputs.to("cpu")
        drugs, self.drug = torch.unique(pairs.drug.cpu(), return_inverse=True)
        lines, self.line = torch.unique(pairs.line.cpu(), return_inverse=True)
        self.bits, self.genes = inputs.molecules.fingerprints[drugs], inputs.genes[lines]
        self.drug_position, self.line_position = inputs.drug_effect[drugs], inputs.line_effect[lines]
        self.names = [
            name_points(inputs.drug_ids, drugs, self.drug_position),
            name_points(inputs.line_ids, lines, self.line_position),
        ]
        self.cross = fit.kernels_with_training(self.bits, self.genes, self.drug_position, self.line_position).grid(
            fit.tensors["scales"]
        )
        self.prior = self.prior_with(self)

    def prior_with(self, other: GridPoints) -> Grid:
        """The factors of the prior covariance with the points of another."""
        nobody = (torch.full((len(part),), -1) for part in (self.bits, self.genes))
        kernels = cross_kernels(self.bits, self.genes, other.bits, other.genes, *nobody)
        same_drug, same_line = (equal_names(here, there) for here, there in zip(self.names, other.names, strict=True))
        return kernels._replace(same_drug=same_drug, same_line=same_line).grid(self.fit.tensors["scales"])

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, noise variance, and mean square of the draws about the mean plus residual variance, (N,) each."""
        square = torch.zeros(len(self.drug), dtype=torch.float64)
        blocks = torch.arange(1, 1 + self.draws).split(BLOCK)
        for block in blocks:
            square += self.deviations(block).square().sum(0)
        mean, noise = self.deviations(torch.tensor([0]))[0], self.fit.noise(self.drug_position[self.drug])
        return mean, noise, square / self.draws + self.residual_variance()

    @property
    def draws(self) -> int:
        """S."""
        return len(self.fit.tensors["weights"]) - 1

    def deviations(self, index: Tensor) -> Tensor:
        """Some draws about the mean, or the mean itself at 0, for each pair, (len(index), N)."""
        names = ("drug_weights", "line_weights", "weights")
        parts = (self.fit.tensors[name][index].double() for name in names)
        return self.cross.combine(*parts)[:, self.drug, self.line]

    @cached_property
    def projection(self) -> Grid:
        """Each cross factor over the training root: these points projected on the training grid, (M, C), (P, L)."""
        solved = (
            torch.linalg.solve_triangular(root, cross.T, upper=False).T
            for root, cross in zip(self.fit.training_roots, self.cross, strict=True)
        )
        return Grid(*solved)

    def residual_variance(self) -> Tensor:
        """The prior variance given the training grid, (N,)."""
        prior = Grid(*(part.diagonal()[:, None] for part in self.prior))
        explained = Grid(*(part.square().sum(1, keepdim=True) for part in self.projection))
        drug = (prior.drug_effect - explained.drug_effect).clamp(min=0)[self.drug, 0]
        line = (prior.line_effect - explained.line_effect).clamp(min=0)[self.line, 0]
        both = (prior.drug @ prior.line.T - explained.drug @ explained.line.T).clamp(min=0)
        return drug + line + both[self.drug, self.line]

    def residual_covariance(self, other: GridPoints) -> Tensor:
        """The prior covariance with another's pairs given the training grid, (N, M)."""
        prior, here, there = self.prior_with(other), self.projection, other.projection
        explained = Grid(*(one @ two.T for one, two in zip(here, there, strict=True)))
        drug = (prior.drug_effect - explained.drug_effect)[self.drug][:, other.drug]
        line = (prior.line_effect - explained.line_effect)[self.line][:, other.line]
        both = prior.drug[self.drug][:, other.drug] * prior.line[self.line][:, other.line]
        return drug + line + both - explained.drug[self.drug][:, other.drug] * explained.line[self.line][:, other.line]

    @cached_property
    def residual_roots(self) -> Grid:
        """Roots of each factor given the training grid, (M, M), (P, P)."""
        factors = zip(self.prior, self.projection, strict=True)
        return Grid(*(_root(prior - projection @ projection.T) for prior, projection in factors))

    def draw_residual(self, rng: np.random.Generator) -> Tensor:
        """A draw of the residual prior, for each pair, (N,)."""
        (drugs, drugs_known), (lines, lines_known) = self.projection.drug.shape, self.projection.line.shape

        def noise(*shape: int) -> Tensor:
            return torch.as_tensor(rng.standard_normal(shape))

        residual, known = self.residual_roots, self.projection
        inner = noise(drugs, lines_known) @ known.line.T + noise(drugs, lines) @ residual.line.T
        both = residual.drug @ inner + known.drug @ (noise(drugs_known, lines) @ residual.line.T)
        effects = (residual.drug_effect @ noise(drugs))[:, None] + (residual.line_effect @ noise(lines))[None, :]
        return (both + effects)[self.drug, self.line]


def name_points(ids: tuple[str, ...], chosen: Tensor, known: Tensor) -> list[str]:
    """What makes an item the same as another: which of the training grid it is, or its own id."""
    pairs = zip(chosen.tolist(), known.tolist(), strict=True)
    return [f"known {which}" if which >= 0 else f"new {ids[at]}" for at, which in pairs]


def equal_names(names: Sequence[str] | np.ndarray, others: Sequence[str] | np.ndarray) -> Tensor:
    """(n, m) one where the names are equal."""
    return torch.as_tensor(np.equal.outer(np.asarray(names, object), np.asarray(others, object)).astype(np.float64))


def _root(matrix: Tensor) -> Tensor:
    """A square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * values.clamp(min=0).sqrt()
