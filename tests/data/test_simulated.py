"""The simulated screen: its facts, its measurements, its truth, and whether anything can be learned from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from rdkit import Chem
from scipy import integrate, optimize

from bdrp.data import sources
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import Screen, is_censored
from bdrp.data.simulation import biology, curves, facts, laboratories
from bdrp.data.simulation.curves import Fits
from bdrp.data.sources import simulated
from bdrp.data.sources.simulated import Simulation
from bdrp.errors import DataError

Floats = npt.NDArray[np.float64]
KEYS = ["cell_line_id", "drug_id"]


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulated.simulate(seed=0)


@pytest.fixture(scope="module")
def screen(simulation: Simulation) -> Screen:
    return simulation.screen


@pytest.fixture(scope="module")
def aucs() -> Simulation:
    return simulated.simulate(seed=0, measure="auc_fraction")


def _expected(simulation: Simulation) -> pd.DataFrame:
    """The truth of every response, row by row."""
    return simulation.screen.responses.merge(simulation.truth.pairs, on=KEYS, how="left")


# Facts


def test_every_structure_is_a_molecule_and_no_two_drugs_share_one(screen: Screen) -> None:
    assert len(screen.drugs) >= 66
    assert all(Chem.MolFromSmiles(smiles) is not None for smiles in screen.drugs["smiles"])
    assert screen.drugs["structure_key"].is_unique
    assert screen.drugs["name"].is_unique


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Gefitinib", "XGALLCVXEZPNRQ"),
        ("Paclitaxel", "RCINICONZNJXQF"),
        ("Bortezomib", "GXJABQQUPOEUTA"),
        ("Gemcitabine", "SDUQYLNIPVEERB"),
        ("5-Fluorouracil", "GHASVSINZRGABV"),
        ("Temozolomide", "BPEGJWRSRHCHSN"),
        ("Vorinostat", "WAEXFXRVDQXREF"),
        ("Cisplatin", "LXZZYRPGZAFOLE"),
    ],
)
def test_structures_have_their_published_inchikeys(name: str, key: str) -> None:
    smiles = facts.drugs().set_index("name").loc[name, "smiles"]
    assert structure_key(smiles) == key


def test_metals_and_salts_are_among_the_drugs(screen: Screen) -> None:
    smiles = screen.drugs.set_index("name")["smiles"]
    assert "Pt" in smiles["Cisplatin"]
    assert smiles.str.contains(".", regex=False).sum() >= 3


def test_most_drugs_have_a_sibling_with_the_same_target_class() -> None:
    drugs = facts.drugs()
    assert (drugs.groupby("family")["name"].transform("size") > 1).mean() > 0.95
    assert drugs["family"].nunique() >= 25


def test_the_gene_table_names_each_gene_once_and_holds_every_causal_gene() -> None:
    genes = facts.genes()
    assert 500 <= len(genes) <= 600
    assert genes["symbol"].is_unique
    causal = {gene for listed in facts.drugs()["genes"] for gene in facts.markers(listed)}
    assert causal <= set(genes["symbol"])
    assert set(facts.drugs()["pathway"]) <= set(facts.pathways())
    assert set(genes.loc[genes["role"] == "marker", "module"]) == set(biology.LINES)


def test_tables_of_facts_cannot_be_changed_by_a_reader() -> None:
    table = facts.drugs()
    table.loc[0, "name"] = "changed"
    assert facts.drugs().loc[0, "name"] != "changed"


# Lines and expression


def test_some_patients_gave_two_lines_of_one_tissue_and_none_gave_three(screen: Screen) -> None:
    patients = screen.cell_lines.groupby("patient_id")
    assert (patients.size() == 2).sum() == biology.TWINS
    assert patients.size().max() == 2
    assert (patients["tissue"].nunique() == 1).all()


def test_lines_of_one_patient_look_more_alike_than_lines_of_one_tissue(screen: Screen) -> None:
    standard = (screen.expression - screen.expression.mean()) / screen.expression.std()
    alike = pd.DataFrame(np.corrcoef(standard), screen.expression.index, screen.expression.index)
    patient, tissue = screen.cell_lines["patient_id"].to_numpy(), screen.cell_lines["tissue"].to_numpy()
    other = ~np.eye(len(patient), dtype=bool)
    same_patient = (patient[:, None] == patient) & other
    same_tissue = (tissue[:, None] == tissue) & ~same_patient & other
    assert alike.to_numpy()[same_patient].mean() > alike.to_numpy()[same_tissue].mean() + 0.2
    assert alike.to_numpy()[same_tissue].mean() > alike.to_numpy()[tissue[:, None] != tissue].mean() + 0.2


def test_expression_looks_like_log2_of_an_array(screen: Screen) -> None:
    values = screen.expression.to_numpy()
    assert values.dtype == np.float32
    assert biology.BACKGROUND <= values.min() < 3.5
    assert 11 < values.max() < 20


def test_the_genes_of_a_pathway_follow_its_activity(simulation: Simulation) -> None:
    genes = facts.genes().set_index("symbol")
    activity = simulation.truth.pathway_activity
    assert 12 <= activity.shape[1] <= 16
    followed = [
        abs(np.corrcoef(simulation.screen.expression[gene], activity[genes.loc[gene, "module"]])[0, 1])
        for gene in genes.index[genes["role"] == "pathway"]
    ]
    assert np.mean(followed) > 0.5


# Measurements


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_size_missing_pairs_and_extrapolation_are_those_of_a_real_screen(seed: int) -> None:
    screen = simulated.load(seed=seed)
    pairs = len(screen.responses[KEYS].drop_duplicates())
    assert 8_000 <= len(screen.responses) <= 11_000
    assert 0.25 <= 1 - pairs / (len(screen.drugs) * len(screen.cell_lines)) <= 0.30
    assert 0.40 <= is_censored(screen.responses).mean() <= 0.65


def test_pairs_are_missing_by_block_and_not_at_random(screen: Screen) -> None:
    tissue = screen.cell_lines["tissue"]
    pairs = screen.responses[KEYS].drop_duplicates()
    measured = pairs.groupby([pairs["cell_line_id"].map(tissue), pairs["drug_id"]]).size().unstack(fill_value=0)
    lines = tissue.value_counts()[measured.index].to_numpy()[:, None]
    share = measured.to_numpy() / lines
    by_chance = (share.mean() * (1 - share.mean()) / lines).mean()
    assert share.var() > 1.5 * by_chance


def test_highest_doses_differ_between_drugs_and_between_laboratories(screen: Screen) -> None:
    tops = screen.responses.groupby(["drug_id", "laboratory"])["upper_limit"]
    assert (tops.nunique() == 1).all()
    assert tops.first().groupby("drug_id").mean().std() > 1.0
    assert tops.first().groupby("drug_id").nunique().max() == 2
    assert (screen.responses["lower_limit"] < screen.responses["upper_limit"]).all()
    assert {laboratory.doses for laboratory in laboratories.LABORATORIES} == {7, 8, 9}


def test_replicates_are_rows_of_their_own_within_and_across_laboratories(screen: Screen) -> None:
    repeated = screen.responses[screen.responses.duplicated(KEYS, keep=False)].groupby(KEYS)
    assert repeated.ngroups > 300
    assert (repeated["response"].nunique() == repeated.size()).all()
    across = repeated["laboratory"].nunique() > 1
    assert across.sum() > 30
    assert (~across).sum() > 100


def test_laboratories_differ_in_offset_and_in_noise(simulation: Simulation) -> None:
    rows = _expected(simulation)
    rows["away"] = rows["response"] - rows["mean"]
    shared = rows[rows.groupby("drug_id")["laboratory"].transform("nunique") > 1]
    batches = shared.groupby(["drug_id", "laboratory"])["away"].agg(["mean", "sem"])
    assert (batches["mean"] / batches["sem"]).pow(2).mean() > 4.0  # 1 if laboratories agreed
    scatter = rows.drop(shared.index).groupby("laboratory")["away"].std()
    assert scatter["Millfield"] > 1.5 * scatter["Northgate"]


def test_both_measures_summarise_the_same_experiments(screen: Screen, aucs: Simulation) -> None:
    columns = [*KEYS, "laboratory"]
    pd.testing.assert_frame_equal(screen.responses[columns], aucs.screen.responses[columns])
    assert aucs.screen.responses["response"].between(0, 1).all()
    assert aucs.screen.responses[["lower_limit", "upper_limit"]].isna().all(axis=None)
    within = screen.responses.assign(auc=aucs.screen.responses["response"]).groupby("drug_id")
    assert within.apply(lambda rows: rows["response"].corr(rows["auc"], method="spearman")).median() > 0.9


def test_one_seed_is_one_screen_and_another_seed_another(screen: Screen) -> None:
    again = simulated.load(seed=0)
    for table in ("responses", "drugs", "cell_lines", "expression"):
        pd.testing.assert_frame_equal(getattr(again, table), getattr(screen, table))
    other = simulated.load(seed=1)
    assert other.responses["response"].mean() != screen.responses["response"].mean()


def test_the_source_is_found_by_its_name(screen: Screen) -> None:
    assert "simulated" in sources.names()
    pd.testing.assert_frame_equal(sources.load("simulated").responses, screen.responses)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"measure": "ic50"}, "'ic50'"), ({"repeats": 1}, "repeats is 1"), ({"seed": -1}, "seed is -1")],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        simulated.simulate(**arguments)  # type: ignore[arg-type]


# Truth


def test_the_truth_covers_every_pair_measured_or_not(simulation: Simulation) -> None:
    pairs, screen = simulation.truth.pairs, simulation.screen
    assert list(pairs.columns) == [*KEYS, "true_ln_ic50", "mean", "noise_sd"]
    assert len(pairs) == len(screen.drugs) * len(screen.cell_lines)
    assert not pairs.duplicated(KEYS).any()
    assert np.isfinite(pairs[["true_ln_ic50", "mean", "noise_sd"]].to_numpy()).all()
    assert (pairs["noise_sd"] > 0).all()
    assert set(simulation.truth.causal_genes) == set(screen.drugs.index)
    assert all(1 <= len(genes) <= 3 for genes in simulation.truth.causal_genes.values())


@pytest.mark.parametrize("measure", ["ln_ic50_um", "auc_fraction"])
def test_the_noise_sd_is_the_sd_of_fresh_repeated_experiments(
    measure: str, simulation: Simulation, aucs: Simulation
) -> None:
    truth = {"ln_ic50_um": simulation, "auc_fraction": aucs}[measure].truth.pairs
    rows, fresh = _repeat_experiments(measure, pairs=400, times=300)
    told = truth.iloc[rows]
    ratio = fresh.std(0, ddof=1) / told["noise_sd"].to_numpy()
    assert np.median(ratio) == pytest.approx(1.0, abs=0.02)
    assert np.std(ratio) < 0.15  # the two Monte Carlo errors, 9 % and 4 %, more where a distribution is skewed
    error = (fresh.mean(0) - told["mean"].to_numpy()) / (
        told["noise_sd"].to_numpy() * np.sqrt(1 / 300 + 1 / simulated.REPEATS)
    )
    assert np.std(error) == pytest.approx(1.0, abs=0.15)
    assert abs(error.mean()) < 0.2


def _repeat_experiments(measure: str, pairs: int, times: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Rows of the truth, and new experiments (times, pairs) on them whose laboratory falls by lot."""
    world = simulated._create(0, measure)
    rng = np.random.default_rng(20_000)
    rows = rng.choice(world.pharmacology.ln_ic50.size, pairs, replace=False)
    line, drug = np.divmod(np.tile(rows, times), len(world.drugs))
    laboratory = (rng.random((len(drug), 1)) > np.cumsum(world.plan.shares[drug], axis=1)[:, :-1]).sum(1)
    reports = laboratories.simulate_assays(
        laboratories.Pairs(line, drug, laboratory), world.pharmacology, world.plan, rng
    )
    return rows, reports.response(measure).reshape(times, pairs)


