"""Regression forests (Breiman 2001): scikit-learn grows the trees, and they are kept as plain arrays of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.features.structures import FINGERPRINT_BITS
from bdrp.inference.row_weights.known_variance import learn_noise

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

BLOCK = 20_000  # chosen: pairs sent down all trees at once; bounds memory at some 50 MB
NODES = {"left": torch.int32, "right": torch.int32, "feature": torch.int32}
NODES |= {"threshold": torch.float64, "value": torch.float64}
Like = tuple[tuple[int, ...], torch.dtype]


class Growth(NamedTuple):
    """How trees are grown.

    Attributes:
        trees: T. leaf: the fewest responses of a leaf. share: of the features tried at a split.
    """

    trees: int
    leaf: int
    share: float


class Votes(NamedTuple):
    """What trees say of N rows: the mean of leaf means, the mean of leaf variances, and the variance of leaf means.

    The two variances add up to that of the responses that a quantile regression forest weighs (Meinshausen 2006). NaN
    where no tree was asked.
    """

    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray


def grow(
    table: np.ndarray, response: np.ndarray, growth: Growth, seed: int, weight: np.ndarray | None = None
) -> RandomForestRegressor:
    """A forest of N rows of regressors (N, P) and responses (N,), each of which counts for its weight (N,)."""
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(
        growth.trees,
        min_samples_leaf=growth.leaf,
        max_features=growth.share,
        random_state=seed,
        n_jobs=torch.get_num_threads(),  # trees draw from seeds of their own: the same forest for any number
    ).fit(table, response, sample_weight=weight)


def out_of_bag(
    forest: RandomForestRegressor, table: np.ndarray, variances: Sequence[np.ndarray] | None = None
) -> Votes:
    """Of each training row, the votes of the trees that did not see it; variances in nodes are `leaf_variances`'."""
    count, total, within, square = np.zeros((4, len(table)))
    for at, (tree, seen) in enumerate(zip(forest.estimators_, forest.estimators_samples_, strict=True)):
        unseen = np.setdiff1d(np.arange(len(table)), seen)
        if len(unseen):
            leaf = tree.apply(table[unseen])
            value = tree.tree_.value[leaf, 0, 0]
            count[unseen] += 1
            total[unseen] += value
            square[unseen] += value**2
            within[unseen] += (tree.tree_.impurity if variances is None else variances[at])[leaf]
    mean, within, square = (
        np.divide(sums, count, out=np.full(len(table), np.nan), where=count > 0) for sums in (total, within, square)
    )
    return Votes(mean, within, np.maximum(square - mean**2, 0))


def forest_noise(table: np.ndarray, response: np.ndarray, known: np.ndarray, growth: Growth, seed: int) -> float:
    """The noise that a forest to which all rows are the same leaves out of bag, without known variances (N,)."""
    left_out = response - out_of_bag(grow(table, response, growth, seed), table).mean
    return learn_noise(left_out if np.isfinite(left_out).any() else response - response.mean(), known)


def arrays(forest: RandomForestRegressor) -> dict[str, Tensor]:
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


def leaf_variances(
    forest: RandomForestRegressor, table: np.ndarray, known: np.ndarray, weight: np.ndarray | None
) -> list[np.ndarray]:
    """Of each tree, in the order of `arrays`, (nodes,) the variance of the responses in each node.

    Without what is known of the errors of their measurement, known (N,), in leaves; rows count for weight (N,).
    """
    if weight is None:
        return [tree.tree_.impurity for tree in forest.estimators_]
    variances = []
    for tree, seen in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        leaf, nodes = tree.apply(table[seen]), tree.tree_.node_count
        errors, counted = (np.bincount(leaf, part[seen], nodes) for part in (weight * known, weight))
        errors = np.divide(errors, counted, out=np.zeros(nodes), where=counted > 0)
        variances.append(np.maximum(tree.tree_.impurity - errors, 0.0))
    return variances


def leaves(state: Mapping[str, Tensor], table: np.ndarray) -> np.ndarray:
    """The node of the leaf that each row reaches in each tree, (T, N)."""
    nodes = {name: state[name].numpy() for name in NODES}
    cuts = list(range(BLOCK, len(table), BLOCK))
    return np.concatenate([_descend(nodes, state["roots"].numpy(), block) for block in np.split(table, cuts)], axis=1)


def problem(state: Mapping[str, Tensor], others: Mapping[str, Like], trees: int, coordinates: int, width: int) -> str:
    """What is wrong with the tensors of a forest; empty if nothing.

    Args:
        state: nodes and roots as `arrays` gives them, `loadings` of the fingerprint, and others.
        others: shape and kind of what there is besides.
        trees: T.
        coordinates: of the fingerprint.
        width: P, the regressors.
    """
    count = len(state["left"]) if "left" in state and state["left"].dim() == 1 else 0
    meant = {name: ((count,), kind) for name, kind in NODES.items()} | dict(others)
    meant |= {"roots": ((trees,), torch.int64), "loadings": ((FINGERPRINT_BITS, coordinates), torch.float32)}
    seen, shapes = ({name: tuple(value.shape) for name, value in state.items()}, {n: s for n, (s, _) in meant.items()})
    if seen != shapes:
        return f"they are {seen}, where {shapes} are meant"
    wrong = [name for name, (_, kind) in meant.items() if state[name].dtype != kind]
    wrong += [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
    return f"{', '.join(wrong)} hold what cannot be" if wrong else _broken_nodes(state, width)


def _broken_nodes(state: Mapping[str, Tensor], width: int) -> str:
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


def _descend(nodes: Mapping[str, np.ndarray], roots: np.ndarray, table: np.ndarray) -> np.ndarray:
    flat, width = np.ascontiguousarray(table).ravel(), table.shape[1]
    node = np.repeat(roots, len(table))
    start = np.tile(np.arange(len(table)) * width, len(roots))
    moving = np.flatnonzero(nodes["left"][node] >= 0)
    while len(moving):
        at = node[moving]
        low = flat[start[moving] + nodes["feature"][at]] <= nodes["threshold"][at]
        node[moving] = np.where(low, nodes["left"][at], nodes["right"][at])
        moving = moving[nodes["left"][node[moving]] >= 0]
    return node.reshape(len(roots), len(table))
