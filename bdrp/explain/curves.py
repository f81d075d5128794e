"""Do the genes that an explanation names carry the prediction? Deletion and insertion curves against random genes.

Genes are set to their training mean one after the other, the most important first, and the prediction of a pair is
followed (deletion; Samek et al. 2017, doi:10.1109/TNNLS.2016.2599820); or all are at their mean and come back one after
the other (insertion). The way that is left to go is measured as mean squared change over pairs, a share of that of all
genes, so that it is 0 at the start and 1 at the end. An explanation that is the same for all drugs does about as well
as random genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.explain.line_covariance import Floats
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.grid import select_lines

COUNTS = (0, 1, 3, 10, 30, 100, 300, 1000)  # chosen


def deletion_and_insertion(
    model: TrainedModel,
    drugs: pd.DataFrame,
    profiles: Profiles | pd.DataFrame,
    pairs: pd.DataFrame,
    importance: Floats,
    *,
    counts: Sequence[int] = COUNTS,
    seed: int = 0,
) -> pd.DataFrame:
    """How far predictions move as genes are deleted or inserted, by importance and in random order.

    Args:
        model: any.
        drugs: as in `TrainedModel.predict`.
        profiles: of the lines of the pairs, as in `TrainedModel.predict`; what is no expression stays as it is.
        pairs: N of cell_line_id and drug_id.
        importance: (N, G) of the model's genes, larger absolute values first.
        counts: of genes.
        seed: of the random order.

    Returns:
        count, deletion, insertion, random_deletion, random_insertion: squared change of the prediction from that with
        all genes (deletion) or with none (insertion), over pairs, as a share of the change between these two.
    """
    inputs, rows = model.prepared(drugs, profiles, pairs)
    spread = select_lines(inputs, rows.line)  # a line of its own for every pair, to be changed for it alone
    each = replace(rows, line=torch.arange(len(rows)))
    genes = inputs.genes.shape[1]
    orders = {
        "": np.argsort(-np.abs(importance), axis=1, kind="stable"),
        "random_": np.argsort(np.random.default_rng(seed).random((len(rows), genes)), axis=1),
    }
    whole, none = (_predicted(model, spread, each, np.full((len(rows), genes), kept)) for kept in (True, False))
    total = max(float(np.square(whole - none).mean()), 1e-300)
    table: dict[str, list[float]] = {"count": [float(min(count, genes)) for count in counts]}
    for name, order in orders.items():
        rank = np.argsort(order, axis=1)
        deleted = [_predicted(model, spread, each, rank >= count) for count in counts]
        inserted = [_predicted(model, spread, each, rank < count) for count in counts]
        table[f"{name}deletion"] = [float(np.square(one - whole).mean()) / total for one in deleted]
        table[f"{name}insertion"] = [float(np.square(one - none).mean()) / total for one in inserted]
    return pd.DataFrame(table).astype({"count": int})


def _predicted(model: TrainedModel, inputs: Inputs, pairs: Pairs, kept: np.ndarray) -> Floats:
    """(N,) posterior means with some genes at their training mean, `kept` (N, G) saying which are not."""
    genes = inputs.genes * torch.as_tensor(kept, dtype=inputs.genes.dtype)
    keys = torch.as_tensor(model.features.scalers[EXPRESSION].components, dtype=genes.dtype)
    components = torch.cat([genes @ keys, inputs.components[:, keys.shape[1] :]], dim=1)
    changed = replace(inputs, lines={**inputs.lines, EXPRESSION: genes}, components=components)
    return np.asarray(model.fitted.posterior_of(changed, pairs).moments.mean, np.float64)
