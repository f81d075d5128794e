"""Mean effects: drug mean plus line deviation, with a residual SD a drug; no expression, no structure.

The baseline that every method must beat, and that normalised correlations subtract. Effects are shrunken towards zero
by the count of their responses (best linear unbiased prediction; Henderson 1975), so an unseen drug or line gets none.
A response measured with a known variance counts for less (`row_weights.known_variance`); the noise is what is left, by
a step of expectation-maximisation a sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bdrp.errors import ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.method import Fitted, Method, Runtime, require_at_least
from bdrp.inference.row_weights.known_variance import expected_square, weigh
from bdrp.predictive import MarginalPosterior


@dataclass(frozen=True)
class MeanEffectsMethod(Method):
    """Options.

    Attributes:
        shrinkage: the responses that pull an effect half-way from zero. sweeps: alternations between drug and line
            effects.
    """

    name: ClassVar[str] = "mean_effects"
    stochastic: ClassVar[bool] = False
    reads_response_sd: ClassVar[bool] = True

    shrinkage: float = 1.0
    sweeps: int = 10

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, shrinkage=0, sweeps=1)

    def fit(self, batch: Batch, runtime: Runtime) -> MeanEffectsFit:
        """Alternate between drug and line effects; see `Method.fit`."""
        rows, features = batch.train, batch.features
        response = (rows.response - features.response_mean) / features.response_std
        compound, line = batch.inputs.drug_effect[rows.drug], batch.inputs.line_effect[rows.line]
        drugs = torch.zeros(len(features.compounds), dtype=torch.float64)
        lines = torch.zeros(len(features.lines), dtype=torch.float64)
        known = features.known_variance(rows)
        weight = torch.ones_like(response)
        for _ in range(self.sweeps):
            drugs = _mean(response - lines[line], weight, compound, drugs, self.shrinkage)
            lines = _mean(response - drugs[compound], weight, line, lines, self.shrinkage)
            square = expected_square(response - drugs[compound] - lines[line], known, weight)
            overall = square.mean().clamp(min=1e-8)
            # Ten pseudo-responses at the overall variance (chosen) keep a rarely tested drug's variance away from zero.
            noise = (_sum(square, compound, len(drugs)) + 10 * overall) / (_count(compound, len(drugs)) + 10)
            weight = weigh(noise[compound], known)
        variances = torch.stack([overall, drugs.var(correction=0), lines.var(correction=0)])
        return MeanEffectsFit(features, {"drugs": drugs, "lines": lines, "noise": noise, "spread": variances})

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> MeanEffectsFit:
        """Rebuild a fit; see `Method.restore`."""
        shapes = {
            "drugs": len(features.compounds),
            "lines": len(features.lines),
            "noise": len(features.compounds),
            "spread": 3,
        }
        if {name: tuple(value.shape) for name, value in state.items()} != {name: (n,) for name, n in shapes.items()}:
            raise ModelFolderError(
                f"The tensors of mean_effects are {sorted(state)}; {sorted(shapes)} of lengths {list(shapes.values())} "
                "are needed. The folder was altered. Fit again, or restore it."
            )
        return MeanEffectsFit(features, dict(state))


class MeanEffectsFit(Fitted):
    """Effects and residual variances, standardised."""

    def __init__(self, features: Features, tensors: dict[str, Tensor]) -> None:
        self.features, self.tensors = features, tensors

    def state(self) -> dict[str, Tensor]:
        """Effects and variances."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """Sum of effects; an unseen drug or line adds the variance between drugs or lines.

        An unseen id of a compound borrows from the others, and adds what of that variance they leave.
        """
        overall, between_drugs, between_lines = self.tensors["spread"]
        compound, line = inputs.drug_effect[pairs.drug], inputs.line_effect[pairs.line]
        drug_known, line_known = compound >= 0, line >= 0
        share = self.features.drugs.share_of_compounds(self.tensors["drugs"])
        borrowed, left = (part[pairs.drug] for part in inputs.relations.borrow(self.tensors["drugs"], share))
        mean = torch.where(drug_known, self.tensors["drugs"][compound.clamp(min=0)], borrowed)
        mean = mean + torch.where(line_known, self.tensors["lines"][line.clamp(min=0)], 0.0)
        noise = torch.where(drug_known, self.tensors["noise"][compound.clamp(min=0)], overall)
        epistemic = torch.where(drug_known, 0.0, between_drugs * left) + torch.where(line_known, 0.0, between_lines)
        return MarginalPosterior(self.features.unstandardise(mean, noise, epistemic))


def _count(index: Tensor, size: int) -> Tensor:
    return torch.bincount(index, minlength=size).double()


def _sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.float64).index_add(0, index, values)


def _mean(values: Tensor, weight: Tensor, index: Tensor, like: Tensor, shrinkage: float) -> Tensor:
    return _sum(weight * values, index, len(like)) / (_sum(weight, index, len(like)) + shrinkage)


METHOD = MeanEffectsMethod
