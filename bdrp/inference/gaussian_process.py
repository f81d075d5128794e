"""Exact Gaussian process on the drug x line grid: the strongest shallow baseline on held-out pairs and drugs.

The response of drug d and line l is g(d, l) + noise, noise ~ Normal(0, s[d]^2), with the covariance of g a sum of
Kronecker kernels (Bonilla, Chai & Williams 2008; Saatci 2011)

    K = (a1 T + a2 I) (x) 11' + 11' (x) a3 I + (b1 11' + b2 T + b3 I) (x) (c1 E + c2 R + c3 I):

T is Tanimoto similarity of fingerprints, E the linear kernel of the genes, R their squared-exponential kernel, I is one
for the same drug or line. Replicates are averaged into their grid entry, whose noise is s[d]^2 / count, to which
known variances of measurements are added, so that s[d] is without them.

Scales, length and noise maximise the marginal likelihood of some of the lines under weak priors; its gradient takes
traces from random probes (Gardner et al. 2018, doi:10.48550/arXiv.1809.11165). With W = (K + noise)^-1, the mean is
k' W y, and S posterior draws are pathwise (Wilson et al. 2020, doi:10.48550/arXiv.2002.09309)

    g_s = prior_s + k' W (y - prior_s - noise_s),

all solved by conjugate gradients. The epistemic variance of a pair is the mean square of the S draws about the mean,
with a relative error of sqrt(2 / S) that its neighbours share, plus in closed form the prior variance given the
training grid: nothing for a known drug and line, and the greatest part for a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.inference.kronecker.kernels import (
    Grid,
    Kernels,
    ResponseTable,
    average_replicates,
    covariance,
    cross_kernels,
    solve,
)
from bdrp.inference.kronecker.posterior import GridPoints, GridPosterior
from bdrp.inference.kronecker.preconditioning import Preconditioner, build_preconditioner
from bdrp.inference.method import Fitted, Method, Runtime, require_at_least
from bdrp.inference.row_weights.known_variance import weigh

# Where the scales start, in variances of the response (chosen: their order on GDSC2's training parts); the last is a
# length.
START = {"a1": 0.6, "a2": 0.1, "a3": 0.01, "b1": 0.4, "b2": 0.4, "b3": 0.1, "c1": 0.15, "c2": 0.1, "c3": 0.02, "r": 2.0}
START_NOISE = 0.1
SCALE_PRIOR = 2.0  # chosen: the SD of a log scale about its start; matters only where the screen has little information
NOISE_PRIOR = 5.0  # chosen: the precision of a log noise about the pooled one, which is that of ten responses
LOWEST = 1e-4  # chosen: no scale below this, so that every factor can be inverted
RATE = 0.15  # chosen: of Adam on log scales; 30 steps go as far as a factor of ninety
PROBES = 6  # chosen: every trace sums over thousands of grid entries, so a few probes suffice
BLOCK = 16  # chosen: draws solved or predicted at once; bounds memory
TERMS = 2_000  # chosen: of the preconditioner; on GDSC2 3,000 take as much longer to prepare as they save
FEW_TERMS = 500  # chosen: the same while scales are chosen, on fewer lines
KEPT_STEPS = 5  # chosen: steps that share a preconditioner; scales move by a factor of two at most meanwhile
MOST = 2_000  # steps of conjugate gradients; some ten are usual


@dataclass(frozen=True)
class GaussianProcessMethod(Method):
    """Options.

    Attributes:
        lines: the most training lines that the marginal likelihood looks at, chosen at random. steps: of its ascent.
        draws: S posterior draws, for epistemic variances (16 give them to a third) and
            joint draws.
        tolerance: of a solution's residual, relative.
    """

    name: ClassVar[str] = "gaussian_process"
    reads_response_sd: ClassVar[bool] = True

    lines: int = 200
    steps: int = 30
    draws: int = 16
    tolerance: float = 1e-2

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, lines=1, steps=0, draws=2)
        if not 1e-6 <= self.tolerance <= 0.1:
            raise FitError(f"tolerance is {self.tolerance}; it must be from 1e-6 to 0.1. Choose another value.")

    def fit(self, batch: Batch, runtime: Runtime) -> GaussianProcessFit:
        """Choose scales, then solve for the mean and the draws; see `Method.fit`."""
        features, (drugs, genes) = batch.features, _known(batch)
        drug, line = _order_by_content(drugs, genes)
        drugs, genes, table = drugs[drug], genes[line], _table(batch).ordered(drug, line)
        kernels = cross_kernels(drugs, genes, drugs, genes, *(torch.arange(n) for n in (len(drugs), len(genes))))
        generator = torch.Generator().manual_seed(runtime.seed)
        some = torch.randperm(len(genes), generator=generator)[: self.lines].sort().values
        scales, noise = _maximise(kernels.lines(some), table.lines(some), self.steps, generator)
        weights = _weights(kernels.grid(scales), table, noise, self, generator)
        of_drug, of_line = torch.argsort(drug), torch.argsort(line)  # back to the order of the features
        state = {
            "scales": scales,
            "noise": noise[of_drug],
            "fingerprints": drugs[of_drug].to(torch.uint8),
            "genes": genes[of_line],
            "drug_weights": weights["drug_weights"][:, of_drug],
            "line_weights": weights["line_weights"][:, of_line],
            "weights": weights["weights"][:, of_drug][:, :, of_line],
        }
        return GaussianProcessFit(features, state)

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> GaussianProcessFit:
        """Rebuild a fit; see `Method.restore`."""
        drugs, lines, many = len(features.compounds), len(features.lines), 1 + self.draws
        shapes = {"scales": (len(START),), "noise": (drugs,), "fingerprints": (drugs, FINGERPRINT_BITS)}
        shapes |= {"genes": (lines, len(features.genes)), "drug_weights": (many, drugs)}
        shapes |= {"line_weights": (many, lines), "weights": (many, drugs, lines)}
        seen = {name: tuple(value.shape) for name, value in state.items()}
        kinds = dict.fromkeys(shapes, torch.float32) | {"scales": torch.float64, "noise": torch.float64}
        kinds |= {"fingerprints": torch.uint8}
        usable = seen == shapes and all(state[name].dtype == kind for name, kind in kinds.items())
        usable = usable and all(bool(torch.isfinite(value).all()) for value in state.values())
        if not (usable and all(bool((state[name] > 0).all()) for name in ("scales", "noise"))):
            raise ModelFolderError(
                f"The tensors of gaussian_process are {seen}; finite ones of {shapes} are needed, with scales and "
                "noise above 0. The folder was altered. Fit again, or restore it."
            )
        return GaussianProcessFit(features, dict(state))


class GaussianProcessFit(Fitted):
    """Scales, training points, and the weights of the mean (first) and of S draws about it."""

    def __init__(self, features: Features, tensors: dict[str, Tensor]) -> None:
        self.features, self.tensors = features, tensors

    def state(self) -> dict[str, Tensor]:
        """Scales, noise, fingerprints and genes of the training grid, and weights."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> GridPosterior:
        """The draws, and the residual prior; see `Fitted.posterior_of`."""
        points = GridPoints(self, inputs, pairs)
        return GridPosterior(points, np.arange(len(pairs)))

    def noise(self, compound: Tensor) -> Tensor:
        """(n,) noise variances of compounds (n,); an unseen drug (-1) has the compounds' mean."""
        noise = self.tensors["noise"]
        return torch.where(compound >= 0, noise[compound.clamp(min=0)], noise.mean())

    @cached_property
    def training_kernels(self) -> Kernels:
        """Kernels among the training drugs and lines."""
        count = (len(self.tensors["fingerprints"]), len(self.tensors["genes"]))
        return self.kernels_with_training(
            self.tensors["fingerprints"], self.tensors["genes"], *map(torch.arange, count)
        )

    @cached_property
    def training_roots(self) -> Grid:
        """Cholesky factors of the training grid's."""
        return Grid(*(_cholesky(part) for part in self.training_kernels.grid(self.tensors["scales"])))

    def kernels_with_training(
        self, drugs: Tensor, genes: Tensor, drug_position: Tensor, line_position: Tensor
    ) -> Kernels:
        """Kernels of drugs and lines with the training grid's."""
        return cross_kernels(
            drugs, genes, self.tensors["fingerprints"], self.tensors["genes"], drug_position, line_position
        )


