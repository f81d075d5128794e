"""Gradient boosting with uncertainty: trees for the mean and for the log SD of the noise, grown by CatBoost.

They see expression components, the fingerprint's coordinates and physico-chemical descriptors, and raise a normal log
likelihood of responses from which each drug id's shift is taken. Grown by stochastic gradient Langevin boosting, the
model's last half is a virtual ensemble, whose members have ever more of its trees (Malinin, Prokhorenkova & Ustimenko
2021, doi:10.48550/arXiv.2006.10562):

    mean = that of all trees + shift,   aleatoric = average over members of SD^2,
    epistemic = variance of the mean over members, plus one for an unseen drug, one for an unseen line
                and that of the shift of an unseen id.

Where variances of measurements are known, rows are weighed by them (`row_weights.known_variance`), and the noise is
the share of SD^2 that they leave. Trees are flat where they have not been, so that their ensemble does not see what is
new. What that costs is measured: a trial is fitted without a third of the drugs and of the lines, and the variance of
an unseen one is by how much the trial's squared errors there exceed its own variance. To predict, trees are arrays;
CatBoost, the extra bdrp[boosting], is needed to fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.features.descriptors import DESCRIPTORS
from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.inference.method import Fitted, Method, Runtime, require_at_least
from bdrp.inference.row_weights.known_variance import weigh
from bdrp.inference.trees import oblivious
from bdrp.inference.trees.forest import Growth, forest_noise
from bdrp.inference.trees.oblivious import Boosting, ObliviousTrees, Rows
from bdrp.inference.trees.regressors import Regressors
from bdrp.predictive import MarginalPosterior

FOREST = Growth(trees=50, leaf=5, share=0.33)  # chosen: that of the forests' defaults, for the noise that weighs rows
LEFT_OUT = 3  # chosen: one drug and one line in so many is left out of the trial
NOTHING_KNOWN = 1.0  # the variance of all responses, where there are too few drugs or lines to leave any out


@dataclass(frozen=True)
class BoostingMethod(Method):
    """Options.

    Attributes:
        trees: the most; with a validation part, as many as serve it best, and the second fit takes that number over.
        depth: questions a tree. rate: of learning.
        patience: trees without a better likelihood of the validation part before growth stops.
        components: of expression, at most those of the batch. coordinates: of the fingerprint.
        share: of the features tried at a question.
        members: of the virtual ensemble.
    """

    name: ClassVar[str] = "boosting"
    reads_response_sd: ClassVar[bool] = True

    trees: int = 800
    depth: int = 6
    rate: float = 0.1
    patience: int = 100
    components: int = 50
    coordinates: int = 24
    share: float = 0.25
    members: int = 10

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, trees=1, patience=1, components=1, coordinates=1, members=2)
        if not 1 <= self.depth <= 12:
            raise FitError(f"depth is {self.depth}; it must be from 1 to 12. Choose another value.")
        for option in ("rate", "share"):
            if not 0 < getattr(self, option) <= 1:
                raise FitError(
                    f"{option} is {getattr(self, option)}; it must be above 0 and at most 1. Choose another value."
                )

    def fit(self, batch: Batch, runtime: Runtime) -> BoostingFit:
        """Grow the trees, then those of the trial; see `Method.fit`."""
        features = batch.features
        columns = Regressors.of(batch, min(self.components, features.components), self.coordinates)
        rows, watched = (
            Rows(columns.table(batch.inputs, part, descriptors=True), columns.response(batch.inputs, part, features))
            for part in (batch.train, batch.validation)
        )
        known = features.known_variance(batch.train).numpy()
        if known.any():
            noise = forest_noise(rows.table, rows.response, known, FOREST, runtime.seed)
            rows = rows._replace(weight=weigh(noise, known))
            watched = watched._replace(weight=weigh(noise, features.known_variance(batch.validation).numpy()))
        growth = Boosting(self.trees, self.depth, self.rate, self.share, self.patience)
        trees = oblivious.grow(rows, growth, runtime.seed, watched if len(watched.response) else None)
        trial = growth._replace(trees=max(len(trees.feature), 1))
        # Weighted squares of rows with the noise n and the weights n / (n + k) average to n over the mean weight.
        share = 1.0 if rows.weight is None else float(rows.weight.mean())
        unseen = _unseen(rows, batch, known, share, trial, runtime.seed)
        return BoostingFit(features, columns, trees, unseen, self.members, share)

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> BoostingFit:
        """Rebuild a fit; see `Method.restore`."""
        components = min(self.components, features.components)
        others = {"loadings": (FINGERPRINT_BITS, self.coordinates), "shift": (len(features.compounds),)}
        others["unseen"] = (2,)
        if "noise_share" in state:  # of a fit that knew variances of measurements
            others["noise_share"] = ()
        fault = oblivious.problem(state, others, self.depth, components + self.coordinates + len(DESCRIPTORS))
        share = float(state.get("noise_share", 1))
        if not (fault or (bool((state["unseen"] >= 0).all()) and 0 < share <= 1)):
            fault = "a variance is below 0, or the share of noise not between 0 and 1"
        if fault:
            raise ModelFolderError(
                f"The tensors of boosting are not trees: {fault}. Whole trees are needed. "
                "The folder was altered. Fit again, or restore it."
            )
        columns = Regressors(components, state["loadings"], state["shift"])
        trees = ObliviousTrees(*(state[name] for name in ObliviousTrees._fields))
        return BoostingFit(features, columns, trees, state["unseen"], self.members, share)


class BoostingFit(Fitted):
    """T trees, and what an unseen drug and an unseen line add to the variance, (2,), standardised.

    The noise has a share of the trees' SD^2, 1 where no variance of a measurement was known.
    """

    def __init__(
        self,
        features: Features,
        columns: Regressors,
        trees: ObliviousTrees,
        unseen: Tensor,
        members: int,
        noise_share: float = 1.0,
    ) -> None:
        self.features, self.columns, self.trees, self.unseen = features, columns, trees, unseen
        self.noise_share = noise_share
        self.settled = {"trees": max(len(trees.feature), 1)}
        self._ends = np.unique(np.linspace(len(trees.feature) / 2, len(trees.feature), members).astype(int))

    def state(self) -> dict[str, Tensor]:
        """Trees, fingerprint loadings, shifts of ids, and variances of what is unseen."""
        others = {"loadings": self.columns.loadings, "shift": self.columns.shift, "unseen": self.unseen}
        if self.noise_share < 1:
            others["noise_share"] = torch.tensor(self.noise_share, dtype=torch.float64)
        return self.trees._asdict() | others

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """The mean of all trees, with the virtual ensemble's variances."""
        table = self.columns.table(inputs, pairs, descriptors=True)
        members = self.trees.stages(table, self._ends)  # the last has all trees
        mean, sd = members[..., 0], members[..., 1]
        positions = (inputs.drug_effect[pairs.drug], inputs.line_effect[pairs.line])
        new = np.stack([(position < 0).cpu().numpy() for position in positions], axis=1)
        unknown = new @ self.unseen.numpy() + self.columns.unknown_shift_of(inputs, pairs, self.features)
        shifted = mean[-1] + self.columns.shift_of(inputs, pairs)
        noise = self.noise_share * np.square(sd).mean(0)
        return MarginalPosterior(self.features.unstandardise(shifted, noise, mean.var(0) + unknown))


