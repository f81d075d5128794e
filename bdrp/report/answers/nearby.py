"""How near other lines and other drugs are to those of an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bdrp.fitted.known import KnownTables
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import Predictions
from bdrp.report.answers.measured import Measured

SHOWN: Final = 8  # chosen: what a reader looks up
_NAMED: Final = re.compile(r"(.+?) \((\d\.\d\d)\)(?:; |$)")


@dataclass(frozen=True)
class Nearby:
    """Distances of lines and similarities of drugs.

    Attributes:
        distances: from lines of the answer (rows) to all lines (columns); 1 is the median between two training lines.
            None where it is not known.
        similarities: of drugs of the answer (rows) to others (columns), NaN where both are one compound.
    """

    distances: pd.DataFrame | None
    similarities: pd.DataFrame

    def nearest_lines(self, line: str, names: pd.Series, measured: Measured) -> pd.DataFrame:
        """The lines nearest to one: id, name, near, measured (on how many drugs)."""
        if self.distances is None:
            return pd.DataFrame(columns=["id", "name", "near", "measured"])
        near = self.distances.loc[line].drop(line, errors="ignore").nsmallest(SHOWN)
        drugs = measured.grid.notna().sum(axis=1).reindex(near.index).fillna(0).astype(int)
        return _listed(near, names).assign(measured=drugs.to_numpy())

    def nearest_drugs(self, drug: str, names: pd.Series, measured: Measured) -> pd.DataFrame:
        """The drugs most similar to one: id, name, near, measured (on how many lines both), correlation."""
        near = self.similarities.loc[drug].dropna().nlargest(SHOWN)
        grid, rows = measured.grid, []
        for other in near.index:
            both = grid[[drug, other]].dropna() if {drug, other} <= set(grid.columns) else grid.iloc[:0, :0]
            told = len(both) > 2 and bool((both.nunique() > 1).all())
            rows.append((len(both), both.corr("spearman").iloc[0, 1] if told else np.nan))
        more = pd.DataFrame(rows, columns=["measured", "correlation"])
        return pd.concat([_listed(near, names), more], axis=1)


def measure(model: TrainedModel, known: KnownTables, pairs: pd.DataFrame) -> Nearby:
    """As a model sees them: lines by expression, drugs by structure, those that it was trained on."""
    inputs = model.features.inputs(known.drugs, known.profiles)
    domain = model.applicability_domain
    similarities = domain.measure_drug_similarities(inputs).loc[pairs["drug_id"].unique()]
    structure = known.drugs["structure_key"].astype(str)
    theirs = structure.reindex(similarities.columns).to_numpy()
    same = structure.reindex(similarities.index).to_numpy()[:, None] == theirs
    same |= similarities.index.to_numpy()[:, None] == similarities.columns.to_numpy()
    distances = domain.measure_line_distances(model.features, inputs).loc[pairs["cell_line_id"].unique()]
    return Nearby(distances, similarities.mask(same))


def read_context(predictions: Predictions) -> Nearby:
    """What predictions say of similar drugs; of lines they say nothing."""
    context = predictions.context.assign(drug_id=predictions.distribution.keys["drug_id"]).drop_duplicates("drug_id")
    told = {
        row.drug_id: {name: float(value) for name, value in _NAMED.findall(row.nearest_drugs) if name != row.drug_name}
        for row in context[["drug_id", "drug_name", "nearest_drugs"]].fillna("").itertuples(index=False)
    }
    return Nearby(None, pd.DataFrame.from_dict(told, orient="index", dtype=float))


def _listed(near: pd.Series, names: pd.Series) -> pd.DataFrame:
    ids = near.index.astype(str)
    return pd.DataFrame({"id": ids, "name": [str(names.get(one, one)) for one in ids], "near": near.to_numpy()})