def test_the_screen_scatters_about_the_truth_as_the_truth_says(simulation: Simulation) -> None:
    rows = _expected(simulation)
    standard = (rows["response"] - rows["mean"]) / rows["noise_sd"]
    assert abs(standard.mean()) < 0.05
    assert standard.std() == pytest.approx(1.0, abs=0.05)
    assert (standard.abs() < 1.645).mean() == pytest.approx(0.90, abs=0.015)
    assert standard.abs().max() < 7


def test_the_noise_differs_much_between_pairs_and_mostly_by_drug_and_line(simulation: Simulation) -> None:
    noise = simulation.truth.pairs.pivot(index="cell_line_id", columns="drug_id", values="noise_sd")
    low, high = np.quantile(noise, [0.1, 0.9])
    assert high / low > 3
    logarithm = np.log(noise.to_numpy())
    additive = logarithm.mean(0, keepdims=True) + logarithm.mean(1, keepdims=True) - logarithm.mean()
    assert 1 - (logarithm - additive).var() / logarithm.var() > 0.75


def test_reported_ln_ic50_follow_the_true_ones_and_extrapolation_stays_bounded(simulation: Simulation) -> None:
    rows = _expected(simulation)
    seen = rows["true_ln_ic50"] < rows["upper_limit"] - 0.5
    assert (rows["mean"] - rows["true_ln_ic50"])[seen].abs().mean() < 0.4
    assert (rows["response"] - rows["upper_limit"]).max() < curves.CENTRE_ABOVE_TOP + 4 * curves.POSITION_SPREAD


