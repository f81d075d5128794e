"""Gene sets are tested with the correlation that their scores have, and found where they were planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.explain import associate, enrich, read_gmt


def _screen(seed=0, lines=100, drugs=60, planted=0.0):
    """Eight modules of ten genes; a planted effect is of the first module's activity on D0."""
    rng = np.random.default_rng(seed)
    activity = rng.normal(size=(lines, 8))
    z = np.repeat(activity, 10, axis=1) + 0.7 * rng.normal(size=(lines, 80))
    z = (z - z.mean(0)) / z.std(0)
    names, symbols = [f"L{i}" for i in range(lines)], [f"G{j}" for j in range(80)]
    tables = []
    for drug in range(drugs):
        response = z @ rng.normal(size=80) / 9 + rng.normal(size=lines) - planted * (drug == 0) * activity[:, 0]
        tables.append(pd.DataFrame({"cell_line_id": names, "drug_id": f"D{drug}", "response": response}))
    sets = {f"M{m}": symbols[10 * m : 10 * m + 10] for m in range(8)}
    return pd.concat(tables), pd.DataFrame(z, names, symbols), sets


def test_the_variance_of_a_difference_is_that_of_the_scores_written_out():
    responses, expression, sets = _screen(drugs=3)
    responses = responses[np.random.default_rng(1).random(len(responses)) < 0.8]
    found = associate(responses, expression)
    part = found.observed_part(1)
    inverse = part.solve(np.eye(len(expression)))
    there = np.setdiff1d(np.arange(len(expression)), found.missing[1])
    z = found.covariance.expression[there]
    products = z.T @ inverse[np.ix_(there, there)] @ z
    correlation = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    inside = expression.columns.isin(sets["M2"])
    weights = inside / 10 - ~inside / 70
    expected = found.score.iloc[1] @ weights / np.sqrt(weights @ correlation @ weights)
    row = enrich(found, sets).set_index(["drug_id", "gene_set"]).loc[("D1", "M2")]
    np.testing.assert_allclose(row["z"], expected, rtol=1e-6)
    assert row["genes"] == 10


def test_without_an_effect_a_twentieth_of_sets_lies_below_a_twentieth_where_permuted_genes_find_far_more():
    responses, expression, sets = _screen(seed=3, drugs=150)
    found = associate(responses, expression)
    table = enrich(found, sets)  # 1,200 tests of mean rate 0.05: an SD of 0.006
    assert 0.03 < (table["p"] < 0.05).mean() < 0.07
    permuted = []
    for _, scores in found.score.iterrows():
        for genes in sets.values():
            inside = scores.index.isin(genes)
            deviation = np.sqrt(scores.var() * (1 / inside.sum() + 1 / (~inside).sum()))
            permuted.append(abs(scores[inside].mean() - scores[~inside].mean()) / deviation)
    assert np.mean(np.array(permuted) > 1.96) > 0.15


def test_a_planted_set_comes_first_with_its_direction_and_its_genes():
    responses, expression, sets = _screen(planted=2.0)
    first = enrich(associate(responses, expression), sets).query("drug_id == 'D0'").iloc[0]
    assert first["gene_set"] == "M0" and first["direction"] == "sensitive" and first["fdr"] < 0.05
    assert set(first["leading_genes"].split(", ")) <= set(sets["M0"])


def test_sets_come_from_a_gmt_file_and_small_ones_are_left_out(tmp_path):
    responses, expression, sets = _screen(drugs=2)
    lines = [f"{name}\thttp://somewhere\t" + "\t".join(genes) for name, genes in sets.items()]
    (tmp_path / "sets.gmt").write_text("\n".join([*lines, "FEW\tlink\tG1\tG2"]) + "\n")
    table = enrich(associate(responses, expression), read_gmt(tmp_path / "sets.gmt"))
    assert set(table["gene_set"]) == set(sets)


def test_sets_of_other_genes_are_refused():
    responses, expression, _ = _screen(drugs=2)
    with pytest.raises(DataError, match="Of 1 gene sets the largest has 0 of the 80 genes"):
        enrich(associate(responses, expression), {"OTHER": ["ENSG1", "ENSG2"]})
