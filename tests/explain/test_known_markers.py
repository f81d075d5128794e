"""Published markers of drugs are found on GDSC2, where they are named for their own drug and not for others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.explain import associate
from bdrp.features.lines import expression as expression_scaler

MARKERS = Path(__file__).parents[1] / "benchmarks" / "known_markers.csv"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:3 lines lack more than:bdrp.errors.BdrpWarning"),
]


def test_known_markers_stand_at_the_top_for_their_own_drugs(real_data):
    screen, known = sources.load("gdsc2", real_data), pd.read_csv(MARKERS)
    names = screen.drugs["name"]
    drugs = names.index[names.isin(known["drug"])]
    responses = screen.responses[screen.responses["drug_id"].isin(drugs)]
    table = screen.expression.loc[screen.expression.index.isin(responses["cell_line_id"])]
    scaled = expression_scaler.fit(table, components=1).transform(table)
    found = associate(responses, pd.DataFrame(scaled, table.index, table.columns), screen.drugs["structure_key"])
    ids = [next(drug for drug in drugs if names[drug] == name) for name in known["drug"]]

    def percentiles(drugs):
        return np.array([found.percentile(drug, gene) for drug, gene in zip(drugs, known["gene"], strict=True)])

    own, rng = percentiles(ids), np.random.default_rng(0)
    null = [percentiles(rng.permutation(ids)) for _ in range(50)]
    print(f"percentile {own.mean():.3f}, top 1 % {(own > 0.99).mean():.2f}; permuted {np.mean(null):.3f}")
    assert own.mean() > 0.75 and (own > 0.99).mean() > 0.4
    earlier = own[known["list"] == "earlier"]
    assert earlier.mean() > 0.85 and (earlier > 0.99).mean() > 0.6
    assert own.mean() > max(one.mean() for one in null) + 0.05
    signs = np.where(known["direction"] == "sensitive", -1, 1)
    scores = [found.score.loc[drug, gene] for drug, gene in zip(ids, known["gene"], strict=True)]
    assert (np.sign(scores) == signs).mean() > 0.85
    venetoclax = found.table(next(drug for drug in drugs if names[drug] == "Venetoclax"), 1)
    assert list(venetoclax.index) == ["BCL2"] and venetoclax["direction"].iloc[0] == "sensitive"
