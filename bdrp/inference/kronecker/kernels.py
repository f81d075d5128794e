"""Sums of Kronecker kernels on a drug x line grid: products, conjugate gradients on the entries that were measured.

The covariance of C drugs and L lines is

    K = D0 (x) 1 1' + 1 1' (x) R0 + D (x) R,

drug effects, line effects and their interaction. A product with a (C, L) table costs C^2 L + C L^2 and forms no
matrix of pairs (Saatci 2011; Stegle et al. 2011); entries that were not measured are masked out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from bdrp.errors import FitError
from bdrp.features.molecules import tanimoto


class Grid(NamedTuple):
    """The four factors, from C drugs to M and from L lines to P; square where both are the training grid.

    Attributes:
        drug_effect: (M, C) D0.
        line_effect: (P, L) R0.
        drug: (M, C) D.
        line: (P, L) R.
    """

    drug_effect: Tensor
    line_effect: Tensor
    drug: Tensor
    line: Tensor

    def product(self, table: Tensor) -> Tensor:
        """K times tables (..., C, L), as (..., M, P)."""
        return self.combine(table.sum(-1), table.sum(-2), table)

    def combine(self, drugs: Tensor, lines: Tensor, table: Tensor) -> Tensor:
        """The same with weights of their own for each term: (..., C), (..., L) and (..., C, L)."""
        effects = (drugs @ self.drug_effect.T)[..., :, None] + (lines @ self.line_effect.T)[..., None, :]
        return effects + self.drug @ (table @ self.line.T)

    def to(self, dtype: torch.dtype) -> Grid:
        """The same factors in another precision."""
        return Grid(*(part.to(dtype) for part in self))


class Kernels(NamedTuple):
    """Similarities of M drugs with C, and of P lines with L, before any scale.

    Attributes:
        tanimoto: (M, C). same_drug: (M, C), one for the same drug.
        linear: (P, L). distance: (P, L) mean squared difference of genes. same_line: (P, L).
    """

    tanimoto: Tensor
    same_drug: Tensor
    linear: Tensor
    distance: Tensor
    same_line: Tensor

    def grid(self, scales: Tensor) -> Grid:
        """The factors of K under the ten scales, a1 to c3 and the length r."""
        a1, a2, a3, b1, b2, b3, c1, c2, c3, r = scales
        drug = b1 + b2 * self.tanimoto + b3 * self.same_drug
        # Genes have variance one, so two lines differ by two on average: r is a length in units of that.
        line = c1 * self.linear + c2 * torch.exp(-self.distance / (4 * r**2)) + c3 * self.same_line
        return Grid(a1 * self.tanimoto + a2 * self.same_drug, a3 * self.same_line, drug, line)

    def lines(self, index: Tensor) -> Kernels:
        """Some of the lines, on both sides."""
        return Kernels(self.tanimoto, self.same_drug, *(part[index][:, index] for part in self[2:]))


def cross_kernels(
    drugs: Tensor, genes: Tensor, known_drugs: Tensor, known_genes: Tensor, drug_position: Tensor, line_position: Tensor
) -> Kernels:
    """Kernels of drugs and lines with known ones.

    Args:
        drugs: (M, FINGERPRINT_BITS) bits.
        genes: (P, G).
        known_drugs: (C, FINGERPRINT_BITS).
        known_genes: (L, G).
        drug_position: (M,) position among the known drugs, -1 if none.
        line_position: (P,) likewise among the known lines.
    """
    left, right, width = genes.double(), known_genes.double(), max(genes.shape[1], 1)
    linear = left @ right.T / width
    squares = left.square().sum(1)[:, None] / width + right.square().sum(1) / width
    same_drug = drug_position[:, None] == torch.arange(len(known_drugs))
    same_line = line_position[:, None] == torch.arange(len(known_genes))
    distance = (squares - 2 * linear).clamp(min=0)
    return Kernels(
        tanimoto(drugs.double(), known_drugs.double()), same_drug.double(), linear, distance, same_line.double()
    )


class ResponseTable(NamedTuple):
    """Responses in a C x L table, replicates averaged.

    Attributes:
        mean: (C, L), 0 where nothing was measured.
        replicates: (C, L) as how many, of those without a known error, its mean counts.
        known: (C, L) known variance of each mean's measurement, 0 where not known.
        within: (C,) sum of squares of replicates about their entry's mean, without what is known of their errors.
        surplus: (C,) replicates beyond the first of an entry.
    """

    mean: Tensor
    replicates: Tensor
    known: Tensor
    within: Tensor
    surplus: Tensor

    @property
    def measured(self) -> Tensor:
        """(C, L), 1 where there is a response."""
        return (self.replicates > 0).to(self.mean.dtype)

    def counts(self, noise: Tensor) -> Tensor:
        """(C, L) how many responses without a known error each entry's mean is worth at noise (C,)."""
        return self.replicates / (1 + self.replicates * self.known / noise[:, None])

    def variance(self, noise: Tensor) -> Tensor:
        """(C, L) variance of each entry's mean about g, from the noise of one response a drug, (C,)."""
        return noise[:, None] / self.replicates.clamp(min=1) + self.known

    def lines(self, index: Tensor) -> ResponseTable:
        """Some of the lines; replicates keep their sums a drug."""
        mean, replicates, known = (part[:, index] for part in self[:3])
        return ResponseTable(mean, replicates, known, self.within, self.surplus)

    def ordered(self, drug: Tensor, line: Tensor) -> ResponseTable:
        """The same table with its drugs and lines in another order."""
        mean, replicates, known = (part[drug][:, line] for part in self[:3])
        return ResponseTable(mean, replicates, known, self.within[drug], self.surplus[drug])


