from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.agreement import Agreement, measure_agreement
from bdrp.data.harmonise import Harmonised, harmonise
from bdrp.data.identifiers import structure_key
from bdrp.data.overlap import SEEN, classify_overlap
from bdrp.data.screen import MEASURES, Screen
from bdrp.errors import BdrpWarning, DataError, SplitError

ETHANOL, BENZENE = structure_key("CCO"), structure_key("c1ccccc1")
GENES = ["G1", "G2", "G3", "G4"]


def screen(
    name: str,
    lines: dict[str, tuple[str, str]],
    drugs: dict[str, str],
    pairs: list[tuple[str, str, float]],
    genes: list[str] = GENES,
    measure: str = "ln_ic50_um",
    upper: float = np.nan,
) -> Screen:
    """A screen of lines (name, patient) and drugs (SMILES); the expression counts up from 0."""
    ids = pd.Index(list(lines), dtype="str", name="cell_line_id")
    table = pd.DataFrame(pairs, columns=["cell_line_id", "drug_id", "response"])
    table[["cell_line_id", "drug_id"]] = table[["cell_line_id", "drug_id"]].astype("str")
    values = np.arange(len(ids) * len(genes), dtype=np.float32).reshape(len(ids), len(genes))
    return Screen(
        name,
        MEASURES[measure],
        table.assign(lower_limit=np.nan, upper_limit=upper, laboratory=""),
        pd.DataFrame(
            {
                "name": list(drugs),
                "smiles": list(drugs.values()),
                "structure_key": [structure_key(one) for one in drugs.values()],
                "target": "",
                "pathway": "",
            },
            index=pd.Index(list(drugs), dtype="str", name="drug_id"),
        ),
        pd.DataFrame(
            {
                "name": [name for name, _ in lines.values()],
                "tissue": "Lung",
                "patient_id": [patient for _, patient in lines.values()],
            },
            index=ids,
        ),
        pd.DataFrame(values, index=ids, columns=pd.Index(genes, dtype="str")),
    )


def first(**changes: object) -> Screen:
    """Three lines of two patients, ethanol under two ids."""
    lines = {"1": ("A-1", "p"), "2": ("B 2", "q"), "3": ("C3", "q")}
    pairs = [("1", "a", -1.0), ("1", "a2", -2.0), ("2", "a", 0.5), ("2", "b", 3.0), ("3", "b", 4.0)]
    return screen("one", lines, {"a": "CCO", "a2": "OCC", "b": "c1ccccc1"}, pairs, **changes)  # type: ignore[arg-type]


def second(**changes: object) -> Screen:
    """The same lines under an id, a name and a new name, with ethanol, its other isotope form, and chloromethane."""
    lines = {"1": ("a1", "x"), "ACH-2": ("b2", "ACH-2"), "ACH-9": ("Z9", "z")}
    pairs = [("1", "e", 0.0), ("ACH-2", "e", 1.0), ("ACH-9", "e", 2.0), ("1", "m", 3.0), ("ACH-9", "m", 5.0)]
    options = {"genes": ["G4", "X", "G2"], **changes}
    return screen("two", lines, {"e": "[13CH3]CO", "m": "CCl"}, pairs, **options)  # type: ignore[arg-type]


def brought_together(*screens: Screen) -> Harmonised:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The expression of", BdrpWarning)
        return harmonise(*(screens or (first(), second())))


def test_lines_meet_by_id_else_by_name_and_take_the_earlier_ones_name_and_patient() -> None:
    one, two = brought_together().screens
    assert one.cell_lines.equals(first().cell_lines)
    assert two.cell_lines.index.tolist() == two.expression.index.tolist() == ["1", "2", "ACH-9"]
    assert two.cell_lines.loc["1"].tolist() == ["A-1", "Lung", "p"]
    assert two.cell_lines.loc["2", "patient_id"] == "q"
    assert two.responses["cell_line_id"].tolist() == ["1", "2", "ACH-9", "1", "ACH-9"]


def test_drugs_meet_by_structure_and_two_ids_of_one_become_replicates() -> None:
    one, two = brought_together().screens
    assert one.responses["drug_id"].tolist() == [ETHANOL, ETHANOL, ETHANOL, BENZENE, BENZENE]
    assert two.drugs.loc[ETHANOL, ["name", "smiles"]].tolist() == ["a", "CCO"]
    assert two.drugs.index.tolist() == [ETHANOL, structure_key("CCl")]