def _known(batch: Batch) -> tuple[Tensor, Tensor]:
    """Fingerprints (C, FINGERPRINT_BITS) and genes (L, G) of the training compounds and lines."""
    inputs, features = batch.inputs, batch.features
    drug, line = (torch.zeros(len(ids), dtype=torch.int64) for ids in (features.compounds, features.lines))
    for positions, at in ((inputs.drug_effect, drug), (inputs.line_effect, line)):
        rows = torch.nonzero(positions >= 0)[:, 0]
        at[positions[rows]] = rows
    return inputs.molecules.fingerprints[drug], inputs.genes[line]


def _order_by_content(drugs: Tensor, genes: Tensor) -> tuple[Tensor, Tensor]:
    """Drugs by their fingerprints and lines by their expression: what they are called decides no random draw."""
    by_structure = torch.as_tensor(np.lexsort(drugs.T.numpy()))
    return by_structure, torch.argsort(genes.double().square().sum(1), stable=True)


def _table(batch: Batch) -> ResponseTable:
    rows, features, inputs = batch.train, batch.features, batch.inputs
    response = (rows.response - features.response_mean) / features.response_std
    shape = (len(features.compounds), len(features.lines))
    drug, line, known = inputs.drug_effect[rows.drug], inputs.line_effect[rows.line], features.known_variance(rows)
    # Replicates weigh as they would at the noise that one starts from; an entry's variance is right at any.
    return average_replicates(drug, line, response, known, weigh(START_NOISE, known), shape)


