"""Random forest on expression components and structure: the nonlinear baseline without a gradient.

A regression forest (Breiman 2001) sees a line's leading principal components and the principal coordinates of a drug's
fingerprint. With T trees t(x),

    mean = average of t(x) + shift of the drug id,   epistemic = variance of t(x) over trees,
    aleatoric = out-of-bag squared residuals, averaged a compound.

Two ids of one compound are the same to a tree, so the trees see responses from which each id's shift is taken: how far
its mean lies from that of its compound's ids. An id that was not trained on adds the variance of such shifts.

The variance over trees is that of one tree, so it bounds the average's own from above, and out-of-bag residuals hold
some of it too: before recalibration intervals are wide. scikit-learn grows the trees; they are kept as plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Inputs, Pairs
from bdrp.features.molecules import FINGERPRINT_BITS
from bdrp.inference.method import Fitted, Method, Runtime
from bdrp.predictive import MarginalPosterior

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

PSEUDO_RESPONSES = 10.0  # chosen: the pooled noise counts as ten responses, so that a rarely tested compound keeps some
BLOCK = 20_000  # chosen: pairs sent down all trees at once; bounds memory at some 50 MB
NODES = {"left": torch.int32, "right": torch.int32, "feature": torch.int32}
NODES |= {"threshold": torch.float64, "value": torch.float64}


@dataclass(frozen=True)
class RandomForestMethod(Method):
    """Options.

    Attributes:
        trees: T. leaf: the fewest responses of a leaf.
        components: of expression, at most those of the batch.
        coordinates: of the fingerprint.
        share: of the features tried at a split.
    """

    name: ClassVar[str] = "random_forest"

    trees: int = 50
    leaf: int = 5
    components: int = 50
    coordinates: int = 24
    share: float = 0.33

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        for option, least in (("trees", 2), ("leaf", 1), ("components", 1), ("coordinates", 1)):
            if getattr(self, option) < least:
                raise FitError(
                    f"{option} is {getattr(self, option)}; it must be at least {least}. Choose another value."
                )
        if not 0 < self.share <= 1:
            raise FitError(f"share is {self.share}; it must be above 0 and at most 1. Choose another value.")

    def fit(self, batch: Batch, runtime: Runtime) -> RandomForestFit:
        """Grow the trees; see `Method.fit`."""
        from sklearn.ensemble import RandomForestRegressor

        rows, features, inputs = batch.train, batch.features, batch.inputs
        loadings = _loadings(inputs.molecules.fingerprints[torch.unique(rows.drug)], self.coordinates)
        table = regressors(inputs, rows, loadings, self._components(features))
        # Single precision makes the response the same in every unit, so that ties between splits fall the same way.
        response = ((rows.response - features.response_mean) / features.response_std).float().double().numpy()
        compound = inputs.drug_effect[rows.drug].numpy()
        shift = _shifts(response, compound, features.compounds)
        forest = RandomForestRegressor(
            self.trees,
            min_samples_leaf=self.leaf,
            max_features=self.share,
            random_state=runtime.seed,
            n_jobs=torch.get_num_threads(),  # trees draw from seeds of their own: the same forest for any number
        ).fit(table, response - shift[compound])
        noise = _noise(_out_of_bag(forest, table), response - shift[compound], compound, len(features.compounds))
        own = {"noise": torch.as_tensor(noise), "shift": torch.as_tensor(shift)}
        tensors = {"loadings": loadings} | own | _arrays(forest)
        return RandomForestFit(features, tensors, self._components(features))

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> RandomForestFit:
        """Rebuild a fit; see `Method.restore`."""
        if "shift" not in state:  # a folder of before ids had shifts
            state = {**state, "shift": torch.zeros(len(features.compounds), dtype=torch.float64)}
        problem = _problem(state, len(features.compounds), self.trees, self.coordinates)
        if not problem:
            width = self._components(features) + self.coordinates
            problem = _broken_trees(state, width)
        if problem:
            raise ModelFolderError(
                f"The tensors of random_forest are not a forest: {problem}. Whole trees are needed. "
                "The folder was altered. Fit again, or restore it."
            )
        return RandomForestFit(features, dict(state), self._components(features))

    def _components(self, features: Features) -> int:
        return min(self.components, features.components)


class RandomForestFit(Fitted):
    """T trees as arrays of nodes, one tree after the other, and a noise variance a compound."""

    def __init__(self, features: Features, tensors: dict[str, Tensor], components: int) -> None:
        self.features, self.tensors, self.components = features, tensors, components

    def state(self) -> dict[str, Tensor]:
        """Nodes, the first node of each tree, fingerprint loadings and noise."""
        return self.tensors

    def posterior_of(self, inputs: Inputs, pairs: Pairs) -> MarginalPosterior:
        """Mean and variance over trees; an unseen id has the compounds' mean noise, and its shift is not known."""
        each = self.predict_trees(inputs, pairs)
        compound = inputs.drug_effect[pairs.drug].cpu()
        noise = self.tensors["noise"]
        own = torch.where(compound >= 0, noise[compound.clamp(min=0)], noise.mean())
        shift = torch.where(compound >= 0, self.tensors["shift"][compound.clamp(min=0)], 0.0).numpy()
        epistemic = each.var(0) + torch.where(compound >= 0, 0.0, self._unknown_shift(inputs)[pairs.drug]).numpy()
        return MarginalPosterior(self.features.unstandardise(each.mean(0) + shift, own, epistemic))

    def _unknown_shift(self, inputs: Inputs) -> Tensor:
        """(D,) variance of an untrained id's shift, and of the mean of the n ids that it is a shift from."""
        shift, ids = self.tensors["shift"], inputs.relations.ids.cpu()
        several = len(shift) - len(set(self.features.compounds))
        return shift.square().sum() / max(several, 1) * torch.where(ids > 0, 1 + 1 / ids.clamp(min=1), 1.0)

    def predict_trees(self, inputs: Inputs, pairs: Pairs) -> np.ndarray:
        """The prediction of each tree for each pair, (T, N), standardised, without the shift of its id."""
        table = regressors(inputs, pairs, self.tensors["loadings"], self.components)
        nodes = {name: self.tensors[name].numpy() for name in NODES}
        blocks = [_descend(nodes, self.tensors["roots"].numpy(), block) for block in np.split(table, _cuts(len(table)))]
        return np.concatenate(blocks, axis=1)