def _unseen(rows: Rows, batch: Batch, known: np.ndarray, noise_share: float, growth: Boosting, seed: int) -> Tensor:
    """(2,) what an unseen drug and an unseen line add to the variance: the trial's excess of squared error."""
    rng, inputs, train = np.random.default_rng(seed), batch.inputs, batch.train
    _, compound = np.unique(np.asarray(batch.features.compounds, dtype=str), return_inverse=True)
    numbers = compound[inputs.drug_effect[train.drug].numpy()], inputs.line_effect[train.line].numpy()
    drug_out, line_out = (np.isin(number, _some(number, rng)) for number in numbers)
    kept = ~(drug_out | line_out)
    classes = drug_out & ~line_out, line_out & ~drug_out
    if not (kept.any() and drug_out.any() and line_out.any()):
        return torch.full((2,), NOTHING_KNOWN, dtype=torch.float64)
    trees = oblivious.grow(rows.select(kept), growth, seed)
    mean, sd = np.moveaxis(trees.stages(rows.table, np.array([len(trees.feature)]))[0], -1, 0)
    excess = (rows.response - mean) ** 2 - noise_share * sd**2 - known
    found = [float(excess[one].mean()) if one.any() else NOTHING_KNOWN for one in classes]
    return torch.tensor(found, dtype=torch.float64).clamp(min=0)


def _some(number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third of what there is."""
    there = np.unique(number)
    return rng.permutation(there)[: len(there) // LEFT_OUT]


METHOD = BoostingMethod
