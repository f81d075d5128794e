"""Scores are generalised least squares; they keep their error rate, find causal genes, and differ between drugs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from bdrp.data.sources import simulated
from bdrp.errors import DataError
from bdrp.explain import associate
from bdrp.explain.association import LEAST_LINES, centre_responses
from bdrp.explain.differing import mean_rank_correlation
from bdrp.explain.line_covariance import FREE_LEVEL, RATIOS
from bdrp.features.lines import expression as expression_scaler


def _screen(seed=0, lines=60, genes=40, drugs=12, effect=0.0, kept=0.8):
    """Standardised expression in ten modules, and responses from it and noise; gene G0 has an effect of its own."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(lines, 5)) @ rng.normal(size=(5, genes)) + rng.normal(size=(lines, genes))
    z = (z - z.mean(0)) / z.std(0)
    names, symbols = [f"L{i}" for i in range(lines)], [f"G{j}" for j in range(genes)]
    tables = []
    for drug in range(drugs):
        response = z @ rng.normal(size=genes) / np.sqrt(genes) + effect * z[:, 0] + rng.normal(size=lines)
        tables.append(pd.DataFrame({"cell_line_id": names, "drug_id": f"D{drug}", "response": response}))
    rows = pd.concat(tables, ignore_index=True)
    return rows[rng.random(len(rows)) < kept].reset_index(drop=True), pd.DataFrame(z, names, symbols)


@pytest.fixture(scope="module")
def simulation():
    return simulated.simulate(0, repeats=2)


@pytest.fixture(scope="module")
def scores(simulation):
    table = simulation.screen.expression
    scaled = expression_scaler.fit(table, components=1).transform(table)
    return associate(simulation.screen.responses, pd.DataFrame(scaled, table.index, table.columns))


def test_scores_are_those_of_generalised_least_squares_written_out():
    responses, expression = _screen()
    found = associate(responses, expression)
    grid = responses.pivot(index="cell_line_id", columns="drug_id", values="response").reindex(expression.index)
    by_line, by_drug = pd.Series(0.0, grid.index), pd.Series(0.0, grid.columns)
    for _ in range(10):
        by_drug = grid.sub(by_line, axis=0).mean()
        by_line = grid.sub(by_drug).sum(axis=1) / (grid.notna().sum(axis=1) + 1)
    residual = grid.sub(by_drug)
    others = residual.fillna(0).rsub(residual.sum(axis=1), axis=0).div(grid.notna().sum(axis=1), axis=0)
    for drug in ("D0", "D7"):
        y = (residual[drug] - others[drug]).dropna()
        ratio, estimates = _least_squares(y, expression, ("G0", "G31"))
        assert found.ratio[drug] == ratio
        for gene, (effect, deviation) in estimates.items():
            np.testing.assert_allclose(found.effect.loc[drug, gene], effect, rtol=1e-6)
            np.testing.assert_allclose(found.effect_sd.loc[drug, gene], deviation, rtol=1e-6)
            np.testing.assert_allclose(found.score.loc[drug, gene], effect / deviation, rtol=1e-6)
            p = 2 * stats.t.sf(abs(effect / deviation), len(y) - 2)
            np.testing.assert_allclose(found.p.loc[drug, gene], p, rtol=1e-5)
    np.testing.assert_allclose(found.fdr.loc["D0"], stats.false_discovery_control(found.p.loc["D0"]), rtol=1e-12)


