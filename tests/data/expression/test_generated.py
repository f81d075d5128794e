"""Over many generated tables none is read as something that it is not unsaid, and few are refused without need.

One cohort is written in every unit, under every kind of header, in every direction, and once more with every kind of
column or cell that is no expression; a model of log2(TPM + 1), of z-scores and of array intensities is to read it.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bdrp.data.expression import Reference, admit, read_expression, refuse_raw
from bdrp.errors import BdrpWarning, DataError

TOLERANCE = 0.01
"""log2; files hold five digits."""


@dataclass(frozen=True)
class Outcome:
    """What became of a table: the expression that a model would read, or None, and whether anything was said."""

    table: pd.DataFrame | None
    said: bool

    def is_silently_wrong(self, truth: pd.DataFrame) -> bool:
        """Whether values are read unsaid that are not the truth, or other genes or lines than it has."""
        if self.table is None or self.said:
            return False
        genes = [gene for gene in truth.columns if gene in self.table.columns]
        if set(self.table.columns) - set(truth.columns) or len(genes) < 0.9 * truth.shape[1]:
            return True
        if set(self.table.index) != set(truth.index):
            return True
        read = self.table.loc[truth.index, genes].to_numpy(np.float64)
        return bool(np.nanmax(np.abs(read - truth[genes].to_numpy())) > TOLERANCE)


@pytest.fixture(scope="module")
def training(made: ModuleType) -> pd.DataFrame:
    return made.draw_log2(80, seed=1, prefix="TRAIN")


@pytest.fixture(scope="module")
def reference(made: ModuleType, training: pd.DataFrame) -> Reference:
    return made.reference_of(training, "log2")


@pytest.fixture(scope="module")
def cohort(made: ModuleType) -> pd.DataFrame:
    return made.draw_log2(24, seed=2)


def predicted_on(path: Path, reference: Reference, scale: str | None = None) -> Outcome:
    """A table at the door of a model."""
    return _outcome(lambda: admit(read_expression(path, genes=reference.genes, scale=scale), reference))


def fitted_on(path: Path, lines: pd.Index) -> Outcome:
    """A table at the door of a fit."""

    def read() -> pd.DataFrame:
        table = read_expression(path, lines=set(lines))
        refuse_raw(table, path.name)
        return table

    return _outcome(read)


def _outcome(read: object) -> Outcome:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            table = read()  # type: ignore[operator]
        except DataError:
            return Outcome(None, True)
    assert all(issubclass(one.category, BdrpWarning) for one in caught), [str(one.message) for one in caught]
    return Outcome(table, bool(caught))


def test_no_unit_header_or_direction_is_taken_unsaid_for_another_by_a_model(
    made: ModuleType, tmp_path: Path, reference: Reference, cohort: pd.DataFrame
) -> None:
    count: Counter[str] = Counter()
    for unit, header, direction in product(made.UNITS, made.HEADERS, made.WRITERS):
        named = made.UNITS[unit](cohort).set_axis(
            [made.HEADERS[header](gene, at) for at, gene in enumerate(cohort)], axis=1
        )
        path = tmp_path / "e.txt"
        made.WRITERS[direction](named, path)
        found = predicted_on(path, reference)
        count["tables"] += 1
        count["silently wrong"] += found.is_silently_wrong(cohort)
        count["needlessly refused"] += unit == "log2" and found.table is None
        count["needlessly warned"] += unit == "log2" and found.table is not None and found.said
        count["another unit let through"] += unit != "log2" and found.table is not None
    assert count["tables"] == 288
    assert {what: n for what, n in count.items() if n and what != "tables"} == {}


@pytest.mark.parametrize("unit", ["log2", "ln", "log10", "tpm"])
def test_a_stated_unit_is_converted_in_every_direction(
    made: ModuleType, tmp_path: Path, reference: Reference, cohort: pd.DataFrame, unit: str
) -> None:
    for direction, write in made.WRITERS.items():
        write(made.UNITS[unit](cohort), tmp_path / "e.txt")
        found = predicted_on(tmp_path / "e.txt", reference, unit)
        assert found.table is not None and not found.said, direction
        read = found.table.loc[cohort.index, list(cohort.columns)]
        np.testing.assert_allclose(read, cohort, atol=TOLERANCE, err_msg=direction)


@pytest.mark.parametrize("lines", [1, 3, 8])
def test_few_samples_are_judged_as_many_are(made: ModuleType, tmp_path: Path, reference: Reference, lines: int) -> None:
    wrong, refused, warned = [], [], []
    for unit, seed in product(made.UNITS, range(8)):
        cohort = made.draw_log2(24, seed=10 + seed)
        made.write_rows(made.UNITS[unit](cohort).iloc[:lines], tmp_path / "e.csv")
        found = predicted_on(tmp_path / "e.csv", reference)
        wrong += [unit] if found.is_silently_wrong(cohort.iloc[:lines]) else []
        refused += [seed] if unit == "log2" and found.table is None else []
        warned += [seed] if unit == "log2" and found.said else []
    assert (wrong, refused) == ([], []) and len(warned) <= 2  # of one line two in eight are far out indeed


NO_GENES = {
    "COSMIC_ID": lambda n: np.arange(905933, 905933 + n),
    "COSMIC ID": lambda n: np.arange(905933, 905933 + n),
    "my_number": lambda n: np.arange(905933, 905933 + n),
    "age": lambda n: np.arange(n) % 50 + 30,
    "years": lambda n: np.arange(n) % 50 + 30,
    "how_old": lambda n: (np.arange(n) % 50 + 30) + 0.5,
    "library_size": lambda n: np.linspace(2e7, 5e7, n),
    "reads": lambda n: np.linspace(2e7, 5e7, n),
    "passage": lambda n: np.arange(n) % 9 + 3,
    "sex_coded": lambda n: np.arange(n) % 2 + 1,
    "batch": lambda n: np.arange(n) % 4,
    "tissue": lambda n: ["lung", "skin"] * (n // 2),
    "purity": lambda n: np.linspace(0.4, 0.9, n),
}
"""Columns of merged tables, by a name that tells them and by one that does not."""


@pytest.mark.parametrize("unit", ["log2", "tpm"])
def test_no_column_of_ids_or_descriptions_becomes_a_gene_unsaid(
    made: ModuleType, tmp_path: Path, cohort: pd.DataFrame, unit: str
) -> None:
    wrong, lost = [], []
    for (name, values), place in product(NO_GENES.items(), (0, 7, cohort.shape[1])):
        table = made.UNITS[unit](cohort).copy()
        table.insert(place, name, values(len(table)))
        made.write_rows(table, tmp_path / "e.csv")
        found = fitted_on(tmp_path / "e.csv", cohort.index)
        wrong += [name] if found.table is not None and name in found.table.columns else []
        lost += [name] if found.table is not None and found.table.shape[1] < cohort.shape[1] else []
        assert (found.table is None) == (unit == "tpm"), name
    assert (wrong, lost) == ([], [])


@pytest.mark.parametrize(
    "date",
    ["9-Sep", "Sep-09", "09-Sep", "9. Sep", "2023-09-01", "2023-09-01 00:00:00", "9/1/2023", "44805", "01.09.2023"],
)
def test_no_date_of_a_spreadsheet_becomes_a_gene(
    made: ModuleType, tmp_path: Path, cohort: pd.DataFrame, date: str
) -> None:
    for write in made.WRITERS.values():
        write(cohort.rename(columns={"SEPT9": date, "MARCH5": "5-Mar"}), tmp_path / "e.txt")
        with pytest.warns(BdrpWarning, match=r"2 genes whose names a spreadsheet turned.*5-Mar"):
            table = read_expression(tmp_path / "e.txt", lines=set(cohort.index))
        assert set(cohort.columns) - set(table.columns) == {"SEPT9", "MARCH5"}
        assert not {date, "5-Mar"} & set(table.columns)


@pytest.mark.parametrize("number", [-999, -9999, -99, 9999])
@pytest.mark.parametrize("unit", ["log2", "ln", "z"])
def test_a_number_that_stands_for_a_gap_is_a_gap(
    made: ModuleType, tmp_path: Path, cohort: pd.DataFrame, unit: str, number: float
) -> None:
    table = made.UNITS[unit](cohort).copy()
    table.iloc[3, 5] = table.iloc[8, 9] = number
    made.write_rows(table, tmp_path / "e.csv")
    with pytest.warns(BdrpWarning, match=f"holds {number} in 2 cells"):
        read = read_expression(tmp_path / "e.csv")
    assert np.isnan([read.iloc[3, 5], read.iloc[8, 9]]).all() and read.isna().sum().sum() == 2


def test_a_model_of_z_scores_refuses_logarithms_and_reads_z_scores(
    made: ModuleType, tmp_path: Path, training: pd.DataFrame, cohort: pd.DataFrame
) -> None:
    model = made.reference_of(made.standardised(training))
    assert model.scale.name == "z"
    for unit in made.UNITS:
        made.write_rows(made.UNITS[unit](cohort), tmp_path / "e.csv")
        assert (predicted_on(tmp_path / "e.csv", model).table is None) == (unit != "z"), unit


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_shuffled_names_of_genes_are_noticed(
    made: ModuleType, tmp_path: Path, reference: Reference, share: float
) -> None:
    cohort, rng = made.draw_log2(60, seed=5), np.random.default_rng(3)
    genes = np.array(cohort.columns)
    at = rng.choice(len(genes), int(share * len(genes)), replace=False)
    genes[at] = genes[rng.permutation(at)]
    made.write_rows(cohort.set_axis(genes, axis=1), tmp_path / "e.csv")
    found = predicted_on(tmp_path / "e.csv", reference)
    assert found.said == (share > 0)
    if share == 1.0:
        assert found.table is None
