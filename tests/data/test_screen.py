from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data.measures import PUBLISHED
from bdrp.data.screen import MEASURES, Screen, is_censored
from bdrp.errors import BdrpWarning, DataError

Make = Callable[..., Screen]


def test_a_screen_cannot_be_changed_through_what_it_hands_out(small_screen: Screen) -> None:
    responses, drugs = small_screen.responses, small_screen.drugs
    responses.loc[0, "response"] = 99.0
    drugs["smiles"] = "C"
    with pytest.raises(ValueError, match="read-only"):
        small_screen.expression.to_numpy()[0, 0] = 99.0
    assert small_screen.responses["response"].iloc[0] == -1.0
    assert small_screen.drugs["smiles"].tolist() == ["CCO", "c1ccccc1"]
    assert small_screen.expression.iloc[0, 0] == 0.0


def test_a_screen_cannot_be_changed_through_what_it_was_made_of(parts: dict[str, Any]) -> None:
    screen = Screen(**parts, checksums={"file": "1"})
    parts["responses"].loc[0, "response"] = 99.0
    assert screen.responses["response"].iloc[0] == -1.0
    with pytest.raises(TypeError):
        screen.checksums["file"] = "2"  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        screen.name = "other"  # type: ignore[misc]


def test_replicates_are_kept(small_screen: Screen) -> None:
    assert small_screen.responses.duplicated(["cell_line_id", "drug_id"]).sum() == 1


def test_a_response_is_extrapolated_beyond_known_limits_only(small_screen: Screen) -> None:
    rows = small_screen.responses
    assert is_censored(rows).tolist() == [False, False, True, False, False, False]
    assert is_censored(rows.assign(response=-9.0)).all()


def test_a_response_at_its_limit_is_that_or_more_and_counts_as_extrapolated(small_screen: Screen) -> None:
    rows = small_screen.responses
    assert is_censored(rows.assign(response=rows["upper_limit"])).tolist() == [True, True, True, False, False, False]
    assert is_censored(rows.assign(response=rows["lower_limit"])).all()


def test_a_screen_says_in_one_line_what_it_holds(small_screen: Screen) -> None:
    assert repr(small_screen) == "Screen(small: 6 ln IC50 [ln(µM)], 3 lines x 2 drugs, 4 genes, 1 tissue)"


def test_a_screen_survives_pickling_and_copying(small_screen: Screen) -> None:
    for twin in (pickle.loads(pickle.dumps(small_screen)), copy.deepcopy(small_screen)):
        pd.testing.assert_frame_equal(twin.responses, small_screen.responses)
        assert (twin.measure, twin.notices) == (small_screen.measure, small_screen.notices)


