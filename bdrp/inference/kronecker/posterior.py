"""The posterior of pairs under a Gaussian process on the drug x line grid: S draws, and what the prior leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.inference.kronecker.kernels import Grid, Kernels, between
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
    def roots(self) -> Grid:
        """Cholesky factors of the training grid's."""

    def noise(self, compound: Tensor) -> Tensor:
        """(n,) noise variances of compounds (n,), -1 for an unseen one."""

    def with_known(self, drugs: Tensor, genes: Tensor, drug_is: Tensor, line_is: Tensor) -> Kernels:
        """Kernels of drugs and lines with the training grid's."""


class GridPosterior(JointPosterior):
    """Random sums of the S draws, which have their covariance, plus what is open.

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
        """(N, M) of the S draws, and of what is open, with the M pairs of another of the same fit."""
        one, two, draws = self.points, other.points, 1 + torch.arange(self.points.draws)
        drawn = one.deviations(draws)[:, self.index].T @ two.deviations(draws)[:, other.index] / one.draws
        open_ = one.open_covariance(two)[self.index][:, other.index]
        return np.asarray(one.fit.features.response_std**2 * (drawn + open_).numpy())

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N)."""
        points, count = self.points, self.points.draws
        mix = torch.as_tensor(rng.standard_normal((draws, count)) / np.sqrt(count))
        total = torch.stack([points.open_draw(rng) for _ in range(draws)])[:, self.index]
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
        self.drug_is, self.line_is = inputs.drug_effect[drugs], inputs.line_effect[lines]
        self.names = [_names(inputs.drug_ids, drugs, self.drug_is), _names(inputs.line_ids, lines, self.line_is)]
        self.cross = fit.with_known(self.bits, self.genes, self.drug_is, self.line_is).grid(fit.tensors["scales"])
        self.prior = self.prior_with(self)

    def prior_with(self, other: GridPoints) -> Grid:
        """The factors of the prior covariance with the points of another."""
        nobody = (torch.full((len(part),), -1) for part in (self.bits, self.genes))
        kernels = between(self.bits, self.genes, other.bits, other.genes, *nobody)
        same_drug, same_line = (_equal(here, there) for here, there in zip(self.names, other.names, strict=True))
        return kernels._replace(same_drug=same_drug, same_line=same_line).grid(self.fit.tensors["scales"])

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, noise variance, and mean square of the draws about the mean with what is open, (N,) each."""
        square = torch.zeros(len(self.drug), dtype=torch.float64)
        blocks = torch.arange(1, 1 + self.draws).split(BLOCK)
        for block in blocks:
            square += self.deviations(block).square().sum(0)
        mean, noise = self.deviations(torch.tensor([0]))[0], self.fit.noise(self.drug_is[self.drug])
        return mean, noise, square / self.draws + self.open_variance()

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
    def seen(self) -> Grid:
        """Each cross factor over the training root: what the training grid tells of these points, (M, C), (P, L)."""
        solved = (
            torch.linalg.solve_triangular(root, cross.T, upper=False).T
            for root, cross in zip(self.fit.roots, self.cross, strict=True)
        )
        return Grid(*solved)

    def open_variance(self) -> Tensor:
        """The prior variance that is left once the training grid is known, (N,)."""
        whole = Grid(*(part.diagonal()[:, None] for part in self.prior))
        told = Grid(*(part.square().sum(1, keepdim=True) for part in self.seen))
        drug = (whole.drug_effect - told.drug_effect).clamp(min=0)[self.drug, 0]
        line = (whole.line_effect - told.line_effect).clamp(min=0)[self.line, 0]
        both = (whole.drug @ whole.line.T - told.drug @ told.line.T).clamp(min=0)
        return drug + line + both[self.drug, self.line]

    def open_covariance(self, other: GridPoints) -> Tensor:
        """What the training grid does not tell of the prior covariance with another's pairs, (N, M)."""
        whole, here, there = self.prior_with(other), self.seen, other.seen
        told = Grid(*(one @ two.T for one, two in zip(here, there, strict=True)))
        drug = (whole.drug_effect - told.drug_effect)[self.drug][:, other.drug]
        line = (whole.line_effect - told.line_effect)[self.line][:, other.line]
        both = whole.drug[self.drug][:, other.drug] * whole.line[self.line][:, other.line]
        return drug + line + both - told.drug[self.drug][:, other.drug] * told.line[self.line][:, other.line]

    @cached_property
    def open_roots(self) -> Grid:
        """Roots of what the training grid does not tell of each factor, (M, M), (P, P)."""
        return Grid(*(_root(whole - told @ told.T) for whole, told in zip(self.prior, self.seen, strict=True)))

    def open_draw(self, rng: np.random.Generator) -> Tensor:
        """A draw of what is left of the prior, for each pair, (N,)."""
        (drugs, drugs_known), (lines, lines_known) = self.seen.drug.shape, self.seen.line.shape

        def noise(*shape: int) -> Tensor:
            return torch.as_tensor(rng.standard_normal(shape))

        open_, seen = self.open_roots, self.seen
        inner = noise(drugs, lines_known) @ seen.line.T + noise(drugs, lines) @ open_.line.T
        both = open_.drug @ inner + seen.drug @ (noise(drugs_known, lines) @ open_.line.T)
        effects = (open_.drug_effect @ noise(drugs))[:, None] + (open_.line_effect @ noise(lines))[None, :]
        return (both + effects)[self.drug, self.line]


def _names(ids: tuple[str, ...], chosen: Tensor, known: Tensor) -> list[str]:
    """What makes an item the same as another: which of the training grid it is, or its own id."""
    pairs = zip(chosen.tolist(), known.tolist(), strict=True)
    return [f"known {which}" if which >= 0 else f"new {ids[at]}" for at, which in pairs]


def _equal(names: list[str], others: list[str]) -> Tensor:
    """(n, m) one where the names are equal."""
    return torch.as_tensor(np.equal.outer(np.asarray(names, object), np.asarray(others, object)).astype(np.float64))


def _root(matrix: Tensor) -> Tensor:
    """A square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return vectors * values.clamp(min=0).sqrt()