def average_replicates(
    drug: Tensor, line: Tensor, response: Tensor, known: Tensor, weight: Tensor, shape: tuple[int, int]
) -> ResponseTable:
    """N responses, (N,) each, in a table of the shape (C, L).

    Under any weights of the means, an entry's variance is right, and so is in expectation the sum of squares within.

    Args:
        drug: below C.
        line: below L.
        response: what was measured.
        known: variances of measurement, 0 where not known.
        weight: what a row counts for beside its replicates, 1 where the variance is not known.
        shape: C and L.
    """
    at = drug * shape[1] + line

    def table(values: Tensor) -> Tensor:
        return torch.zeros(shape[0] * shape[1], dtype=torch.float64).index_add(0, at, values)

    weights, squares = table(weight), table(weight**2)
    least = torch.where(weights > 0, weights, 1.0)
    mean, errors = table(weight * response) / least, table(weight**2 * known) / least
    scatter = torch.zeros(shape[0], dtype=torch.float64).index_add(0, drug, weight * (response - mean[at]) ** 2)
    expected = (table(weight * known) - errors).reshape(shape).sum(1)
    return ResponseTable(
        mean.reshape(shape),
        (weights**2 / torch.where(squares > 0, squares, 1.0)).reshape(shape),
        (errors / least).reshape(shape),
        (scatter - expected).clamp(min=0),
        (weights - squares / least).clamp(min=0).reshape(shape).sum(1),
    )


def covariance(grid: Grid, measured: Tensor, variance: Tensor) -> Callable[[Tensor], Tensor]:
    """Multiply by K + noise on the measured entries; tables must be 0 elsewhere."""
    return lambda table: measured * grid.product(table) + variance * table


def solve(
    multiply: Callable[[Tensor], Tensor],
    right: Tensor,
    *,
    preconditioner: Callable[[Tensor], Tensor],
    start: Tensor | None = None,
    tolerance: float,
    steps: int,
    strict: bool = True,
) -> Tensor:
    """Conjugate gradients on several tables at once (Hestenes & Stiefel 1952).

    Args:
        multiply: by a symmetric positive matrix.
        right: (S, C, L) right-hand sides.
        preconditioner: multiply by nearly the inverse, also symmetric and positive.
        start: first guess; 0 if None.
        tolerance: of the residual's norm, relative to the right-hand side's.
        steps: the most there may be.
        strict: refuse a solution that is not within the tolerance.

    Raises:
        FitError: it is not, and strict.
    """
    solution = torch.zeros_like(right) if start is None else start.clone()
    residual = right - multiply(solution) if start is not None else right.clone()
    wanted, tiny = tolerance**2 * _dot(right, right), torch.finfo(right.dtype).tiny
    conditioned = preconditioner(residual)
    direction, slope = conditioned, _dot(residual, conditioned)
    for _ in range(steps):
        if bool((_dot(residual, residual) <= wanted).all()):
            return solution
        image = multiply(direction)
        step = slope / _dot(direction, image).clamp(min=tiny)
        solution += step * direction
        residual -= step * image
        conditioned = preconditioner(residual)
        before, slope = slope, _dot(residual, conditioned)
        direction = conditioned + slope / before.clamp(min=tiny) * direction
    if strict and not bool((_dot(residual, residual) <= wanted).all()):
        raise FitError(
            f"The Gaussian process was not solved to {tolerance:g} in {steps} steps. "
            "Noise far below the signal makes this slow. Choose a larger tolerance."
        )
    return solution


def _dot(left: Tensor, right: Tensor) -> Tensor:
    return (left * right).sum((-2, -1), keepdim=True)