def test_low_auc_and_low_ln_ic50_are_the_measures() -> None:
    assert list(MEASURES)[:2] == ["ln_ic50_um", "auc_fraction"] == list(PUBLISHED)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.drop(columns="response"), r"responses\.response is missing"),
        (lambda r: r.assign(extra=1), r"responses\.extra is not known"),
        (lambda r: r.assign(response=[1.0, np.nan, 2, 3, 4, np.nan]), r"response has 2 missing .*rows 1: nan, 5: nan"),
        (
            lambda r: r.assign(response=[1.0, np.inf, 2, 3, 4, -np.inf]),
            r"response has 2 non-finite .*rows 1: inf, 5: -inf",
        ),
        (lambda r: r.assign(upper_limit=np.inf), r"upper_limit has 6 non-finite"),
        (lambda r: r.assign(response="x"), r"response has the wrong type"),
        (lambda r: r.assign(drug_id=[1, 2, 1, 2, 1, 2]), r"drug_id has the wrong type"),
        (lambda r: r.assign(drug_id=["", "a", "a", "b", "b", "b"]), r"drug_id has 1 empty"),
        (
            lambda r: r.assign(lower_limit=2.0),
            r"3 rows whose lower_limit is not below the upper_limit \(rows 0, 1, 2\)",
        ),
        (lambda r: r.assign(response=1.0), r"is 1 in all 6 rows: there is nothing to learn"),
        (lambda r: r.iloc[:0], "responses is empty"),
        (lambda r: r.set_index(r.index + 1), "reset_index"),
        (
            lambda r: r.assign(drug_id=["a", "a", "a", "b", "b", "z"]),
            r"1 rows have a drug_id that drugs does not know \(z\)",
        ),
        (lambda r: r.assign(cell_line_id="9"), r"6 rows have a cell_line_id that cell_lines does not know \(9\)"),
        (lambda r: r.to_dict(), "A pandas DataFrame is needed"),
    ],
)
def test_responses_that_are_not_what_a_screen_needs_are_refused(
    make_screen: Make, parts: Any, spoil: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make_screen(responses=spoil(parts["responses"]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d.set_axis(pd.Index(["a", "a"], name="drug_id")), "drug_id has 2 rows with a repeated id"),
        (lambda d: d.assign(smiles=["CCO", "C1CC"]), "drug_id b: .*cannot be read as a molecule"),
        (lambda d: d.assign(smiles=["CCO", ""]), "smiles has 1 empty"),
        (lambda d: d.assign(smiles=["CCO", "CCN"]), "drug_id b: structure_key is .*, but its SMILES gives"),
        (lambda d: d.rename_axis("id"), "wrong index name"),
    ],
)
def test_drugs_that_are_not_what_a_screen_needs_are_refused(
    make_screen: Make, parts: Any, spoil: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make_screen(drugs=spoil(parts["drugs"]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda e: e.set_axis(["G1", "G2", "G1", "G4"], axis=1), r"1 duplicated genes \(G1\)"),
        (lambda e: e.set_axis(["G1", "", "G3", "G4"], axis=1), "1 genes without a name"),
        (lambda e: e.set_axis(pd.Index(["1", "2", "2"], name="cell_line_id")), r"1 duplicated lines \(2\)"),
        (lambda e: e.replace(5.0, np.inf), r"1 infinite values \(2/G2\).*log2\(0\)"),
        (lambda e: e.assign(G1=np.float32(np.nan)), r"1 genes without any value \(G1\)"),
        (lambda e: e.astype(float), "4 genes that are not float32"),
        (lambda e: e.iloc[:0], "expression is empty"),
        (lambda e: e.drop("3"), r"that expression does not know \(3\)"),
        (lambda e: e.where(e > 6), "lines without any value"),
        (lambda e: e.where(np.eye(3, 4, dtype=bool) | (e > 10)), "expression lacks 67% of its values"),
    ],
)
def test_expression_that_is_not_what_a_screen_needs_is_refused(
    make_screen: Make, parts: Any, spoil: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make_screen(profiles=spoil(parts["profiles"]["expression"]))


def test_missing_expression_is_allowed_and_counted(make_screen: Make, parts: Any) -> None:
    screen = make_screen(profiles=parts["profiles"]["expression"].replace(5.0, np.nan))
    assert "8.3% of the expression values are missing." in screen.notices


def test_two_ids_of_one_structure_are_allowed_and_told(make_screen: Make, parts: Any) -> None:
    drugs = parts["drugs"].assign(smiles="CCO", structure_key="LFQSCWFLJHTTHZ")
    assert any("2 drug ids share 1 structures (a=b)" in notice for notice in make_screen(drugs=drugs).notices)


@pytest.mark.parametrize(("column", "noun"), [("drug_id", "drug"), ("cell_line_id", "cell line")])
def test_a_single_drug_or_line_is_allowed_and_told(make_screen: Make, parts: Any, column: str, noun: str) -> None:
    rows = parts["responses"]
    alone = rows[rows[column] == rows[column].iloc[0]].reset_index(drop=True)
    assert f"Only one {noun} has responses: nothing can be held out by {noun}." in make_screen(responses=alone).notices


def _many(values: np.ndarray, parts: Any) -> pd.DataFrame:
    rows = pd.DataFrame({"response": values, "lower_limit": np.nan, "upper_limit": np.nan})
    return rows.assign(cell_line_id="1", drug_id="a", laboratory="")[parts["responses"].columns]


def test_raw_ic50_in_micromolar_or_nanomolar_is_told_from_its_logarithm(make_screen: Make, parts: Any) -> None:
    ln_ic50 = np.random.default_rng(0).normal(2.0, 2.0, 300)
    make_screen(responses=_many(ln_ic50, parts))
    with pytest.raises(DataError, match="looks like raw IC50 in µM"):
        make_screen(responses=_many(np.exp(ln_ic50), parts))
    with pytest.raises(DataError, match=r"looks like raw IC50 in µM"):
        make_screen(responses=_many(np.minimum(np.exp(ln_ic50), 8.0), parts))
    with pytest.raises(DataError, match=r"looks like raw IC50 in nM.*IC50 / 1000"):
        make_screen(responses=_many(np.exp(ln_ic50) * 1000, parts))
    with pytest.raises(DataError, match=r"between -25 and 25"):
        make_screen(responses=_many(np.append(ln_ic50, 60.0), parts))


def test_logarithms_that_happen_to_be_positive_are_not_mistaken_for_raw_ic50(make_screen: Make, parts: Any) -> None:
    rng = np.random.default_rng(0)
    for values in (rng.uniform(0, 5, 30), rng.normal(4, 1, 300).clip(1), np.maximum(rng.normal(2, 2, 300), 0)):
        assert len(make_screen(responses=_many(values, parts)).responses) == len(values)


def test_the_logarithm_of_nanomolar_is_warned_of(make_screen: Make, parts: Any) -> None:
    with pytest.warns(BdrpWarning, match=r"above 1 mM.*subtract ln\(1000\)"):
        make_screen(responses=_many(np.random.default_rng(0).normal(9.5, 2, 50), parts))


@pytest.mark.parametrize(
    ("values", "guess"),
    [([5.0, 50, 99], "percentages"), ([1.0, 15, 29], "CTRPv2"), ([0.2, 0.9, 1.01], "clip"), ([-0.1, 0.5, 1.0], "clip")],
)
def test_an_auc_outside_0_to_1_is_refused_with_what_it_looks_like(
    make_screen: Make, parts: Any, values: Any, guess: str
) -> None:
    with pytest.raises(DataError, match=rf"values outside 0 to 1.*{guess}"):
        make_screen(measure=MEASURES["auc_fraction"], responses=_many(np.array(values), parts))


def test_a_measure_given_by_name_is_refused(make_screen: Make) -> None:
    with pytest.raises(DataError, match="A Measure is needed"):
        make_screen(measure="ln_ic50_um")
