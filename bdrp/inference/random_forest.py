"""Random forest on expression components and structure: the nonlinear baseline without a gradient.

A regression forest (Breiman 2001) sees a line's leading principal components and the principal coordinates of a drug's
fingerprint. With T trees t(x),

    mean = average of t(x) + shift of the drug id,   epistemic = variance of t(x) over trees,
    aleatoric = out-of-bag squared residuals, averaged a compound.

Two ids of one compound are the same to a tree, so the trees see responses from which each id's shift is taken: how far
its mean lies from that of its compound's ids. An id that was not trained on adds the variance of such shifts.

The variance over trees is that of one tree, so it bounds the average's own from above, and out-of-bag residuals hold
some of it too: before recalibration intervals are wide. Where variances of measurements are known, rows are weighed by
them and the noise is without them (`row_weights.known_variance`). scikit-learn grows the trees, kept as plain arrays.
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
from bdrp.inference.method import Fitted, Runtime
from bdrp.inference.row_weights.known_variance import learn_noise_by_group
from bdrp.inference.trees.forest import arrays, grow, leaves, out_of_bag, problem
from bdrp.inference.trees.options import ForestMethod
from bdrp.inference.trees.regressors import Regressors
from bdrp.predictive import MarginalPosterior

PSEUDO_RESPONSES = 10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested compound keeps some


@dataclass(frozen=True)
class RandomForestMethod(ForestMethod):
    """Options: those of every forest."""

    name: ClassVar[str] = "random_forest"

    def fit(self, batch: Batch, runtime: Runtime) -> RandomForestFit:
        """Grow the trees; see `Method.fit`."""
        rows, features, inputs = batch.train, batch.features, batch.inputs
        columns = Regressors.of(batch, self.components_of(features), self.coordinates)
        table, response = columns.table(inputs, rows), columns.response(inputs, rows, features)
        known, drug = features.known_variance(rows).numpy(), inputs.drug_effect[rows.drug].numpy()
        forest = grow(table, response, self.growth, runtime.seed, self.weigh(table, response, known, runtime.seed))
        left_out = response - out_of_bag(forest, table).mean
        if np.isnan(left_out).all():  # so few trees that each saw every row
            left_out = response - response.mean()
        noise = torch.as_tensor(learn_noise_by_group(left_out, known, drug, len(features.compounds), PSEUDO_RESPONSES))
        tensors = {"loadings": columns.loadings, "noise": noise, "shift": columns.shift} | arrays(forest)
        return RandomForestFit(features, tensors, self.components_of(features))

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> RandomForestFit:
        """Rebuild a fit; see `Method.restore`."""
        if "shift" not in state:  # a folder of before ids had shifts
            state = {**state, "shift": torch.zeros(len(features.compounds), dtype=torch.float64)}
        others = dict.fromkeys(("noise", "shift"), ((len(features.compounds),), torch.float64))
        width = self.components_of(features) + self.coordinates
        fault = problem(state, others, self.trees, self.coordinates, width)
        if not (fault or bool((state["noise"] > 0).all())):
            fault = "noise hold what cannot be"
        if fault:
            raise ModelFolderError(
                f"The tensors of random_forest are not a forest: {fault}. Whole trees are needed. "
                "The folder was altered. Fit again, or restore it."
            )
        return RandomForestFit(features, dict(state), self.components_of(features))


class RandomForestFit(Fitted):
    """T trees as arrays of nodes, one tree after the other, and a noise variance a compound."""

    def __init__(self, features: Features, tensors: dict[str, Tensor], components: int) -> None:
        self.features, self.tensors = features, tensors
        self.columns = Regressors(components, tensors["loadings"], tensors["shift"])

    def state(self) -> dict[str, Tensor]:
        """Nodes, the first node of each tree, fingerprint loadings, noise, and shifts of ids."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """Mean and variance over trees; an unseen id has the compounds' mean noise, and its shift is not known."""
        each = self.predict_trees(inputs, pairs)
        compound = inputs.drug_effect[pairs.drug].cpu()
        noise = self.tensors["noise"]
        own = torch.where(compound >= 0, noise[compound.clamp(min=0)], noise.mean())
        mean = each.mean(0) + self.columns.shift_of(inputs, pairs)
        epistemic = each.var(0) + self.columns.unknown_shift_of(inputs, pairs, self.features)
        return MarginalPosterior(self.features.unstandardise(mean, own, epistemic))

    def predict_trees(self, inputs: Inputs, pairs: Pairs) -> np.ndarray:
        """The prediction of each tree for each pair, (T, N), standardised, without the shift of its id."""
        return np.asarray(self.tensors["value"].numpy()[leaves(self.tensors, self.columns.table(inputs, pairs))])


METHOD = RandomForestMethod