def test_genes_are_those_of_every_screen_in_the_first_ones_order() -> None:
    one, two = brought_together().screens
    assert one.expression.columns.tolist() == two.expression.columns.tolist() == ["G2", "G4"]
    assert two.expression.loc["1"].tolist() == [2.0, 0.0]  # its own values, in another order
    pd.testing.assert_frame_equal(one.expression, first().expression[["G2", "G4"]])


def test_whatever_was_matched_kept_apart_merged_or_dropped_is_counted_and_said() -> None:
    together = brought_together()
    told = together.report.table()
    counted = {tuple(row): count for *row, count in told[["screen", "what", "outcome", "reason", "count"]].values}
    assert counted == {
        ("two", "lines", "matched", "by id"): 1,
        ("two", "lines", "matched", "by name"): 1,
        ("two", "lines", "apart", "in no earlier screen"): 1,
        ("one", "drugs", "merged", "their ids share a structure"): 1,
        ("two", "drugs", "matched", "by structure"): 1,
        ("two", "drugs", "apart", "in no earlier screen"): 1,
        ("two", "drugs", "mended", "an earlier screen's salt or stereoisomer stands in"): 1,
        ("one", "genes", "dropped", "not measured in every screen"): 2,
        ("two", "genes", "dropped", "not measured in every screen"): 1,
    }
    assert together.report.count("two", "lines", "matched") == 2
    assert "1 lines matched: by name (ACH-2 is 2)." in together.screens[1].notices


def test_a_name_that_fits_several_lines_is_kept_apart() -> None:
    twins = {"8": ("B-2", "x"), "9": ("b2", "y"), "1": ("A-1", "p")}
    other = screen("two", twins, {"e": "CCO"}, [("8", "e", 0.0), ("9", "e", 1.0), ("1", "e", 1.0)])
    together = brought_together(first(), other)
    assert together.screens[1].cell_lines.index.tolist() == ["8", "9", "1"]
    assert "the name fits several lines" in together.report.sentences("two")[1]


def test_an_id_whose_names_disagree_is_warned_of() -> None:
    other = screen("two", {"1": ("Else", "x"), "2": ("2", "y")}, {"e": "CCO"}, [("1", "e", 0.0), ("2", "e", 1.0)])
    with pytest.warns(BdrpWarning, match=r"1 lines of two are matched by an id whose name is another elsewhere \(1\)"):
        harmonise(first(), other)


def test_a_third_screen_meets_the_lines_and_drugs_of_the_second() -> None:
    third = screen("three", {"77": ("z-9", "77")}, {"m": "CCl"}, [("77", "m", 0.0), ("77", "m", 1.0)])
    together = brought_together(first(), second(), third)
    assert together.screens[2].responses["cell_line_id"].unique().tolist() == ["ACH-9"]
    assert together.screens[2].cell_lines["patient_id"].tolist() == ["z"]
    assert together.report.count("three", "drugs", "matched") == 1


def test_a_line_without_a_value_in_the_shared_genes_is_dropped_with_its_responses() -> None:
    one = first()
    expression = one.expression
    expression.loc["3", ["G2", "G4"]] = np.nan
    bare = Screen(one.name, one.measure, one.responses, one.drugs, one.cell_lines, expression)
    together = brought_together(bare, second())
    assert "3" not in together.screens[0].cell_lines.index
    assert together.report.count("one", "responses", "dropped") == 1


def test_responses_of_a_screen_keep_their_values_and_limits() -> None:
    one, _ = brought_together(first(upper=1.0), second()).screens
    pd.testing.assert_frame_equal(
        one.responses.drop(columns=["drug_id"]), first(upper=1.0).responses.drop(columns=["drug_id"])
    )


def test_different_measures_are_refused_with_what_each_screen_offers(small_screen: Screen) -> None:
    pairs = [("1", "e", 0.1), ("1", "e", 0.9)]
    ctrp = screen("ctrp", {"1": ("A-1", "p")}, {"e": "CCO"}, pairs, measure="auc_fraction")
    gdsc = screen("gdsc2", {"1": ("A-1", "p")}, {"e": "CCO"}, [("1", "e", -1.0), ("1", "e", 9.0)])
    said = (
        r"gdsc2 is in ln_ic50_um and offers ln_ic50_um, auc_fraction; ctrp is in auc_fraction and offers "
        r"auc_fraction\. One measure is needed for all; load each with measure='auc_fraction'"
    )
    with pytest.raises(DataError, match=said):
        harmonise(gdsc, ctrp)
    with pytest.raises(DataError, match="they have none in common"):
        harmonise(small_screen, ctrp)
    with pytest.raises(DataError, match="in ln_ic50_um and ctrp in auc_fraction"):
        measure_agreement(gdsc, ctrp)
    with pytest.raises(DataError, match="in ln_ic50_um and ctrp in auc_fraction"):
        classify_overlap(gdsc, ctrp)


