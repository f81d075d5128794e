"""Conformal forest: a random forest whose intervals are made of its own out-of-bag errors.

With T trees, leaf means t(x) and leaf variances v(x), a pair is predicted with the mean and the two variances of the
responses that a quantile regression forest weighs (Meinshausen 2006, jmlr.org/papers/v7/meinshausen06a),

    mean = average of t(x) + shift of the drug id,
    aleatoric ~ average of v(x),   epistemic ~ variance of t(x) over trees,

so its width is its own. The shape and the scale of its distribution are those of the scores of all training rows,

    (response - mean) / sqrt(aleatoric + epistemic)   by the trees that did not see the row,

as in conformal prediction with out-of-bag rows (Johansson, Bostrom, Lofstrom & Linusson 2014,
doi:10.1007/s10994-014-5453-0). Rows of lines and drugs that other rows know make them, so they promise nothing of
unseen ones. Where variances of measurements are known, rows are weighed by them, they are taken from v(x), and each
score's own is added below its root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from bdrp.errors import DataError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.inference.method import Fitted, Runtime
from bdrp.inference.row_weights.known_variance import learn_noise
from bdrp.inference.trees.forest import arrays, grow, leaf_variances, leaves, out_of_bag, problem
from bdrp.inference.trees.options import ForestMethod
from bdrp.inference.trees.regressors import Regressors
from bdrp.predictive import LevelMap, MarginalPosterior
from bdrp.predictive.shaped import standard_shape

LEVELS = np.array([0.002, 0.005, 0.01, 0.025, 0.05, *np.arange(0.1, 0.95, 0.1), 0.95, 0.975, 0.99, 0.995, 0.998])
OUTSIDE = 10  # chosen: a level is used only if about this many scores lie beyond it
FARTHEST = 7.0  # chosen: no knot lies farther out than this many SDs of the scores, where a normal's level rounds to 1
LEAST_STEP = 1e-3  # chosen: in SDs, between knots where scores are tied
SMOOTHING = 0.1  # chosen: of the mean squared out-of-bag error, added to the variance within leaves: some hold no more
# than one response, repeated


@dataclass(frozen=True)
class ConformalForestMethod(ForestMethod):
    """Options: those of every forest."""

    name: ClassVar[str] = "conformal_forest"

    def fit(self, batch: Batch, runtime: Runtime) -> ConformalForestFit:
        """Grow the trees and score their training rows; see `Method.fit`."""
        features, inputs = batch.features, batch.inputs
        columns = Regressors.of(batch, self.components_of(features), self.coordinates)
        table, response = columns.table(inputs, batch.train), columns.response(inputs, batch.train, features)
        known = features.known_variance(batch.train).numpy()
        weight = self.weigh(table, response, known, runtime.seed)
        forest = grow(table, response, self.growth, runtime.seed, weight)
        variances = leaf_variances(forest, table, known, weight)
        votes, within = out_of_bag(forest, table, variances), torch.as_tensor(np.concatenate(variances))
        smoothing = SMOOTHING * learn_noise(response - votes.mean, known)
        scores = (response - votes.mean) / np.sqrt(votes.within + smoothing + votes.between + known)
        scale, shape = _shape(scores[np.isfinite(scores)])
        tensors = arrays(forest) | {"variance": within + smoothing}
        tensors |= {"loadings": columns.loadings, "shift": columns.shift}
        tensors |= {"scale": torch.tensor(scale, dtype=torch.float64)}
        tensors |= {name: torch.tensor(getattr(shape, name), dtype=torch.float64) for name in ("levels", "remapped")}
        return ConformalForestFit(features, tensors, self.components_of(features))

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> ConformalForestFit:
        """Rebuild a fit; see `Method.restore`."""
        nodes, knots = (state[name].numel() if name in state else 0 for name in ("left", "levels"))
        others = {"variance": ((nodes,), torch.float64), "scale": ((), torch.float64)}
        others |= {name: ((knots,), torch.float64) for name in ("levels", "remapped")}
        others["shift"] = ((len(features.compounds),), torch.float64)
        width = self.components_of(features) + self.coordinates
        fault = problem(state, others, self.trees, self.coordinates, width)
        if not (fault or bool((state["variance"] > 0).all() and state["scale"] > 0)):
            fault = "variance and scale must be above 0"
        try:
            if not fault:
                return ConformalForestFit(features, dict(state), self.components_of(features))
        except DataError as error:  # of the knots
            fault = str(error)
        raise ModelFolderError(
            f"The tensors of conformal_forest are not one: {fault.rstrip('.')}. Whole trees and increasing levels are "
            "needed. The folder was altered. Fit again, or restore it."
        )


class ConformalForestFit(Fitted):
    """T trees as arrays of nodes, the variance of the responses in each node, and scale and shape of the scores."""

    def __init__(self, features: Features, tensors: dict[str, Tensor], components: int) -> None:
        self.features, self.tensors = features, tensors
        self.columns = Regressors(components, tensors["loadings"], tensors["shift"])
        self.shape = LevelMap(tuple(tensors["levels"].tolist()), tuple(tensors["remapped"].tolist()))

    def state(self) -> dict[str, Tensor]:
        """Nodes, the first node of each tree, fingerprint loadings, shifts of ids, and the scores' scale and shape."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """The forest's moments, moved and stretched as the scores were."""
        leaf = leaves(self.tensors, self.columns.table(inputs, pairs))
        means, variances = (self.tensors[name].numpy()[leaf] for name in ("value", "variance"))
        within, between = variances.mean(0), means.var(0)
        scale, standard = float(self.tensors["scale"]), standard_shape(self.shape)
        shift, factor = scale * standard.mean[0], (scale * standard.std[0]) ** 2
        mean = means.mean(0) + shift * np.sqrt(within + between) + self.columns.shift_of(inputs, pairs)
        epistemic = factor * between + self.columns.unknown_shift_of(inputs, pairs, self.features)
        return MarginalPosterior(self.features.unstandardise(mean, factor * within, epistemic), shape=self.shape)


def _shape(scores: np.ndarray) -> tuple[float, LevelMap]:
    """The root mean square of N scores, and the map that gives a standard normal their quantiles over it."""
    levels = LEVELS[np.minimum(LEVELS, 1 - LEVELS) * (len(scores) + 1) >= OUTSIDE * (1 - 1e-9)]
    if len(levels) < 3:  # too few to tell a shape
        return max(float(np.sqrt(np.mean(np.append(scores, 1.0) ** 2))), 1e-3), LevelMap((0.25, 0.75), (0.25, 0.75))
    scale = max(float(np.sqrt(np.mean(scores**2))), 1e-3)
    # The k-th of N scores has the level k / (N + 1): a new one falls beyond it as often.
    knots = np.clip(np.quantile(scores / scale, levels, method="weibull"), -FARTHEST, FARTHEST)
    steps = LEAST_STEP * np.arange(len(levels))
    knots = np.maximum.accumulate(knots - steps) + steps
    return scale, LevelMap(tuple(ndtr(knots).tolist()), tuple(levels.tolist()))


METHOD = ConformalForestMethod
