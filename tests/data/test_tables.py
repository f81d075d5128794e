from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.data.screen import Screen
from bdrp.data.sources import tables
from bdrp.data.user_tables.measured import read_ids, read_pairs
from bdrp.errors import BdrpWarning, DataError

RESPONSES = (
    "cell_line_id,drug_id,ln_ic50_um,min_conc_um,max_conc_um,laboratory\n"
    "1,a,-1.5,0.01,10,north\n2,a,2.5,0.01,10,north\n2,b,1,,,\n2,b,1.5,,,\n"
)
DRUGS = "drug_id,smiles,name,target\na,OCC,Ethanol,ADH1B\nb,c1ccccc1,,\n"
EXPRESSION = "cell_line_id,G1,G2\n1,0.5,1.5\n2,,2.5\n3,1,2\n"
LINES = "cell_line_id,tissue,patient_id\n1,Lung,p\n2,Lung,p\n"


def write(folder: Path, **texts: str) -> dict[str, Path]:
    """Write the small screen's tables, some replaced; return the options of `load`."""
    paths = {}
    for name, text in {"responses": RESPONSES, "drugs": DRUGS, "expression": EXPRESSION, **texts}.items():
        paths[name] = folder / f"{name}.csv"
        paths[name].write_bytes(text.encode())
    return paths


def load(folder: Path, **texts: str) -> Screen:
    return sources.load("tables", **write(folder, **texts))


def test_three_tables_make_a_screen(tmp_path: Path) -> None:
    screen = load(tmp_path)
    rows = screen.responses
    assert rows[["cell_line_id", "drug_id", "response", "laboratory"]].to_numpy().tolist() == [
        ["1", "a", -1.5, "north"],
        ["2", "a", 2.5, "north"],
        ["2", "b", 1.0, ""],
        ["2", "b", 1.5, ""],
    ]
    np.testing.assert_allclose(rows["upper_limit"], [np.log(10), np.log(10), np.nan, np.nan])
    assert screen.drugs.loc["b"].tolist()[:2] == ["b", "c1ccccc1"]
    assert screen.cell_lines.to_numpy().tolist() == [["1", "unknown", "1"], ["2", "unknown", "2"]]
    assert set(screen.checksums) == {"responses.csv", "drugs.csv", "expression.csv"}


def test_cell_lines_give_tissue_and_patient(tmp_path: Path) -> None:
    lines = load(tmp_path, cell_lines=LINES).cell_lines
    assert lines["tissue"].tolist() == ["Lung", "Lung"]
    assert lines["patient_id"].tolist() == ["p", "p"]


def test_limits_in_the_measures_unit_are_taken_as_they_are(tmp_path: Path) -> None:
    text = "Cell Line,Drug,AUC,lower_limit,upper_limit\n1,a,0.5,0.1,0.9\n2,a,0.7,0.1,0.9\n"
    screen = sources.load("tables", measure="auc_fraction", **write(tmp_path, responses=text))
    assert screen.responses[["lower_limit", "upper_limit"]].to_numpy().tolist() == [[0.1, 0.9], [0.1, 0.9]]


@pytest.mark.parametrize(
    "header",
    [
        "COSMIC_ID,DRUG_ID,LN_IC50",
        "cell line,Drug,ln ic50",
        "depmap_id,compound,ln_ic50_um",
        "Line,drugId,Ln IC50 (uM)",
    ],
)
def test_common_names_of_columns_are_known(tmp_path: Path, header: str) -> None:
    assert len(load(tmp_path, responses=f"{header}\n1,a,1\n2,a,2\n").responses) == 2


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_recognised(tmp_path: Path, separator: str, end: str) -> None:
    text = RESPONSES.replace(",", separator).replace("\n", end)
    assert load(tmp_path, responses=text).responses["response"].tolist() == [-1.5, 2.5, 1.0, 1.5]


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_genome_wide_header_is_read(tmp_path: Path, separator: str, quote: str) -> None:
    genes = [f"GENE{at:05d}, ({at};{at})" if quote else f"GENE{at:05d} ({at})" for at in range(19_000)]
    values = np.random.default_rng(0).normal(6, 2, (3, len(genes))).astype(np.float32)
    header = separator.join(["cell_line_id", *(f"{quote}{gene}{quote}" for gene in genes)])
    assert len(header) > 2 * csv.field_size_limit()
    rows = [separator.join([f"L{line}", *map(str, row)]) for line, row in enumerate(values)]
    (tmp_path / "expression.txt").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    read = tables.read_expression(tmp_path / "expression.txt")
    named = genes if quote else [gene.partition(" (")[0] for gene in genes]
    assert (list(read.columns), list(read.index)) == (named, ["L0", "L1", "L2"])
    np.testing.assert_array_equal(read, values)