def regressors(inputs: Inputs, pairs: Pairs, loadings: Tensor, components: int) -> np.ndarray:
    """(N, components + coordinates) single precision, as scikit-learn compares it."""
    line, drug = pairs.line.cpu(), pairs.drug.cpu()
    structure = inputs.molecules.fingerprints.cpu() @ loadings
    return torch.cat([inputs.components.cpu()[line, :components], structure[drug]], dim=1).numpy()


def _loadings(fingerprints: Tensor, coordinates: int) -> Tensor:
    """(FINGERPRINT_BITS, coordinates) principal directions of the training drugs' bits; 0 beyond their rank."""
    bits = fingerprints.cpu().double()
    _, singular, right = torch.linalg.svd(bits - bits.mean(0), full_matrices=False)
    loadings = torch.zeros(FINGERPRINT_BITS, coordinates)
    selected = right[singular > 1e-8][:coordinates]
    loadings[:, : len(selected)] = selected.T.float()
    return loadings


def _out_of_bag(forest: RandomForestRegressor, table: np.ndarray) -> np.ndarray:
    """The average of the trees that did not see a row, (N,); NaN where all saw it."""
    total, count = np.zeros(len(table)), np.zeros(len(table))
    for tree, seen in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(len(table)), seen)
        if len(unseen):
            total[unseen] += tree.predict(table[unseen])
            count[unseen] += 1
    return np.divide(total, count, out=np.full(len(table), np.nan), where=count > 0)


def _noise(expected: np.ndarray, response: np.ndarray, compound: np.ndarray, compounds: int) -> np.ndarray:
    """Mean squared residual a compound, (C,), drawn to the pooled one."""
    known = np.isfinite(expected)
    square = (response - expected)[known] ** 2
    pooled = max(float(square.mean()) if known.any() else float(response.var()), 1e-6)
    total = np.bincount(compound[known], square, minlength=compounds)
    count = np.bincount(compound[known], minlength=compounds)
    return np.asarray((total + PSEUDO_RESPONSES * pooled) / (count + PSEUDO_RESPONSES))