def _least_squares(y, expression, genes):
    """The most likely ratio, and effect and SD of some genes, by matrices over the measured lines alone."""
    z = expression.to_numpy()
    there = expression.index.get_indexer(y.index)
    kernel = (z @ z.T / np.diag(z @ z.T).mean() + FREE_LEVEL)[np.ix_(there, there)]
    likelihoods = []
    for ratio in RATIOS:
        own = kernel + ratio * np.eye(len(there))
        square = y @ np.linalg.solve(own, y)
        likelihoods.append(-0.5 * ((len(y) - 1) * np.log(square) + np.linalg.slogdet(own)[1]))
    ratio = RATIOS[int(np.argmax(likelihoods))]
    inverse = np.linalg.inv(kernel + ratio * np.eye(len(there)))
    scale = np.sqrt(y @ inverse @ y / (len(y) - 1))
    columns = {gene: expression.loc[y.index, gene] for gene in genes}
    return ratio, {
        gene: (x @ inverse @ y / (x @ inverse @ x), scale / np.sqrt(x @ inverse @ x)) for gene, x in columns.items()
    }


def _compounds(assays, drugs):
    """D0 to D(assays - 1) are assays of one compound, and so on."""
    return pd.Series({f"D{drug}": f"C{drug // assays}" for drug in range(drugs)})


def test_assays_of_a_compound_are_scored_together_by_the_mean_of_those_that_measured_a_line():
    responses, expression = _screen()
    found = associate(responses, expression, _compounds(2, 12))
    y = centre_responses(responses, expression).loc[["D6", "D7"]].mean().dropna()
    ratio, estimates = _least_squares(y, expression, ("G0", "G31"))
    alone = associate(responses, expression)
    for drug in ("D6", "D7"):
        assert found.ratio[drug] == ratio and found.lines[drug] == len(y) > alone.lines[drug]
        for gene, (effect, deviation) in estimates.items():
            np.testing.assert_allclose(found.effect.loc[drug, gene], effect, rtol=1e-6)
            np.testing.assert_allclose(found.effect_sd.loc[drug, gene], deviation, rtol=1e-6)
    assert found.one_a_compound(["D7", "nowhere", "D6", "D0"]) == ["D7", "D0"]
    assert len(found.of_drugs(["D7"]).missing) == 1 and found.of_drugs(["D7"]).compounds.tolist() == ["C3"]


def test_a_line_is_centred_by_the_drugs_of_the_laboratory_that_measured_it():
    responses, expression = _screen()
    shift = expression["G1"].rename("shift") * 3  # one laboratory finds some lines more resistant to everything
    elsewhere = responses.assign(
        drug_id="other " + responses["drug_id"],
        response=responses["response"] + responses["cell_line_id"].map(shift),
        laboratory="elsewhere",
    )
    both = pd.concat([responses.assign(laboratory="here"), elsewhere])
    found = centre_responses(both, expression)
    alone = centre_responses(responses, expression)
    np.testing.assert_allclose(found.loc[alone.index], alone)
    there = found.loc["other " + alone.index].corrwith(shift[found.columns], axis=1)
    mixed = centre_responses(both.drop(columns="laboratory"), expression).corrwith(shift[found.columns], axis=1)
    assert there.abs().mean() < 0.3 < mixed.abs().mean()


def test_several_assays_of_a_compound_show_its_gene_more_surely_than_one():
    responses, expression = _screen(seed=4, lines=120, drugs=6, kept=0.5)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3, len(responses))
    own = responses["cell_line_id"].map(expression["G0"]) * responses["drug_id"].isin(["D0", "D1", "D2"])
    rows = responses.assign(response=own + noise)
    alone, together = (associate(rows, expression, each).score["G0"] for each in (None, _compounds(3, 6)))
    assert together["D0"] > alone[["D0", "D1", "D2"]].mean() + 1


def test_the_rate_of_false_findings_holds_for_compounds_of_several_assays():
    # 40 genes of 100 compounds; the share has an SD of 0.006, as above. Three assays in five measured a line.
    responses, expression = _screen(seed=5, drugs=200, lines=80, kept=0.6)
    p = associate(responses, expression, _compounds(2, 200)).p.iloc[::2].to_numpy()
    assert 0.03 < (p < 0.05).mean() < 0.07


