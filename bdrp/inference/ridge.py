"""Ridge regression a drug on expression: the linear baseline, and the one to beat on unseen cell lines.

Each compound is fitted on its own by scikit-learn's `RidgeCV` on all principal coordinates of the training lines, which
is ridge on the genes; the penalty is chosen by leave-one-out error, whose root mean square is the residual SD (Hoerl &
Kennard 1970; Golub, Heath & Wahba 1979). An unseen drug gets the average coefficients and the variance between drugs;
an unseen id of a compound borrows from the others, and has what of that variance they leave. Rows that were measured
with a known variance are weighed, and the residual SD is without it (`row_weights.known_variance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.method import Fitted, Method, Runtime, require_at_least
from bdrp.inference.row_weights.known_variance import learn_noise, learn_noise_by_group, weigh
from bdrp.predictive import MarginalPosterior

PENALTIES = tuple(float(10.0**power) for power in np.arange(1, 6.1, 0.5))  # chosen: spans 0.01 to 1,000 times the genes
PSEUDO_RESPONSES = 10.0  # chosen, as where the last layer starts: the pooled noise counts as ten responses
ROUNDS = 4  # chosen: of regression, then noise, where variances of measurement are known


@dataclass(frozen=True)
class RidgeMethod(Method):
    """Options.

    Attributes:
        fewest: responses that a compound needs for a regression of its own; below, it gets its mean.
    """

    name: ClassVar[str] = "ridge"
    stochastic: ClassVar[bool] = False
    reads_response_sd: ClassVar[bool] = True
    widens_for_new_lines: ClassVar[bool] = False  # it has no effects of lines

    fewest: int = 10

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to choose a penalty by.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, fewest=3)

    def fit(self, batch: Batch, runtime: Runtime) -> RidgeFit:
        """Fit each compound; see `Method.fit`."""
        rows, features = batch.train, batch.features
        response = ((rows.response - features.response_mean) / features.response_std).numpy()
        compound = batch.inputs.drug_effect[rows.drug].numpy()
        genes, line = batch.inputs.genes.double().numpy(), rows.line.numpy()
        basis = _basis(genes[np.unique(line)])
        coordinates = genes @ basis
        known = features.known_variance(rows).numpy()
        compounds = [np.flatnonzero(compound == c) for c in range(len(features.compounds))]
        parts, noise = self._by_compound(coordinates[line], response, known, compounds)
        slopes, intercepts = (np.array(part) for part in zip(*parts, strict=True))
        own = torch.as_tensor(slopes @ basis.T, dtype=torch.float32)
        state = {"slopes": own, "intercepts": torch.as_tensor(intercepts), "noise": torch.as_tensor(noise)}
        return RidgeFit(features, state)

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> RidgeFit:
        """Rebuild a fit; see `Method.restore`."""
        count = len(features.compounds)
        shapes = {"slopes": (count, len(features.genes)), "intercepts": (count,), "noise": (count,)}
        seen = {name: tuple(value.shape) for name, value in state.items()}
        if seen != shapes:
            raise ModelFolderError(
                f"The tensors of ridge are {seen}; {shapes} are needed. The folder was altered. "
                "Fit again, or restore it."
            )
        return RidgeFit(features, dict(state))

    def _by_compound(
        self, coordinates: np.ndarray, response: np.ndarray, known: np.ndarray, compounds: list[np.ndarray]
    ) -> tuple[list[tuple[np.ndarray, float]], np.ndarray]:
        """Slopes and intercept of each compound, and its noise variance.

        Where variances of measurement are known, rows are weighed by the noise that was found before, and noises are
        shrunken towards the pooled one: a compound with a dozen well-measured rows tells its own too badly.
        """
        if not known.any():
            found = [self._regress(coordinates[of], response[of]) for of in compounds]
            alone = [
                learn_noise(left_out, np.zeros_like(left_out)) if len(left_out) > 1 else 1.0 for *_, left_out in found
            ]
            return [(slopes, intercept) for slopes, intercept, _ in found], np.array(alone)
        of_row, residual, weight = np.empty(len(response), int), np.empty(len(response)), np.ones(len(response))
        for _ in range(ROUNDS):
            found = [self._regress(coordinates[of], response[of], weight[of]) for of in compounds]
            for c, of in enumerate(compounds):
                of_row[of], residual[of] = c, found[c][2]
            noise = learn_noise_by_group(residual, known, of_row, len(compounds), PSEUDO_RESPONSES)
            weight = weigh(noise[of_row], known)
        return [(slopes, intercept) for slopes, intercept, _ in found], noise

    def _regress(
        self, coordinates: np.ndarray, response: np.ndarray, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Slopes and intercept, and the size of the (N,) residuals of rows that were left out.

        The penalty is that of the least squares of these, which count by weight as the rows do.
        """
        from sklearn.linear_model import RidgeCV

        if len(response) < self.fewest or np.var(response) < 1e-12 or not coordinates.shape[1]:
            mean = np.average(response, weights=weight)
            return np.zeros(coordinates.shape[1]), float(mean), response - mean
        scoring = "neg_mean_squared_error" if weight is None else None  # by name, a score does not weigh rows
        model = RidgeCV(PENALTIES, scoring=scoring, store_cv_results=True)
        model.fit(coordinates, response, sample_weight=weight)
        left_out = model.cv_results_[:, PENALTIES.index(model.alpha_)]
        return (
            model.coef_,
            float(model.intercept_),
            response - left_out if weight is None else np.sqrt(left_out / weight),
        )


class RidgeFit(Fitted):
    """Coefficients a compound over standardised genes."""

    def __init__(self, features: Features, tensors: dict[str, Tensor]) -> None:
        self.features, self.tensors = features, tensors

    def state(self) -> dict[str, Tensor]:
        """Slopes, intercepts and leave-one-out variances."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """Linear means, leave-one-out variance as noise; an unseen drug adds the variance between drugs."""
        slopes, intercepts, noise = (self.tensors[name] for name in ("slopes", "intercepts", "noise"))
        each = inputs.genes.cpu() @ slopes.T + intercepts.float()  # (L, C)
        drug, line = pairs.drug.cpu(), pairs.line.cpu()
        compound, centre = inputs.drug_effect.cpu()[drug], each.mean(1, keepdim=True)
        known, at = compound >= 0, compound.clamp(min=0)
        share = self.features.drugs.share_of_compounds(intercepts)
        borrowed, left = inputs.relations.to("cpu").borrow((each - centre).T, share)
        mean = torch.where(known, each[line, at], centre[line, 0] + borrowed[drug, line])
        variance = torch.where(known, noise[at], noise.mean())
        epistemic = torch.where(known, 0.0, each.var(1, correction=0)[line] * left[drug])
        return MarginalPosterior(self.features.unstandardise(mean, variance, epistemic))


def _basis(genes: np.ndarray) -> np.ndarray:
    """Orthonormal (G, r) basis of the training lines' span: ridge in it equals ridge on all genes."""
    _, singular, loadings = np.linalg.svd(genes - genes.mean(0), full_matrices=False)
    return np.asarray(loadings[singular > 1e-8 * max(singular.max(), 1e-30)].T)


METHOD = RidgeMethod