def test_causal_genes_go_with_sensitivity_and_other_genes_do_not(simulation: Simulation) -> None:
    true = simulation.truth.pairs.pivot(index="cell_line_id", columns="drug_id", values="true_ln_ic50")
    expression = simulation.screen.expression.loc[true.index]
    listed = dict(zip(true.columns, facts.drugs()["genes"], strict=True))
    causal = [
        sign * np.corrcoef(expression[gene], true[drug])[0, 1]
        for drug, genes in listed.items()
        for gene, sign in facts.markers(genes).items()
    ]
    others = facts.genes().query("role == 'other'")["symbol"]
    chance = np.corrcoef(expression[others].to_numpy().T, true.to_numpy().T)[: len(others), len(others) :]
    assert np.mean(causal) > 0.3
    assert np.mean(np.array(causal) > 0) > 0.9
    assert np.mean(causal) > 2 * np.abs(chance).mean()


def test_expression_predicts_lines_that_were_never_measured(screen: Screen) -> None:
    rows = screen.responses.copy()
    held_out = rows["cell_line_id"].map(dict(zip(screen.cell_lines.index, range(1_000), strict=False))) % 5 == 0
    means = rows[~held_out].groupby("drug_id")["response"].mean()
    naive = rows.loc[held_out, "response"] - rows.loc[held_out, "drug_id"].map(means)
    informed = np.concatenate([_ridge_errors(screen, rows, held_out, drug) for drug in screen.drugs.index])
    assert np.sqrt(np.mean(informed**2)) < 0.75 * np.sqrt(np.mean(naive**2))


