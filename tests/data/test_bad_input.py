"""Each bad input that belongs to the data, and what is said of it."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import reading, sources, unpacking
from bdrp.data.sources import tables
from bdrp.errors import DataError
from bdrp.files import bounds

RESPONSES = "cell_line_id,drug_id,response\n1,a,-1.5\n2,a,2.5\n2,b,1\n"
DRUGS = "drug_id,smiles\na,OCC\nb,c1ccccc1\n"
EXPRESSION = "cell_line_id,G1,G2\n1,0.5,1.5\n2,3,2.5\n"


def load(folder: Path, measure: str = "ln_ic50_um", **texts: str | bytes) -> None:
    paths = {}
    for name, content in {"responses": RESPONSES, "drugs": DRUGS, "expression": EXPRESSION, **texts}.items():
        paths[name] = folder / f"{name}.csv"
        paths[name].write_bytes(content if isinstance(content, bytes) else content.encode())
    sources.load("tables", measure=measure, **paths)


BAD_DRUGS = {
    "unparsable": ("drug_id,smiles\na,OCC\nb,C1CC\n", r"1 drugs whose structure cannot be used \(drug_id b\).*'C1CC'"),
    "empty": ("drug_id,smiles\na,\nb,\n", r"2 drugs whose structure cannot be used \(drug_id a, b\).*SMILES is empty"),
    "two structures": (
        "drug_id,smiles\na,OCC\na,CCC\n",
        r"1 drug ids two or more structures \(drug_id a; a is CCO, CCC\)",
    ),
    "huge": ("drug_id,smiles\na," + "C" * 5_000 + "\n", "5,000 characters"),
    "control characters": ("drug_id,smiles\na,C\x07C\n", "control or non-ASCII"),
    "no id": ("drug_id,smiles\na,C\n,CC\n", r"1 rows without drug_id \(row 2\)"),
    "no structures": ("drug_id,name\na,b\n", "no column smiles. Its columns are drug_id, name"),
}
BAD_RESPONSES = {
    "nan": (
        "cell_line_id,drug_id,response\n1,a,\n2,a,NaN\n",
        r"ln_ic50_um has 2 non-finite values .*\(row 1, "
        "2,",
    ),
    "infinite": ("cell_line_id,drug_id,response\n1,a,inf\n2,a,1\n", r"1 non-finite values .*\(row 1,"),
    "text": (
        "cell_line_id,drug_id,response\n1,a,no fit\n2,a,1\n",
        r"1 cells that are no numbers \(row 1.*no fit.*or >10",
    ),
    "decimal comma": ("cell_line_id;drug_id;response\n1;a;1,500\n2;a;1\n", "1,234 may be either"),
    "raw ic50 without a unit": (
        "cell_line_id,drug_id,IC50\n1,a,1\n2,a,2\n",
        r"header has no unit.*IC50 in nM \(unit=.ic50_nm.\)",
    ),
    "raw ic50 by value": ("cell_line_id,drug_id,response\n1,a,0.1\n2,a,150\n", "looks like raw IC50 in µM"),
    "constant": ("cell_line_id,drug_id,response\n1,a,1\n2,a,1\n", "nothing to learn"),
    "no line id": ("cell_line_id,drug_id,response\n,a,1\n2,a,2\n", r"1 rows without cell_line_id \(row 1"),
    "no response": (
        "cell_line_id,drug_id,effect\n1,a,1\n",
        r"no column ln_ic50_um.*may also be called LN_IC50, IC50_nM",
    ),
    "other ids": (
        "cell_line_id,drug_id,response\nACH-1,a,1\nACH-2,a,2\n",
        "lines like ACH-1.*expression has lines like 1, 2",
    ),
    "bad dose": ("cell_line_id,drug_id,response,max_conc_um\n1,a,1,0\n2,a,2,1\n", "1 doses that are not above 0"),
    "one column": ("cell_line_id drug_id response\n1 a 1\n", "has a single column"),
    "mixed separators": (
        "cell_line_id,drug_id,response\n1;a;1\n",
        "3 comma-separated .* but 1 in its .*semicolon-separated",
    ),
    "row names without a header": ("cell_line_id,drug_id,response\n1,1,a,1\n2,2,a,2\n", "write.table leaves out"),
    "ragged": ("cell_line_id,drug_id,response\n1,a,1\n2,a,2,3,4\n", "cannot be read as a comma-separated table"),
    "header alone": ("cell_line_id,drug_id,response\n", "a header and no rows"),
    "empty": ("\n \n", "is empty"),
    "duplicated column": ("cell_line_id,drug_id,response,response\n1,a,1,2\n", r"1 duplicated columns \(response\)"),
}
BAD_EXPRESSION = {
    "infinite": ("cell_line_id,G1,G2\n1,inf,1\n2,1,2\n", r"1 infinite values \(1/G1\)"),
    "duplicated genes": ("cell_line_id,G1,G1\n1,1,1\n2,1,2\n", r"1 duplicated columns \(G1\)"),
    "unnamed genes": ("cell_line_id,G1,\n1,1,1\n2,1,2\n", "1 columns without a name"),
    "duplicated lines": ("cell_line_id,G1\n1,1\n1.0,2\n", r"1 duplicated lines \(1\)"),
    "text": ("cell_line_id,G1,colour\n1,1,red\n2,1,blue\n", r"1 columns that are not all numbers \(colour.*'red'"),
    "no lines": ("G1,G2\n1,2\n", "starts with the column 'G1', and no column is called like an id of cell lines"),
    "counts": ("cell_line_id,G1,G2\n1,1021,40\n2,311,0\n", 'looks like TPM.*expression_scale="tpm"'),
    "an empty line": ("cell_line_id,G1,G2\n1,,\n2,1,2\n", r"1 lines without any value \(1\)"),
}


@pytest.mark.parametrize("case", BAD_DRUGS)
def test_bad_drugs_are_refused_in_words(tmp_path: Path, case: str) -> None:
    text, message = BAD_DRUGS[case]
    with pytest.raises(DataError, match=message):
        load(tmp_path, drugs=text)


@pytest.mark.parametrize("case", BAD_RESPONSES)
def test_bad_responses_are_refused_in_words(tmp_path: Path, case: str) -> None:
    text, message = BAD_RESPONSES[case]
    with pytest.raises(DataError, match=message):
        load(tmp_path, responses=text)


@pytest.mark.parametrize("case", BAD_EXPRESSION)
def test_bad_expression_is_refused_in_words(tmp_path: Path, case: str) -> None:
    text, message = BAD_EXPRESSION[case]
    with pytest.raises(DataError, match=message):
        load(tmp_path, expression=text)


def test_an_auc_in_percent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'AUC in percent \(100 = no effect\) \(unit="auc_percent"\)'):
        load(tmp_path, "auc_fraction", responses="cell_line_id,drug_id,auc\n1,a,90\n2,a,40\n")


def test_a_line_described_twice_and_differently_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"describes 1 cell lines twice and differently \(1\)"):
        load(tmp_path, cell_lines="cell_line_id,tissue\n1,Lung\n1,Skin\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv.gz", gzip.compress(RESPONSES.encode() * 500, mtime=0)[:-30], "is truncated or damaged"),
        ("t.csv.gz", gzip.compress(RESPONSES.encode(), mtime=0)[:12] + b"\xff" * 20, "is truncated or damaged"),
        ("t.csv.gz", RESPONSES.encode(), "is named .gz but is not packed so"),
        ("t.csv.gz", b"<html>Not found</html>", "error page"),
        ("t.zip", b"PK\x03\x04broken", "is truncated or damaged"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\x00\n1,2\n", "zero bytes"),
        ("t.csv", b'a,b\n"1,2\n3,4\n', "a quotation mark is probably not closed"),
        ("t.csv", b'a,b\n1,2\n"3,4\n', "cannot be read as a comma-separated table"),
        ("t.csv", b'a,b\n' + b'"' + b"x" * 200_000 + b'",1\n', "is no table: field larger"),
        ("t.csv", b'a,b\n1,"' + b"2,3\n" * 50_000, "at most 131,072 characters; is a quotation mark"),
        ("t.csv", b"x" * 200_000 + b",b\n1,2\n", "is no table: field larger than field limit"),
        ("t.csv", b"x" * 200_000 + b"\n1\n", "has a single column"),
        ("t.parquet", b"PAR1 is not all that Parquet needs", "cannot be read as Parquet"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        reading.read_table(tmp_path / name)


def test_gzip_is_known_by_its_bytes_whatever_the_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(gzip.compress(RESPONSES.encode(), mtime=0))
    assert len(reading.read_table(tmp_path / "t.csv")) == 3


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_file_or_a_folder_in_its_place_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        reading.read_table(tmp_path / f"nothing.{suffix}")
    (tmp_path / f"folder.{suffix}").mkdir()
    with pytest.raises(DataError, match="is a folder. A file is needed"):
        reading.read_table(tmp_path / f"folder.{suffix}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(RESPONSES)
    path.chmod(0)
    with pytest.raises(DataError, match="Check the path and its permissions"):
        reading.read_table(path)


def test_what_unpacks_beyond_all_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 5_000)
    bomb = b"a,b\n" + b"0,0\n" * 100_000
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(bomb, mtime=0))
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", bomb)
    pd.DataFrame({"a": range(5_000)}).to_parquet(tmp_path / "t.parquet")
    pd.DataFrame({"a": range(1_000), "b": 1}).to_excel(tmp_path / "t.xlsx", index=False)
    for name in ("t.csv.gz", "t.zip", "t.parquet", "t.xlsx"):
        with pytest.raises(DataError, match="unpacks to more than 5,000 bytes"):
            reading.read_table(tmp_path / name)


def test_a_small_file_may_unpack_to_less_than_a_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "FREELY", 5_000)
    bomb, table = b"a,b\n" + b"0,0\n" * 100_000, np.random.default_rng(0).normal(size=(2_000, 2))
    honest = "a,b\n" + "".join(f"{a},{b}\n" for a, b in table)
    for text, name in ((bomb, "bomb.csv"), (honest.encode(), "honest.csv")):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text, mtime=0))
    frame = pd.DataFrame({"a": np.zeros(500_000), "b": 1.0})
    frame.to_parquet(tmp_path / "bomb.parquet")
    pd.DataFrame(table, columns=["a", "b"]).to_parquet(tmp_path / "honest.parquet")
    for name in ("csv.gz", "parquet"):
        with pytest.raises(DataError, match="more than any table of its size on the disk"):
            reading.read_table(tmp_path / f"bomb.{name}")
        assert len(reading.read_table(tmp_path / f"honest.{name}")) == 2_000


def test_an_archive_must_hold_one_table_of_the_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("one.csv", RESPONSES)
        archive.writestr("two.csv", RESPONSES)
    with pytest.raises(DataError, match=r"holds 2 tables named like '\*' among 2 files \(one.csv, two.csv\)"):
        reading.read_table(tmp_path / "t.zip")
    assert len(reading.read_table(tmp_path / "t.zip", member="two*")) == 3


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    with pytest.raises(DataError, match="cannot be read as a workbook"):
        reading.read_table(tmp_path / "t.xlsx")


def test_a_needed_column_that_is_missing_is_named_with_those_seen(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"lacks the columns DRUG_ID. Read as comma-separated, it has 2 columns: a, b"):
        reading.read_table(tmp_path / "t.csv", needs=("DRUG_ID", "a"))


def test_quoted_cells_may_hold_separators_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "drugs.csv").write_text('drug_id,smiles,target\na,CC,"one, two\nthree"\n')
    assert tables.read_drugs(tmp_path / "drugs.csv").loc["a", "target"] == "one, two\nthree"