def _shifts(response: np.ndarray, drug: np.ndarray, compounds: Sequence[str]) -> np.ndarray:
    """(C,) how far the mean response of each training drug lies from the mean of its compound's; 0 for a single id."""
    count, total = (np.bincount(drug, each, minlength=len(compounds)) for each in (None, response))
    mean = pd.Series(total / np.maximum(count, 1))
    own = mean - mean.groupby(np.asarray(compounds, dtype=object)).transform("mean")
    return own.to_numpy(np.float64, copy=True)


def _arrays(forest: RandomForestRegressor) -> dict[str, Tensor]:
    """Nodes of all trees in a row; a child is the position of its node in that row, -1 at a leaf."""
    trees = [tree.tree_ for tree in forest.estimators_]
    roots = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])])
    parts: dict[str, list[np.ndarray]] = {name: [] for name in NODES}
    for tree, root in zip(trees, roots, strict=False):
        for side, children in (("left", tree.children_left), ("right", tree.children_right)):
            parts[side].append(np.where(children < 0, -1, children + root))
        parts["feature"].append(np.maximum(tree.feature, 0))
        parts["threshold"].append(tree.threshold)
        parts["value"].append(tree.value[:, 0, 0])
    nodes = {name: torch.as_tensor(np.concatenate(parts[name])).to(kind) for name, kind in NODES.items()}
    return nodes | {"roots": torch.as_tensor(roots[:-1])}


def _descend(nodes: Mapping[str, np.ndarray], roots: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The value of the leaf that each row reaches in each tree, (T, N)."""
    flat, width = np.ascontiguousarray(table).ravel(), table.shape[1]
    node = np.repeat(roots, len(table))
    start = np.tile(np.arange(len(table)) * width, len(roots))
    moving = np.flatnonzero(nodes["left"][node] >= 0)
    while len(moving):
        at = node[moving]
        low = flat[start[moving] + nodes["feature"][at]] <= nodes["threshold"][at]
        node[moving] = np.where(low, nodes["left"][at], nodes["right"][at])
        moving = moving[nodes["left"][node[moving]] >= 0]
    return np.asarray(nodes["value"][node].reshape(len(roots), len(table)))


def _cuts(rows: int) -> list[int]:
    return list(range(BLOCK, rows, BLOCK))


def _problem(state: Mapping[str, Tensor], compounds: int, trees: int, coordinates: int) -> str:
    """What is wrong with names, kinds, shapes or values; empty if nothing."""
    count = len(state["left"]) if "left" in state and state["left"].dim() == 1 else 0
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(NODES, (count,))
    shapes |= {
        "roots": (trees,),
        "noise": (compounds,),
        "shift": (compounds,),
        "loadings": (FINGERPRINT_BITS, coordinates),
    }
    seen = {name: tuple(value.shape) for name, value in state.items()}
    if seen != shapes:
        return f"they are {seen}, where {shapes} are meant"
    kinds = NODES | {"roots": torch.int64, "noise": torch.float64, "shift": torch.float64, "loadings": torch.float32}
    wrong = [name for name, kind in kinds.items() if state[name].dtype != kind]
    wrong += [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
    wrong += [] if bool((state["noise"] > 0).all()) else ["noise"]
    return f"{', '.join(wrong)} hold what cannot be" if wrong else ""


def _broken_trees(state: Mapping[str, Tensor], width: int) -> str:
    """Nodes that lead out of the arrays, or back; empty if none do."""
    left, right, own = state["left"].long(), state["right"].long(), torch.arange(len(state["left"]))
    inner = (left >= 0) | (right >= 0)
    forward = (torch.minimum(left, right) > own) & (torch.maximum(left, right) < len(left))
    if not bool(forward[inner].all()):
        return "a node's child does not stand behind it"
    if not bool(((state["feature"] >= 0) & (state["feature"] < width)).all()):
        return f"a node asks for a feature that is none of the {width}"
    if not bool(((state["roots"] >= 0) & (state["roots"] < len(left))).all()):
        return "a root is not among the nodes"
    return ""


METHOD = RandomForestMethod
