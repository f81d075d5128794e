"""Tables as people have them: what joins, which layout, what is one line, one compound, one measurement."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.harmonise import harmonise
from bdrp.data.screen import Screen
from bdrp.data.sources import tables
from bdrp.data.splits import make
from bdrp.errors import BdrpWarning, DataError

SMILES = {
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "sorafenib": "CNC(=O)c1cc(Oc2ccc(NC(=O)Nc3ccc(Cl)c(C(F)(F)F)c3)cc2)ccn1",
    "vorinostat": "O=C(CCCCCCC(=O)Nc1ccccc1)NO",
    "temozolomide": "Cn1nnc2c(C(N)=O)ncn2c1=O",
}
LINES = [f"LINE{at:03d}" for at in range(20)]
Tables = dict[str, pd.DataFrame]


@pytest.fixture
def screen_tables() -> Tables:
    """20 lines x 6 drugs x 5 genes, in the source's own layout, with gaps; ln IC50 in µM."""
    rng = np.random.default_rng(0)
    pairs = pd.MultiIndex.from_product([LINES, SMILES], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    pairs["ln_ic50_um"] = (np.tile(np.linspace(-3, 5, len(SMILES)), len(LINES)) + rng.normal(0, 1, len(pairs))).round(4)
    expression = pd.DataFrame(rng.normal(5, 2, (len(LINES), 5)).round(4), columns=[f"G{at}" for at in range(5)])
    expression.insert(0, "cell_line_id", LINES)
    tissues = [("Lung", "Breast")[at % 2] for at in range(len(LINES))]
    return {
        "responses": pairs[rng.random(len(pairs)) < 0.9].reset_index(drop=True),
        "drugs": pd.DataFrame({"drug_id": list(SMILES), "smiles": list(SMILES.values())}),
        "expression": expression,
        "cell_lines": pd.DataFrame({"cell_line_id": LINES, "tissue": tissues}),
    }


def load(folder: Path, given: Tables, **more: Any) -> Screen:
    paths = {}
    for name, table in given.items():
        paths[name] = folder / f"{name}.csv"
        table.to_csv(paths[name], index=False)
    return sources.load("tables", **paths, **more)


def test_an_auc_is_refused_with_the_flag_that_reads_it(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"]
    rows["auc"] = 1 / (1 + np.exp(-(rows.pop("ln_ic50_um") - 1) / 3))
    given = screen_tables | {"responses": rows}
    with pytest.raises(DataError, match='other responses: auc,.*measure="auc_fraction"'):
        load(tmp_path, given)
    assert load(tmp_path, given, measure="auc_fraction").measure.name == "auc_fraction"
    renamed = given | {"responses": given["responses"].rename(columns={"auc": "response"})}
    with pytest.raises(DataError, match="does not say what it holds; all .* look like AUC as a fraction"):
        load(tmp_path, renamed)


@pytest.mark.parametrize("unit", ["pic50", "ic50_nm", "log10_m", "log2_um"])
def test_every_unit_gives_the_same_screen(tmp_path: Path, screen_tables: Tables, unit: str) -> None:
    ln = screen_tables["responses"]["ln_ic50_um"]
    values = {
        "pic50": 6 - ln / np.log(10),
        "ic50_nm": np.exp(ln) * 1000,
        "log10_m": ln / np.log(10) - 6,
        "log2_um": ln / np.log(2),
    }[unit]
    given = screen_tables | {"responses": screen_tables["responses"].assign(ln_ic50_um=values)}
    given["responses"] = given["responses"].rename(columns={"ln_ic50_um": "response"})
    read = load(tmp_path, given, unit=unit)
    np.testing.assert_allclose(read.responses["response"], ln)
    assert any("converted: " in notice for notice in read.notices)


def test_limits_are_converted_with_the_response(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"]
    rows["pic50"] = 6 - rows.pop("ln_ic50_um") / np.log(10)
    given = screen_tables | {"responses": rows.assign(lower_limit=5.0, upper_limit=8.0)}
    read = load(tmp_path, given).responses
    np.testing.assert_allclose(read["upper_limit"], np.log(10))
    np.testing.assert_allclose(read["lower_limit"], np.log(0.01))


def test_plateaus_of_fitted_curves_are_no_limits(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"]
    rows["auc"] = 1 / (1 + np.exp(-(rows.pop("ln_ic50_um") - 1) / 3))
    prism = rows.assign(upper_limit=1, lower_limit=0.2, slope=1.2, r2=0.8, ec50=2.5, ic50=1.3)
    read = load(tmp_path, screen_tables | {"responses": prism}, measure="auc_fraction")
    assert read.responses[["lower_limit", "upper_limit"]].isna().all(axis=None)
    assert any("plateaus of fitted curves" in notice for notice in read.notices)


@pytest.mark.parametrize("measure", [None, "auc_fraction"])
def test_points_of_curves_are_no_responses(tmp_path: Path, screen_tables: Tables, measure: str | None) -> None:
    rows = screen_tables["responses"].merge(pd.DataFrame({"dose": [0.01, 0.1, 1, 10]}), how="cross")
    rows["response"] = 1 / (1 + rows["dose"] / np.exp(rows.pop("ln_ic50_um")))
    with pytest.raises(DataError, match="a column dose and 4 rows a pair at different doses: these are viabilities"):
        load(tmp_path, screen_tables | {"responses": rows}, measure=measure)


def test_the_column_of_ids_that_joins_is_read(tmp_path: Path, screen_tables: Tables) -> None:
    ach = {line: f"ACH-{at:06d}" for at, line in enumerate(LINES)}
    for name in ("expression", "responses"):
        table = screen_tables[name]
        table["cell_line_id"] = table["cell_line_id"].map(ach)
        screen_tables[name] = table.rename(columns={"cell_line_id": "ModelID"})
    model = pd.DataFrame({"ModelID": ach.values(), "CellLineName": LINES, "COSMICID": range(900_000, 900_020)})
    model["PatientID"], model["OncotreeLineage"] = [f"PT-{at // 2}" for at in range(20)], ["Lung", "Skin"] * 10
    given = screen_tables | {"cell_lines": model}
    lines = load(tmp_path, given).cell_lines
    assert (lines["patient_id"].nunique(), sorted(lines["tissue"].unique())) == (10, ["Lung", "Skin"])
    alone = given | {"cell_lines": model.drop(columns=["ModelID", "CellLineName"])}
    with pytest.raises(
        DataError, match="none of the lines of the other tables: it has COSMICID like 900000.*ACH-000000"
    ):
        load(tmp_path, alone)


def test_a_table_of_lines_translates_between_ids(tmp_path: Path, screen_tables: Tables) -> None:
    ach = {line: f"ACH-{at:06d}" for at, line in enumerate(LINES)}
    expression = screen_tables["expression"]
    expression["cell_line_id"] = expression["cell_line_id"].map(ach)
    model = pd.DataFrame({"ModelID": ach.values(), "CellLineName": LINES, "OncotreeLineage": ["Lung", "Skin"] * 10})
    given = screen_tables | {"expression": expression, "cell_lines": model}
    read = load(tmp_path, given)
    assert len(read.responses) == len(screen_tables["responses"])
    assert set(read.cell_lines.index) == set(ach.values()) and set(read.cell_lines["tissue"]) == {"Lung", "Skin"}
    assert "20 lines of the responses are known to the expression by cell_lines.csv, CellLineName as ModelID." in (
        read.notices
    )


def test_a_table_of_few_of_the_lines_is_warned_of(tmp_path: Path, screen_tables: Tables) -> None:
    few = screen_tables["cell_lines"].assign(cell_line_id=[*LINES[:3], *(f"X{at}" for at in range(17))])
    with pytest.warns(BdrpWarning, match="describes 3 of 20 lines, and not LINE003"):
        load(tmp_path, screen_tables | {"cell_lines": few})


def test_responses_below_all_doses_are_warned_of(tmp_path: Path, screen_tables: Tables) -> None:
    rows = (
        screen_tables["responses"]
        .assign(IC50_nM=np.exp(screen_tables["responses"]["ln_ic50_um"]))
        .drop(columns="ln_ic50_um")
    )
    given = screen_tables | {"responses": rows.assign(min_conc_um=0.01, max_conc_um=10)}
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        load(tmp_path, given)
    said = " ".join(str(one.message) for one in raised)
    assert "of the responses lie below the lowest limit or dose" in said and "under a header that says nM" in said


def test_drugs_join_by_the_ids_that_both_tables_have(tmp_path: Path, screen_tables: Tables) -> None:
    drugs = screen_tables["drugs"].rename(columns={"drug_id": "drug_name"}).assign(drug_id=range(1001, 1007))
    read = load(tmp_path, screen_tables | {"drugs": drugs})
    assert set(read.drugs.index) == set(SMILES) and len(read.responses) == len(screen_tables["responses"])


def test_two_columns_of_ids_that_join_alike_are_refused(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"]
    rows["line"] = rows["cell_line_id"].to_numpy()[::-1]
    with pytest.raises(DataError, match="two columns that can be cell_line_id, cell_line_id and line"):
        load(tmp_path, screen_tables)


@pytest.mark.parametrize("turned", [False, True])
def test_a_matrix_of_lines_by_drugs_is_read_either_way_round(
    tmp_path: Path, screen_tables: Tables, turned: bool
) -> None:
    tall = screen_tables["responses"]
    wide = tall.pivot(index="cell_line_id", columns="drug_id", values="ln_ic50_um")
    wide = (wide.T if turned else wide).rename_axis("").reset_index()
    given = screen_tables | {"responses": wide}
    with pytest.raises(DataError, match=r"is a matrix of .* column names are .*unit"):
        load(tmp_path, given)
    read = load(tmp_path, given, unit="ln_um")
    keys = ["cell_line_id", "drug_id"]
    expected = tall.set_index(keys)["ln_ic50_um"].sort_index()
    pd.testing.assert_series_equal(read.responses.set_index(keys)["response"].sort_index(), expected, check_names=False)
    assert any(f"{len(tall)} responses, {120 - len(tall)} gaps left out" in notice for notice in read.notices)


def test_a_matrix_of_unknown_drugs_is_refused_with_the_names_of_both_sides(
    tmp_path: Path, screen_tables: Tables
) -> None:
    wide = screen_tables["responses"].pivot(index="cell_line_id", columns="drug_id", values="ln_ic50_um")
    wide = wide.rename(columns=str.upper).rename_axis("").reset_index()
    with pytest.raises(DataError, match=r"as a matrix of lines by drugs does.*ERLOTINIB.*the drugs gefitinib.*LINE000"):
        load(tmp_path, screen_tables | {"responses": wide}, unit="ln_um")


def test_a_base_and_its_salt_never_straddle_a_split(tmp_path: Path, screen_tables: Tables) -> None:
    salts = screen_tables["drugs"].head(3)
    salts = salts.assign(drug_id=salts["drug_id"] + " HCl", smiles=salts["smiles"] + ".Cl")
    rows = screen_tables["responses"]
    twins = rows[rows["drug_id"].isin(screen_tables["drugs"]["drug_id"].head(3))]
    twins = twins.assign(drug_id=twins["drug_id"] + " HCl", ln_ic50_um=twins["ln_ic50_um"] + 0.1)
    given = {"drugs": pd.concat([screen_tables["drugs"], salts]), "responses": pd.concat([rows, twins])}
    read = load(tmp_path, screen_tables | given)
    assert any("6 drug ids share 3 structures as salts" in notice for notice in read.notices)
    assert read.drugs["structure_key"].nunique() == 9
    for by, fold in (("drug", 0), ("drug", 1), ("pair", 0), ("scaffold", 0), ("both", 0)):
        parts = make(read, by=by, fold=fold, folds=2, seed=0).parts
        base = read.responses["drug_id"].str.removesuffix(" HCl")
        unit = base if by != "pair" else base + read.responses["cell_line_id"]
        used = parts.to_numpy() != ""
        assert parts[used].groupby(unit[used]).nunique().max() == 1 or by == "both"


def test_names_join_lines_only_where_nothing_contradicts(tmp_path: Path, screen_tables: Tables) -> None:
    def named(tag: str, names: list[str], tissues: list[str], ids: list[str] | None = None) -> Screen:
        ids = ids or [f"{tag}{at}" for at in range(len(names))]
        own = dict(zip(LINES, ids, strict=False))
        given = dict(screen_tables)
        for name in ("responses", "expression"):
            table = given[name][given[name]["cell_line_id"].isin(list(own))]
            given[name] = table.assign(cell_line_id=table["cell_line_id"].map(own))
        given["cell_lines"] = pd.DataFrame({"cell_line_id": ids, "name": names, "tissue": tissues})
        return dataclasses.replace(load(tmp_path, given), name=tag)

    one = named("A", ["T.T", "A549", "HT-29", "X1"], ["Esophagus", "Lung", "Large Intestine", "Skin"])
    two = named("B", ["TT", "A-549", "HT29", "X-1"], ["unknown", "NSCLC", "Bowel", "Breast"])
    table = harmonise(one, two).report.table().set_index(["screen", "what", "reason"])["examples"]
    assert table["B", "lines", "by name"] == "B1 is A1, B2 is A2"
    assert "TT is not T.T" in table["B", "lines", "the name fits a line of another kind"]
    assert "X-1 is of Breast, X1 of Skin" in table["B", "lines", "the name fits a line of another kind"]
    ids = [f"ACH-{at:06d}" for at in range(4)], [f"ACH-{at:06d}" for at in range(4, 8)]
    here, there = (named(tag, ["P", "Q", "R", "S"], ["unknown"] * 4, own) for tag, own in zip("CD", ids, strict=True))
    assert harmonise(here, there).report.count("D", "lines", "matched") == 0


def test_doses_in_nanomolar_are_told_by_their_range(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"].assign(min_conc=10, max_conc=10_000)
    read = load(tmp_path, screen_tables | {"responses": rows})
    np.testing.assert_allclose(read.responses["upper_limit"], np.log(10))
    assert any("are read in nm, by their range" in notice for notice in read.notices)


def test_censored_cells_are_limits(tmp_path: Path, screen_tables: Tables) -> None:
    rows = screen_tables["responses"]
    weak = rows["ln_ic50_um"] > 2.303
    rows["ln_ic50_um"] = [
        ">2.303" if high else str(value) for value, high in zip(rows["ln_ic50_um"], weak, strict=True)
    ]
    read = load(tmp_path, screen_tables | {"responses": rows}).responses
    np.testing.assert_array_equal(read["upper_limit"].notna(), weak)
    assert (read.loc[weak.to_numpy(), ["response", "upper_limit"]] == 2.303).all(axis=None)


def test_rows_that_stand_twice_are_one_measurement_and_replicates_are_kept(
    tmp_path: Path, screen_tables: Tables
) -> None:
    rows = screen_tables["responses"]
    again = rows.assign(ln_ic50_um=rows["ln_ic50_um"] + 0.0137)
    read = load(tmp_path, screen_tables | {"responses": pd.concat([rows, rows, again, rows])})
    assert len(read.responses) == 2 * len(rows)
    assert any(f"{2 * len(rows)} responses dropped: they stand there already" in notice for notice in read.notices)


def test_a_curve_under_two_ids_of_one_compound_is_one_measurement(tmp_path: Path, screen_tables: Tables) -> None:
    rows, drugs = screen_tables["responses"], screen_tables["drugs"]
    again = rows[rows["drug_id"] == "imatinib"].assign(drug_id="imatinib-2")
    twin = drugs[drugs["drug_id"] == "imatinib"].assign(drug_id="imatinib-2")
    given = {"responses": pd.concat([rows, again]), "drugs": pd.concat([drugs, twin])}
    read = load(tmp_path, screen_tables | given)
    assert len(read.responses) == len(rows)
    assert any("already under another id of the compound" in notice for notice in read.notices)
    other = {"responses": pd.concat([rows, again.assign(ln_ic50_um=again["ln_ic50_um"] + 0.3)])}
    assert len(load(tmp_path, screen_tables | given | other).responses) == len(rows) + len(again)


def test_new_drugs_go_by_the_ids_that_the_model_knows(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("drug_id,drug_name,smiles,max_conc\n1,imatinib,CCO,10000\n2,new,CCN,10000\n")
    notices: list[str] = []
    read = tables.read_tested_drugs(path, "ln_ic50_um", known={"imatinib"}, notices=notices)
    assert read.index.tolist() == ["imatinib", "new"]
    np.testing.assert_allclose(read["upper_limit"], np.log(10))
    assert notices == ["Doses (max_conc) are read in nm, by their range."]
    assert tables.read_tested_drugs(path, "ln_ic50_um").index.tolist() == ["1", "2"]


def test_equal_values_of_few_digits_are_replicates_where_another_column_tells_them_apart(
    tmp_path: Path, screen_tables: Tables
) -> None:
    rows = screen_tables["responses"].assign(ln_ic50_um=screen_tables["responses"]["ln_ic50_um"].round(1))
    both = pd.concat([rows.assign(replicate=1), rows.assign(replicate=2)])
    assert len(load(tmp_path, screen_tables | {"responses": both}).responses) == len(both)


def test_a_table_of_structures_alone_is_of_new_drugs(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("smiles\nCC(=O)Oc1ccccc1C(=O)O\nCCO\n")
    read = tables.read_tested_drugs(path, "ln_ic50_um")
    assert read.index.tolist() == ["CC(=O)Oc1ccccc1C(=O)O", "CCO"]
