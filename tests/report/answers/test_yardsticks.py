"""Active is below a threshold of the drug's own, and that never lies above its highest tested dose."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.predictive import ReadableUnit
from bdrp.report.answers import Criteria, ask_predictions, yardsticks
from bdrp.report.answers.groups import SENSITIVE, UNKNOWN

MICROMOLAR, FRACTION = ReadableUnit("ln(µM)"), ReadableUnit("fraction of full viability")
NAMES = pd.Series({"1": "Cisplatin", "2": "Nutlin-3a (-)"})
HIGHEST = pd.Series({"1": math.log(10.0), "2": math.log(5.0)})
NOTHING = pd.DataFrame({"cell_line_id": [], "drug_id": [], "response": []})


def responses(drug: str, values) -> pd.DataFrame:
    lines = [f"L{i}" for i in range(len(values))]
    return pd.DataFrame({"cell_line_id": lines, "drug_id": drug, "response": np.asarray(values, dtype=float)})


def choose(name=None, *, unit=MICROMOLAR, highest=HIGHEST, rows=NOTHING, **more):
    return yardsticks.choose(name, unit=unit, highest=highest, responses=rows, drug_names=NAMES, **more)


def test_the_highest_dose_is_taken_where_it_is_known_else_the_drugs_own_quantile():
    assert choose().name == "highest_dose" and choose().thresholds.equals(HIGHEST)
    rows = responses("1", np.arange(11.0))
    assert choose(highest=HIGHEST * np.nan, rows=rows).name == "quantile"
    assert choose(unit=FRACTION, highest=HIGHEST * np.nan, rows=rows).thresholds["1"] == pytest.approx(1.0)


def test_a_quantile_is_over_lines_of_the_drug_and_not_above_its_highest_dose():
    low = responses("1", np.linspace(-5, 5, 21))
    high = responses("2", np.linspace(6, 9, 21))
    again = low.assign(response=low["response"] + 0.4)  # repeats count once, as their mean
    found = choose("quantile", rows=pd.concat([low, again, high]), share=0.2)
    assert found.thresholds["1"] == pytest.approx(np.quantile(np.linspace(-5, 5, 21) + 0.2, 0.2))
    assert found.thresholds["2"] == pytest.approx(math.log(5.0)) and found.capped == ("2",)
    few = choose("quantile", rows=pd.concat([low, high.head(9)]))
    assert math.isnan(few.thresholds["2"])


@pytest.mark.parametrize(("unit", "value"), [("um", 2.0), ("nM", 2000.0), ("µM", 2.0), ("mM", 0.002), ("M", 2e-6)])
def test_a_concentration_is_read_in_the_unit_of_its_header_by_id_or_name(tmp_path, unit, value):
    table = tmp_path / "cmax.csv"
    pd.DataFrame({"drug_id": ["1", ""], "name": ["", "NUTLIN-3A (-)"], f"Cmax {unit}": [value, 50 * value]}).to_csv(
        table, index=False
    )
    found = choose(f"cmax_{unit.lower()}", table=table)
    assert found.thresholds["1"] == pytest.approx(math.log(2.0))
    assert found.thresholds["2"] == pytest.approx(math.log(5.0)) and found.capped == ("2",)


def test_a_concentration_above_all_tested_doses_makes_nothing_sensitive_that_lies_beyond_them(
    make_predictions, tmp_path
):
    table = tmp_path / "drugs.csv"
    pd.DataFrame({"drug_id": ["D0", "D1", "D2"], "cmax_um": [1.0, 1e6, 1e9]}).to_csv(table, index=False)
    answer = ask_predictions(make_predictions(), line="L1", criteria=Criteria("cmax_um", concentrations=table))
    groups = answer.pairs.set_index("drug_name")["group"]
    assert groups["Sure"] == SENSITIVE and groups["Open"] == UNKNOWN and groups["Beyond"] == "sure and not"
    assert groups["Edge"] == UNKNOWN and math.isnan(answer.pairs.set_index("drug_name").loc["Edge", "chance"])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"name": "cmax_um"}, "neither highest_dose nor quantile, and there is no table"),
        ({"name": "highest_dose", "unit": FRACTION}, "is a concentration, and responses are in fraction"),
        ({"name": "highest_dose", "highest": HIGHEST * np.nan}, "The highest tested dose of no drug is known"),
        ({"name": "quantile"}, "No drug has responses of 10 lines"),
        ({"name": "quantile", "share": 1.5}, "The share is 1.5"),
    ],
)
def test_a_yardstick_that_is_not_to_be_had_is_refused(given, why):
    with pytest.raises(DataError, match=why):
        choose(**given)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"drug_id": ["1"], "cmax": [2.0]}, "gives no yardstick 'cmax_um'. Its columns are drug_id, cmax"),
        ({"smiles": ["C"], "cmax_um": [2.0]}, "gives no yardstick 'cmax_um'"),
        ({"drug_id": ["9"], "cmax_um": [2.0]}, "has a cmax_um of none of the 2 drugs, by id or name; it begins with 9"),
        ({"drug_id": ["1"], "cmax_um": [-2.0]}, "not above 0"),
    ],
)
def test_a_table_that_tells_no_concentration_is_refused(tmp_path, columns, why):
    table = tmp_path / "drugs.csv"
    pd.DataFrame(columns).to_csv(table, index=False)
    with pytest.raises(DataError, match=why):
        choose("cmax_um", table=table)