def _ridge_errors(screen: Screen, rows: pd.DataFrame, held_out: pd.Series, drug: str) -> Floats:
    standard = (screen.expression - screen.expression.mean()) / screen.expression.std()
    training = rows[~held_out & (rows["drug_id"] == drug)]
    test = rows[held_out & (rows["drug_id"] == drug)]
    x, new = (standard.loc[part["cell_line_id"]].to_numpy(dtype=float) for part in (training, test))
    centre = training["response"].mean()
    weights = np.linalg.solve(x @ x.T + 30 * np.eye(len(x)), training["response"] - centre)
    return np.asarray(test["response"] - centre - new @ (x.T @ weights), dtype=float)


# Curves

DOSES = np.log(10.0) - np.arange(8)[::-1] * np.log(10**0.5)


def test_the_fit_recovers_an_ic50_inside_the_dose_range() -> None:
    true = np.linspace(DOSES[1], DOSES[-2], 9)
    slope = np.tile([0.7, 1.0, 1.4], 3)
    exact = curves.fit(DOSES, curves.viability(DOSES, true, slope))
    np.testing.assert_allclose(exact.ln_ic50[slope == 1], true[slope == 1], atol=0.1)
    np.testing.assert_allclose(exact.ln_ic50, true, atol=0.2)  # a shallow curve far from the prior gives way to it
    np.testing.assert_allclose(exact.ln_slope, np.log(slope), atol=0.12)
    wells = curves.viability(DOSES, np.repeat(true, 200), np.repeat(slope, 200))
    noisy = curves.fit(DOSES, wells + 0.05 * np.random.default_rng(0).standard_normal(wells.shape))
    np.testing.assert_allclose(noisy.ln_ic50.reshape(9, 200).mean(1), true, atol=0.2)


