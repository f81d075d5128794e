"""Boosted oblivious trees with a mean and a log SD in each leaf: CatBoost grows them, and they are kept as arrays.

An oblivious tree asks the same question of all nodes of a level, so that its leaf is the number whose bits are the
answers (Prokhorenkova et al. 2018, doi:10.48550/arXiv.1706.09516).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import FitError

BORDERS = 64  # chosen: of a feature, where 254 take twice as long and are no better on GDSC2's validation rows
BLOCK = 4_096  # chosen: rows that go through all trees at once; bounds memory at some 50 MB
NEVER = float(np.finfo(np.float32).max)  # a border that nothing exceeds, where a tree asks fewer questions
FARTHEST = 20.0  # no log SD of a standardised response lies farther out


class Boosting(NamedTuple):
    """How trees are grown.

    Attributes:
        trees: the most. depth: questions a tree. rate: of learning. share: of the features tried at a question.
        patience: trees without a better likelihood of the watched rows before growth stops.
    """

    trees: int
    depth: int
    rate: float
    share: float
    patience: int


class Rows(NamedTuple):
    """Rows to grow trees on.

    Attributes:
        table: (N, P) regressors in single precision.
        response: (N,).
        weight: (N,) what each counts for; None where all are the same.
    """

    table: np.ndarray
    response: np.ndarray
    weight: np.ndarray | None = None

    def select(self, which: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.table[which], self.response[which], None if self.weight is None else self.weight[which])


class ObliviousTrees(NamedTuple):
    """T trees.

    Attributes:
        feature: (T, depth) what a level asks for. border: (T, depth) what it must exceed for the bit to be 1.
        value: (T, 2^depth, 2) added to mean and log SD.
        bias: (2,) of mean and log SD.
    """

    feature: Tensor
    border: Tensor
    value: Tensor
    bias: Tensor

    def stages(self, table: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Mean and SD by the first so many trees, for each of E ends and N rows, (E, N, 2)."""
        cuts = list(range(BLOCK, len(table), BLOCK))
        found = np.concatenate([self._stages(block, ends) for block in np.split(table, cuts)], axis=1)
        return np.stack([found[..., 0], np.exp(np.clip(found[..., 1], -FARTHEST, FARTHEST))], axis=-1)

    def _stages(self, table: np.ndarray, ends: np.ndarray) -> np.ndarray:
        leaf = np.zeros((len(table), len(self.feature)), dtype=np.int64)
        for level, (feature, border) in enumerate(zip(self.feature.T.numpy(), self.border.T.numpy(), strict=True)):
            leaf += (table[:, feature] > border) << level
        added = self.value.numpy()[np.arange(len(self.value)), leaf]  # (n, T, 2)
        starts = np.concatenate([[0], ends[:-1]])
        parts = [added[:, start:end].sum(1) for start, end in zip(starts, ends, strict=True)]
        return self.bias.numpy() + np.cumsum(parts, axis=0)


def grow(rows: Rows, boosting: Boosting, seed: int, watched: Rows | None = None) -> ObliviousTrees:
    """Trees that raise the normal log likelihood of rows; where others are watched, as many as serve those best.

    Raises:
        FitError: CatBoost is not installed.
    """
    if not np.ptp(rows.table, axis=0).any():  # nothing to ask for
        return _read({"oblivious_trees": [], "scale_and_bias": [1, _normal(rows.response)]}, boosting.depth)
    regressor, pool = _catboost()
    model = regressor(
        loss_function="RMSEWithUncertainty",
        posterior_sampling=True,
        iterations=boosting.trees,
        depth=boosting.depth,
        learning_rate=boosting.rate,
        rsm=boosting.share,
        border_count=BORDERS,
        random_seed=seed,
        thread_count=torch.get_num_threads(),
        allow_writing_files=False,
        logging_level="Silent",
    )
    if watched is None:
        model.fit(*rows[:2], sample_weight=rows.weight)
    else:
        apart = pool(*watched[:2], weight=watched.weight)
        stop = {"use_best_model": True, "early_stopping_rounds": boosting.patience}
        model.fit(*rows[:2], sample_weight=rows.weight, eval_set=apart, **stop)
    with tempfile.TemporaryDirectory() as folder:  # the only way that CatBoost gives its trees away
        file = Path(folder) / "trees.json"
        model.save_model(str(file), format="json")
        return _read(json.loads(file.read_text()), boosting.depth)


def problem(state: Mapping[str, Tensor], others: Mapping[str, tuple[int, ...]], depth: int, width: int) -> str:
    """What is wrong with stored trees; empty if nothing.

    Args:
        state: the tensors of `ObliviousTrees` by name, and others.
        others: shapes of what there is besides.
        depth: questions a tree.
        width: P, the regressors.
    """
    count = len(state["feature"]) if "feature" in state and state["feature"].dim() else 0
    shapes = dict(others) | {"feature": (count, depth), "border": (count, depth)}
    shapes |= {"value": (count, 2**depth, 2), "bias": (2,)}
    seen = {name: tuple(value.shape) for name, value in state.items()}
    if seen != shapes:
        return f"they are {seen}, where {shapes} are meant"
    kinds = {"feature": torch.int32, "border": torch.float32, "value": torch.float64, "bias": torch.float64}
    wrong = [name for name, kind in kinds.items() if state[name].dtype != kind]
    wrong += [name for name in others if not state[name].is_floating_point()]
    wrong += [name for name, value in state.items() if not bool(torch.isfinite(value).all())]
    if wrong:
        return f"{', '.join(wrong)} hold what cannot be"
    inside = (state["feature"] >= 0) & (state["feature"] < width)
    return "" if bool(inside.all()) else f"a tree asks for a feature that is none of the {width}"


def _catboost() -> Any:
    try:
        from catboost import CatBoostRegressor, Pool
    except ImportError as error:
        raise FitError(
            f"The method boosting grows its trees by CatBoost, which cannot be imported here ({error}). It is an extra "
            "of bdrp; models that were fitted elsewhere predict without it. Install it: pip install 'bdrp[boosting]'."
        ) from error
    return CatBoostRegressor, Pool


def _read(model: Mapping[str, Any], depth: int) -> ObliviousTrees:
    """CatBoost's JSON as arrays."""
    trees, (scale, bias) = model["oblivious_trees"], model["scale_and_bias"]
    feature, border = np.zeros((len(trees), depth), np.int32), np.full((len(trees), depth), NEVER, np.float32)
    value = np.zeros((len(trees), 2**depth, 2))
    for at, tree in enumerate(trees):
        for level, split in enumerate(tree["splits"] or []):
            feature[at, level], border[at, level] = split["float_feature_index"], split["border"]
        leaves = scale * np.reshape(tree["leaf_values"], (-1, 2))
        value[at, : len(leaves)] = leaves
    arrays = feature, border, value, np.array(bias, dtype=np.float64)
    return ObliviousTrees(*(torch.from_numpy(array) for array in arrays))


def _normal(response: np.ndarray) -> list[float]:
    """Mean and log SD."""
    return [float(response.mean()), float(np.log(max(response.std(), 1e-3)))]
