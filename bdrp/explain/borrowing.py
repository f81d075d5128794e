"""Which drugs an unseen one borrows from: its kriged coefficients shared out among the trained drugs.

With k the similarities of the unseen drug with C trained ones, R those among them and a the trained drugs' own
coefficients, the kriged mean is k' R^-1 a = sum_c (k' R^-1)_c a_c, exactly a sum over drugs. A weight may be negative
where two drugs that are like the unseen one are also like each other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.similarity import CompoundDescriptors

COLUMNS: Final = ("cell_line_id", "drug_id", "from_drug_id", "from_name", "weight", "level", "slopes", "factors")


@torch.no_grad()
def borrowed_terms(model: TrainedModel, layer: Layer, inputs: Inputs, pairs: Pairs) -> pd.DataFrame:
    """A row for each pair of an unseen drug and each trained drug.

    Columns: `COLUMNS`; weight is that of the trained drug's level, and level, slopes and factors are what it adds to
    these terms, in the measure's unit. Over the trained drugs of a pair they sum to the terms drug_level, slopes, and
    to the part of factors that is not read from the structure.
    """
    unseen = torch.nonzero(inputs.drug_effect < 0)[:, 0]
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    weights = layer.kriging.donor_weights(CompoundDescriptors.from_inputs(inputs, unseen)).double()
    regressors, u = layer.model.regressors(inputs.components).double(), layer.coefficients(inputs).u.double()
    v, loadings = layer.guide.v_mean.double(), layer.guide.g_mean.double()
    ids, names = _names(model)
    for place, drug in enumerate(unseen.tolist()):
        lines = pairs.line[pairs.drug == drug]
        level, slopes, factors = weights[:, place]
        parts = {
            "level": (level * v[:, 0]).expand(len(lines), -1),
            "slopes": slopes * (regressors[lines, 1:] @ v[:, 1:].T),
            "factors": factors * (u[lines, 1:] @ loadings.T),
        }
        table = pd.DataFrame({name: _flat(model.features.response_std * part) for name, part in parts.items()})
        keys = {
            "cell_line_id": np.repeat([inputs.line_ids[line] for line in lines.tolist()], len(ids)),
            "drug_id": inputs.drug_ids[drug],
            "from_drug_id": np.tile(ids, len(lines)),
            "from_name": np.tile(names, len(lines)),
            "weight": np.tile(_flat(level), len(lines)),
        }
        tables.append(table.assign(**keys)[list(COLUMNS)])
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _names(model: TrainedModel) -> tuple[list[str], list[str]]:
    """Ids and names of the C trained drugs; structure keys where a model was fitted without ids."""
    trained, domain = model.features.drugs, model.applicability_domain
    ids = list(trained.ids or trained.compounds)
    named = dict(zip(domain.drug_ids, domain.drug_names, strict=True))
    return ids, [named.get(each, each) for each in ids]


def _flat(values: Tensor) -> np.ndarray:
    return values.cpu().numpy().ravel()