def test_without_an_effect_of_their_own_a_twentieth_of_genes_lies_below_a_twentieth():
    # 40 genes of 200 drugs; genes of a drug are correlated, and worth about 15: the share has an SD of 0.004.
    responses, expression = _screen(seed=1, drugs=200, lines=80)
    p = associate(responses, expression).p.to_numpy()
    assert 0.035 < (p < 0.05).mean() < 0.062
    correlation = responses.merge(expression, left_on="cell_line_id", right_index=True)
    plain = [
        stats.pearsonr(rows["response"], rows["G3"]).pvalue for _, rows in correlation.groupby("drug_id")
    ]  # what alike lines share is a finding to it
    assert np.mean(np.array(plain) < 0.05) > 0.2


def test_a_gene_with_an_effect_of_its_own_is_found_with_its_direction():
    found = associate(*_screen(seed=2, lines=120, drugs=1, effect=-1.5))
    first = found.table("D0").iloc[0]
    assert first.name == "G0" and first["direction"] == "sensitive" and first["fdr"] < 0.01
    assert abs(first["effect"] + 1.5) < 4 * first["effect_sd"]
    assert found.percentile("D0", "G0") > 0.98


def test_causal_genes_of_the_simulated_screen_are_found(simulation, scores):
    truth = simulation.truth.causal_genes
    areas = [roc_auc_score(scores.score.columns.isin(genes), scores.score.loc[d].abs()) for d, genes in truth.items()]
    print(f"AUROC of causal genes: {np.mean(areas):.3f}")
    assert np.mean(areas) >= 0.96


def test_the_causal_genes_of_other_drugs_are_found_no_better_than_by_chance(simulation, scores):
    truth = simulation.truth.causal_genes
    drugs = list(truth)
    others = dict(zip(drugs, np.roll(drugs, 40), strict=True))
    areas = [
        roc_auc_score(scores.score.columns.isin(truth[others[drug]]), scores.score.loc[drug].abs()) for drug in drugs
    ]
    assert np.mean(areas) < 0.7


def test_rankings_differ_between_drugs(scores):
    assert mean_rank_correlation(scores.score.abs()) < 0.15


def test_alike_drugs_have_alike_scores(simulation, scores):
    names = simulation.screen.drugs["name"]
    mek = [names.index[names == name][0] for name in ("Trametinib", "Selumetinib")]
    other = names.index[names == "Paclitaxel"][0]
    table = scores.score.T.corr("spearman")
    assert table.loc[mek[0], mek[1]] > 0.2 > abs(table.loc[mek[0], other])


def test_order_of_rows_and_replicates_change_nothing():
    responses, expression = _screen()
    found = associate(responses, expression)
    twice = pd.concat([responses.assign(response=responses["response"] + sign) for sign in (-1, 1)])
    again = associate(twice.sample(frac=1, random_state=0), expression.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(again.score.loc[found.score.index], found.score, rtol=1e-6)


def test_a_gene_that_does_not_vary_marks_nothing():
    responses, expression = _screen()
    found = associate(responses, expression.assign(G3=0.0))
    assert (found.score["G3"] == 0).all() and (found.p["G3"] == 1).all()


def test_a_drug_on_few_lines_is_left_out_and_none_at_all_is_refused():
    responses, expression = _screen()
    few = responses["drug_id"].ne("D0") | (responses.groupby("drug_id").cumcount() < LEAST_LINES - 1)
    assert "D0" not in associate(responses[few], expression).score.index
    with pytest.raises(DataError, match=f"No drug was measured on {LEAST_LINES} lines .* most that one has is 9"):
        associate(responses[responses.groupby("drug_id").cumcount() < 9], expression)
    with pytest.raises(DataError, match="most that one has is 0"):
        associate(responses.assign(cell_line_id="elsewhere"), expression)


def test_scores_show_themselves_in_one_line():
    assert repr(associate(*_screen())) == "Associations(12 drugs x 40 genes, on 60 lines)"


def test_a_drug_without_scores_is_refused_by_name():
    with pytest.raises(DataError, match="Drug 'aspirin' has no scores; 12 drugs have"):
        associate(*_screen()).table("aspirin")