def test_one_screen_two_of_a_name_or_no_gene_in_common_are_refused() -> None:
    with pytest.raises(DataError, match="1 screens named one were given. Two or more"):
        harmonise(first())
    with pytest.raises(DataError, match="2 screens named one, one"):
        harmonise(first(), first())
    with pytest.raises(DataError, match=r"no gene in common: one has 4 \(G1, G2, G3, ...\); two has 1 \(X\)"):
        harmonise(first(), second(genes=["X"]))


def test_expression_on_another_scale_is_warned_of() -> None:
    other = second(genes=GENES)
    far = Screen("two", other.measure, other.responses, other.drugs, other.cell_lines, other.expression + 100)
    with pytest.warns(BdrpWarning, match=r"The expression of two is not on the scale of one: .* by 25.0 of its SDs"):
        harmonise(first(), far)
    with pytest.warns(BdrpWarning, match="matched by gene on 3 lines"):
        matched = harmonise(first(), far, match="gene").screens[1]
    mean, sd = first().expression.mean(), first().expression.std(ddof=0)
    np.testing.assert_allclose(matched.expression.mean(), mean, atol=1e-4)
    np.testing.assert_allclose(matched.expression.std(ddof=0), sd, rtol=1e-4)
    assert "Expression is matched to that of one by gene." in matched.notices


# Agreement ----------------------------------------------------------------------------------------------------------