def _maximise(kernels: Kernels, table: ResponseTable, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scales and noise variances, (10,) and (C,), that make the responses likely."""
    start = torch.tensor(list(START.values()), dtype=torch.float64).log()
    scales = start.clone().requires_grad_()
    pooled = torch.tensor(np.log(START_NOISE), dtype=torch.float64, requires_grad=True)
    own = torch.zeros(len(table.mean), dtype=torch.float64, requires_grad=True)
    ascent = torch.optim.Adam([scales, pooled, own], lr=RATE)
    signs = torch.randint(0, 2, (PROBES, *table.mean.shape), generator=generator) * 2 - 1
    right = torch.cat([table.mean[None], signs * table.measured]).float()
    solved = torch.zeros_like(right)
    for step in range(steps):
        ascent.zero_grad()
        grid, noise = kernels.grid(scales.exp()), (pooled + own).exp()
        if step % KEPT_STEPS == 0:
            with torch.no_grad():
                preconditioner = build_preconditioner(grid, table.counts(noise), noise, FEW_TERMS).to(right.dtype)
        loss, solved = _negative_evidence(grid, noise, table, right, solved, preconditioner)
        loss = loss + 0.5 * ((scales - start) / SCALE_PRIOR).square().sum() + 0.5 * NOISE_PRIOR * own.square().sum()
        torch.autograd.backward(loss)
        ascent.step()
        with torch.no_grad():
            scales.clamp_(min=float(np.log(LOWEST)))
            pooled.clamp_(min=float(np.log(LOWEST)))
            own.clamp_(-2.0, 2.0)
    return scales.detach().exp(), (pooled + own).detach().exp()


def _negative_evidence(
    grid: Grid, noise: Tensor, table: ResponseTable, right: Tensor, start: Tensor, preconditioner: Preconditioner
) -> tuple[Tensor, Tensor]:
    """A loss with the gradient of the negative log marginal likelihood, and the solutions behind it.

    With K the covariance of the measured grid entries, u = K^-1 y and v = K^-1 z for probes z, the gradient is that of
    (mean of v' K z - u' K u) / 2 at fixed u and v; replicates about their entry's mean add a chi-square density.
    """
    exact = covariance(grid, table.measured, table.variance(noise) * table.measured)
    with torch.no_grad():
        multiply = covariance(*_in(right.dtype, grid, table, noise))
        solved = solve(
            multiply, right, preconditioner=preconditioner, start=start, tolerance=0.02, steps=20, strict=False
        )
    other = torch.cat([solved[:1], right[1:]]).double()
    products = (solved * exact(other)).sum((1, 2))
    within = (table.surplus * noise.log() + table.within / noise).sum()
    return 0.5 * (products[1:].mean() - products[0] + within), solved


def _weights(
    grid: Grid, table: ResponseTable, noise: Tensor, method: GaussianProcessMethod, generator: torch.Generator
) -> dict[str, Tensor]:
    """Weights of the mean, then of each draw about it, a term of the covariance each."""
    exact = covariance(*_in(torch.float64, grid, table, noise))
    preconditioner = build_preconditioner(grid, table.counts(noise), noise, TERMS)
    mean = solve(exact, table.mean[None], preconditioner=preconditioner, tolerance=0.1 * method.tolerance, steps=MOST)
    parts = [(mean.sum(2), mean.sum(1), mean)]
    roots, deviation = Grid(*map(_cholesky, grid)), table.variance(noise).sqrt()
    # Draws in single precision take half the time; an epistemic variance needs no more.
    multiply, preconditioner = covariance(*_in(torch.float32, grid, table, noise)), preconditioner.to(torch.float32)
    for block in torch.arange(method.draws).split(BLOCK):
        prior, own = _prior(roots, table.mean.shape, len(block), generator)
        right = (table.measured * (prior + deviation * _noise(generator, *prior.shape))).float()
        solved = solve(multiply, right, preconditioner=preconditioner, tolerance=method.tolerance, steps=MOST).double()
        drugs, lines, both = own
        parts.append((drugs - solved.sum(2), lines - solved.sum(1), both - solved))
    names = ("drug_weights", "line_weights", "weights")
    return {name: torch.cat(part).float() for name, part in zip(names, zip(*parts, strict=True), strict=True)}


def _in(dtype: torch.dtype, grid: Grid, table: ResponseTable, noise: Tensor) -> tuple[Grid, Tensor, Tensor]:
    """What `covariance` takes, in a precision."""
    measured = table.measured
    return grid.to(dtype), measured.to(dtype), (table.variance(noise) * measured).to(dtype)


def _prior(
    roots: Grid, shape: tuple[int, ...], draws: int, generator: torch.Generator
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Draws of g on the training grid, (draws, C, L), and the weights of each term that give them."""
    drugs, lines = shape
    drug, line = _noise(generator, draws, drugs), _noise(generator, draws, lines)
    both = _noise(generator, draws, drugs, lines)
    values = roots.combine(drug, line, both)
    turned = Grid(*(_inverse(root) for root in roots))
    weights = (drug @ turned.drug_effect, line @ turned.line_effect, turned.drug.T @ both @ turned.line)
    return values, weights


def _noise(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _cholesky(matrix: Tensor) -> Tensor:
    return torch.linalg.cholesky(matrix)


def _inverse(root: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(root, torch.eye(len(root), dtype=root.dtype), upper=False)


METHOD = GaussianProcessMethod