def test_the_fit_is_the_minimum_of_the_objective_that_it_states() -> None:
    rng = np.random.default_rng(1)
    true = rng.uniform(DOSES[0] - 2, DOSES[-1] + 4, 60)
    wells = curves.viability(DOSES, true, np.exp(0.3 * rng.standard_normal(60)))
    wells = wells * (1 + 0.05 * rng.standard_normal((60, 1))) + 0.08 * rng.standard_normal(wells.shape)
    fits = curves.fit(DOSES, wells)
    for row, (ln_ic50, ln_slope) in enumerate(zip(fits.ln_ic50, fits.ln_slope, strict=True)):
        best = optimize.least_squares(_residuals, (ln_ic50, ln_slope), args=(wells[row],), xtol=1e-12, ftol=1e-12)
        assert best.x == pytest.approx((ln_ic50, ln_slope), abs=5e-3)


def _residuals(parameters: Floats, wells: Floats) -> Floats:
    position, log_slope = parameters
    curve = 1 / (1 + np.exp(np.exp(log_slope) * (DOSES - position)))
    centre = DOSES[-1] + curves.CENTRE_ABOVE_TOP
    prior = (position - centre) / curves.POSITION_SPREAD, log_slope / curves.SLOPE_SPREAD
    return np.append((wells - curve) / curves.NOMINAL_NOISE, prior)


def test_a_drug_without_effect_is_extrapolated_but_not_to_infinity() -> None:
    inactive = curves.fit(DOSES, np.array([np.full(8, 1.0), np.full(8, 1.2)]))
    assert (inactive.ln_ic50 > DOSES[-1] + 1).all()
    assert (inactive.ln_ic50 < DOSES[-1] + 8).all()


def test_the_area_is_the_mean_of_the_fitted_curve() -> None:
    fits = Fits(np.array([-30.0, -1.0, 2.0, 40.0]), np.log([1.0, 0.6, 1.7, 1.0]))
    areas = curves.area(fits, np.full(4, DOSES[0]), np.full(4, DOSES[-1]))
    for area, position, log_slope in zip(areas, fits.ln_ic50, fits.ln_slope, strict=True):
        curve = _curve(float(position), float(np.exp(log_slope)))
        expected = integrate.quad(curve, DOSES[0], DOSES[-1])[0] / (DOSES[-1] - DOSES[0])
        assert area == pytest.approx(expected, abs=1e-7)


def _curve(position: float, slope: float) -> object:
    return lambda dose: 1 / (1 + np.exp(slope * (dose - position)))