def two_laboratories(noise: float = 1.0, lines: int = 400, drugs: int = 30) -> tuple[Screen, Screen]:
    """Truth with drug means of SD 2 and lines within a drug of SD 1, seen twice with independent noise."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (1, drugs)) + rng.normal(0, 1, (lines, drugs))
    names = {str(line): (f"L{line}", str(line)) for line in range(lines)}
    structures = {f"d{drug}": "C" * (drug + 1) for drug in range(drugs)}
    cells = [(str(line), f"d{drug}", line, drug) for line in range(lines) for drug in range(drugs)]
    seen = [truth + noise * rng.normal(size=truth.shape) for _ in range(2)]
    made = [
        screen(name, names, structures, [(one, two, float(values[i, j])) for one, two, i, j in cells])
        for name, values in zip(("x", "y"), seen, strict=True)
    ]
    return brought_together(*made).screens[0], brought_together(*made).screens[1]


def test_the_noise_and_the_correlations_of_simulated_laboratories_are_found() -> None:
    figures = measure_agreement(*two_laboratories()).every
    # 12,000 pairs, 30 drugs of 400 pairs. Noise: SE 1/sqrt(24,000) = 0.0065. Within a drug: 1 / (1 + 1), SE of the
    # median of 30 about 0.009. Beyond four SEs once in 16,000 seeds.
    assert figures.noise_sd == pytest.approx(1.0, abs=0.026)
    assert figures.within_drug_noise_sd == pytest.approx(1.0, abs=0.026)
    assert figures.within_drug_pearson == pytest.approx(0.5, abs=0.036)
    assert figures.rmse == pytest.approx(np.sqrt(2), abs=0.04)
    assert (figures.pairs, figures.lines, figures.drugs) == (12_000, 400, 30)


def test_replicates_are_averaged_and_a_small_table_agrees_with_hand_counts() -> None:
    told = measure_agreement(*brought_together().screens)
    # Ethanol on line 1: -1.5 against 0; on line 2: 0.5 against 1.
    assert told.table[["first", "second"]].values.tolist() == [[-1.5, 0.0], [0.5, 1.0]]
    assert told.every.pearson == pytest.approx(1.0) and told.every.bias == pytest.approx(-1.0)
    assert told.every.rmse == pytest.approx(np.sqrt((1.5**2 + 0.5**2) / 2))
    assert told.every.noise_sd == pytest.approx(np.std([-1.5, -0.5], ddof=1) / np.sqrt(2))
    assert np.isnan(told.every.within_drug_spearman)  # no drug has enough pairs
    assert told.observed is None and told.by_drug.loc[ETHANOL, "name"] == "a"
    assert told.summary()["every"]["pairs"] == 2


def test_pairs_beyond_a_limit_are_set_apart() -> None:
    told = measure_agreement(*brought_together(first(upper=0.0), second()).screens)
    assert told.table["extrapolated"].tolist() == [False, True]
    assert told.observed is not None and told.observed.pairs == 1 and np.isnan(told.observed.pearson)
    assert told.every.pairs == 2


def test_screens_without_a_shared_pair_are_refused() -> None:
    one, two = first(), second()
    with pytest.raises(DataError, match="share no pair of line and drug"):
        measure_agreement(one, two)


# Overlap ------------------------------------------------------------------------------------------------------------


def test_every_response_is_marked_by_what_of_it_was_seen() -> None:
    lines = {"1": ("A-1", "p"), "2": ("B2", "q"), "4": ("D", "q"), "5": ("E", "w")}
    pairs = [("1", "e", 0.0), ("1", "b", 1.0), ("4", "e", 2.0), ("5", "e", 3.0), ("2", "m", 4.0), ("5", "m", 5.0)]
    other = screen("two", lines, {"e": "CCO", "b": "c1ccccc1", "m": "CCl"}, pairs)
    marks = classify_overlap(*brought_together(first(), other).screens)
    # Line 4 is new, but of patient q, on whom ethanol was measured; line 5 is of a patient who is new.
    told = ["pair seen", "pair unseen", "pair seen", "line unseen", "drug unseen", "both unseen"]
    assert marks["seen"].tolist() == told
    assert marks["seen"].cat.categories.tolist() == list(SEEN)
    assert marks["line_seen"].tolist() == [True, True, True, False, True, False]
    assert marks["drug_seen"].tolist() == [True, True, True, True, False, False]


def test_only_the_rows_that_a_model_learns_from_count() -> None:
    one, two = brought_together().screens
    marks = classify_overlap(one, two, rows=np.array([3, 4]))  # benzene on lines 2 and 3
    assert marks["seen"].tolist() == ["both unseen", "drug unseen", "both unseen", "both unseen", "both unseen"]
    for wrong in (np.array([5]), np.array([-1]), np.array([True, False]), np.array([], dtype=int)):
        with pytest.raises(SplitError, match="Positions of the training screen's responses, 0 to 4"):
            classify_overlap(one, two, rows=wrong)


# Real screens -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compare(real_data: Path) -> Callable[[str, str], tuple[Harmonised, Agreement]]:
    """GDSC2 against another screen."""

    @cache
    def loaded(name: str, measure: str) -> Screen:
        return sources.load(name, real_data, measure=measure)

    def compared(other: str, measure: str) -> tuple[Harmonised, Agreement]:
        together = harmonise(loaded("gdsc2", measure), loaded(other, measure))
        return together, measure_agreement(*together.screens)

    return compared


@pytest.mark.parametrize(
    ("other", "measure", "pairs", "overall", "within", "noise"),
    [
        ("gdsc1", "ln_ic50_um", 57_437, 0.82, 0.443, 1.094),
        ("ccle", "ln_ic50_um", 4_040, 0.718, 0.393, 1.153),
        ("ctrp", "auc_fraction", 27_772, 0.553, 0.442, 0.083),
    ],
)
def test_gdsc2_agrees_with_other_laboratories_as_well_as_is_known(
    compare: Callable[[str, str], tuple[Harmonised, Agreement]],
    other: str,
    measure: str,
    pairs: int,
    overall: float,
    within: float,
    noise: float,
) -> None:
    together, told = compare(other, measure)
    assert told.every.pairs == pairs
    assert told.every.pearson == pytest.approx(overall, abs=0.002)
    assert told.every.within_drug_spearman == pytest.approx(within, abs=0.002)
    assert told.every.within_drug_noise_sd == pytest.approx(noise, abs=0.002)
    marks = classify_overlap(*together.screens)
    test = together.screens[1]
    assert len(marks) == len(test.responses) and (marks["seen"] == "both unseen").any()
    assert test.expression.columns.equals(together.screens[0].expression.columns)
    shared = together.screens[0].expression.index.intersection(test.expression.index)
    pd.testing.assert_frame_equal(together.screens[0].expression.loc[shared], test.expression.loc[shared])