def test_a_gene_that_stands_twice_among_nineteen_thousand_is_named(tmp_path: Path) -> None:
    genes = [f"GENE{at:05d}" for at in range(19_000)]
    cells = ["cell_line_id", *genes, "GENE00007"], ["L0", *["1"] * 19_001]
    (tmp_path / "expression.csv").write_text("\n".join(map(",".join, cells)), encoding="utf-8")
    with pytest.raises(DataError, match=r"holds 1 duplicated columns \(GENE00007\)"):
        tables.read_expression(tmp_path / "expression.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "drugs.csv"
    path.write_bytes("drug_id,smiles,name\na,OCC,Äthanol µ\n".encode(encoding))
    assert tables.read_drugs(path).loc["a", "name"] == "Äthanol µ"


def test_parquet_reads_as_text_does_with_the_lines_as_column_or_index(tmp_path: Path) -> None:
    paths = write(tmp_path)
    expected = sources.load("tables", **paths)
    for reindexed in (False, True):
        packed: dict[str, Any] = {}
        for name, path in paths.items():
            frame = pd.read_csv(path)
            packed[name] = tmp_path / f"{name}.parquet"
            indexed = frame.set_index(frame.columns[0]) if reindexed and name == "expression" else frame
            indexed.to_parquet(packed[name])
        screen = sources.load("tables", **packed)
        pd.testing.assert_frame_equal(screen.responses, expected.responses)
        pd.testing.assert_frame_equal(screen.expression, expected.expression)


def test_relative_paths_are_taken_from_the_root(tmp_path: Path) -> None:
    write(tmp_path)
    options = {"responses": "responses.csv", "drugs": "drugs.csv", "expression": "expression.csv"}
    assert len(sources.load("tables", tmp_path, **options).responses) == 4


def test_ids_join_whatever_a_spreadsheet_did_to_them(tmp_path: Path) -> None:
    text = EXPRESSION.replace("\n1,", "\n906826.0,").replace("\n2,", "\n9.06827E+05,")
    responses = "cell_line_id,drug_id,ln_ic50_um\n906826,a,1\n906827.0,a,2\n"
    assert load(tmp_path, expression=text, responses=responses).expression.index.tolist() == ["906826", "906827"]


def test_a_cell_of_two_ids_joins_by_either(tmp_path: Path) -> None:
    lines = "cell_line_id,tissue\n1331031;1331030,Blood\n2,Lung\n"
    expression = EXPRESSION.replace("\n1,", "\n1331030,")
    responses = "cell_line_id,drug_id,ln_ic50_um\n1331031,a,1\n1331030,a,3\n1331031;1331030,a,4\n2,a,2\n"
    screen = load(tmp_path, cell_lines=lines, expression=expression, responses=responses)
    assert screen.responses["cell_line_id"].tolist() == ["1331030", "1331030", "1331030", "2"]
    assert screen.cell_lines.loc["1331030", "tissue"] == "Blood"


def test_responses_of_unknown_lines_or_drugs_are_dropped_counted_and_listed(tmp_path: Path) -> None:
    extra = "77,a,1,,,\n78,a,1,,,\n1,zz,2,,,\n"
    screen = load(tmp_path, responses=RESPONSES + extra)
    assert len(screen.responses) == 4
    assert "2 responses dropped: 2 cell lines have no expression (77, 78)." in screen.notices
    assert "1 responses dropped: 1 drugs have no structure (zz)." in screen.notices


def test_pairs_to_predict_are_read_once_each_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("cell_line_id\tdrug_id\tnote\n2.0\tb\tx\n1\ta\ty\n2\tb\tz\n")
    assert tables.read_pairs(path).to_numpy().tolist() == [["2", "b"], ["1", "a"]]
    path.write_text("cell_line_id\tdrug_id\n2\tb\n\ta\n")
    with pytest.raises(DataError, match=r"1 rows without cell_line_id \(row 2"):
        tables.read_pairs(path)


def test_new_drugs_and_new_samples_are_read_without_responses(tmp_path: Path) -> None:
    paths = write(tmp_path)
    columns = ["name", "smiles", "structure_key", "target", "pathway"]
    assert tables.read_drugs(paths["drugs"]).columns.tolist() == columns
    expression = tables.read_expression(paths["expression"])
    assert expression.shape == (3, 2)
    assert (expression.index.name, expression.to_numpy().dtype) == ("cell_line_id", np.float32)


def test_the_doses_of_new_drugs_are_read_in_either_unit(tmp_path: Path) -> None:
    path = tmp_path / "drugs.csv"
    path.write_text("drug_id,smiles,MAX_CONC_UM\na,CCO,10\nb,C,\n")
    found = tables.read_tested_drugs(path, "ln_ic50_um")["upper_limit"]
    assert found["a"] == pytest.approx(np.log(10)) and np.isnan(found["b"])
    assert tables.read_tested_drugs(path, "auc_fraction")["upper_limit"].isna().all()
    path.write_text("drug_id,smiles,upper_limit\na,CCO,2.0\nb,C,-1\na,OCC,3.0\n")
    assert tables.read_tested_drugs(path, "ln_ic50_um")["upper_limit"].to_dict() == {"a": 2.5, "b": -1.0}
    path.write_text("drug_id,smiles\na,CCO\n")
    assert tables.read_tested_drugs(path, "ln_ic50_um")["upper_limit"].isna().all()
    path.write_text("drug_id,smiles,max_conc_um\na,CCO,-3\n")
    with pytest.raises(DataError, match="1 doses that are not above 0"):
        tables.read_tested_drugs(path, "ln_ic50_um")


def test_equal_rows_of_a_drug_are_one_and_two_ids_may_share_a_structure(tmp_path: Path) -> None:
    path = tmp_path / "drugs.csv"
    path.write_text("drug_id,smiles\na,OCC\na,CCO\nb,C(O)C\n")
    drugs = tables.read_drugs(path)
    assert drugs.index.tolist() == ["a", "b"]
    assert drugs["structure_key"].nunique() == 1


def test_an_option_that_the_source_does_not_take_is_refused_with_those_it_does() -> None:
    with pytest.raises(
        DataError, match="no option 'genes'. Allowed are unit, column, dose_unit, own_unit, expression_scale, responses"
    ):
        sources.load("tables", genes="genes.csv")


def test_tables_must_be_named() -> None:
    with pytest.raises(DataError, match="was given no responses and no expression"):
        sources.load("tables", drugs="drugs.csv")


def test_mutations_are_a_profile_of_those_lines_that_have_one(tmp_path: Path) -> None:
    expected = load(tmp_path)
    screen = load(tmp_path, mutations="cell_line_id,TP53,MYC gain,KRAS\n2;8,1,,0\n9,0,1,1\n")
    assert list(expected.profiles) == ["expression"] and list(screen.profiles) == ["expression", "mutations"]
    assert screen.profiles["mutations"].to_dict("index") == {"2": {"TP53": 1.0, "KRAS": 0.0}}
    assert "1 cell lines have no mutations (1): they stay." in screen.notices
    assert "1 features dropped: no line of the screen has a value (MYC gain)." in screen.notices
    pd.testing.assert_frame_equal(screen.responses, expected.responses)


def test_two_rows_of_mutations_of_one_line_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mutations holds 1 duplicated lines \(1\)"):
        load(tmp_path, mutations="cell_line_id,TP53,MYC\n1,1,0\n1;8,0,1\n")


def test_mutations_of_none_of_the_lines_are_refused_with_the_ids_of_both(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="None of the 2 cell lines has mutations: its lines are like A, B, the screen"):
        load(tmp_path, mutations="cell_line_id,TP53,MYC\nA,1,0\nB,0,1\n")


@pytest.mark.parametrize(
    ("header", "responses", "sd", "expected"),
    [
        ("ln_ic50_um", (-1.5, 2.0), (0.2, 0.4), (0.2, 0.4)),
        ("pic50", (6.5, 5.0), (0.1, 0.2), (0.1 * np.log(10), 0.2 * np.log(10))),  # falls where ln IC50 rises
        ("ic50_nm", (200.0, 7_000.0), (20.0, 350.0), (0.1, 0.05)),  # d ln x = dx / x
    ],
)
def test_the_sd_of_a_measurement_is_converted_with_it(
    tmp_path: Path, header: str, responses: tuple[float, float], sd: tuple[float, float], expected: tuple[float, float]
) -> None:
    rows = "".join(f"{i + 1},a,{responses[i]},{sd[i]}\n" for i in range(2))
    screen = load(tmp_path, responses=f"cell_line_id,drug_id,{header},response_sd\n{rows}3,a,{responses[0]},\n")
    assert screen.responses["response_sd"].tolist() == pytest.approx([*expected, np.nan], nan_ok=True)


def test_at_a_limit_an_sd_is_not_used_and_that_is_counted(tmp_path: Path) -> None:
    rows = "1,a,0.5,0.2,0.01,10\n2,a,2.5,0.3,0.01,10\n3,a,1,,0.01,10\n"
    screen = load(tmp_path, responses=f"cell_line_id,drug_id,ln_ic50_um,response_sd,min_conc_um,max_conc_um\n{rows}")
    assert screen.responses["response_sd"].tolist() == pytest.approx([0.2, np.nan, np.nan], nan_ok=True)
    assert any(notice.startswith("1 of 2 response_sd are not used") for notice in screen.notices)


@pytest.mark.parametrize("cell", ["0", "-0.2", "inf", "wide"])
def test_what_is_no_sd_is_refused_with_its_row(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match=r"response_sd.*row 2"):
        load(tmp_path, responses=f"cell_line_id,drug_id,ln_ic50_um,response_sd\n1,a,0.5,0.2\n2,a,2.5,{cell}\n")


def test_a_screen_refuses_sds_that_are_not_above_zero(tmp_path: Path) -> None:
    screen = load(tmp_path)
    assert "response_sd" not in screen.responses
    with pytest.raises(DataError, match="responses.response_sd has 1 values that are not above 0"):
        replace(screen, responses=screen.responses.assign(response_sd=[0.1, 0.0, np.nan, 1.0]))


def test_lists_of_ids_are_read_as_tables_are(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('drug_id\n0012\n"a, b"\n\n1E05\n')
    assert read_ids(path, "drug_id") == ["0012", "a, b", "1E05"]
    path.write_text("Cell line\n1.0\nL2\n")
    assert read_pairs(path).to_dict("list") == {"cell_line_id": ["1", "L2"]}
    path.write_bytes(gzip.compress(b"drug_id\n1\n"))
    assert read_ids(path, "drug_id") == ["1"]
    path.write_text("drug_id\n1001\n10")
    with pytest.warns(BdrpWarning, match="ends within a line"):
        read_ids(path, "drug_id")
    path.write_text("genes\nEGFR\n")
    with pytest.raises(DataError, match="a single column"):
        read_pairs(path)
