from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from bdrp.data.expression import read_expression
from bdrp.errors import BdrpWarning, DataError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_genes_in_rows_are_turned_and_said(tmp_path: Path) -> None:
    notices: list[str] = []
    path = write(tmp_path / "e.csv", "gene,L1,L2\nTP53,1,2\nKRAS,3,4\n")
    read = read_expression(path, notices=notices)
    assert (list(read.index), list(read.columns), read.to_numpy().tolist()) == (
        ["L1", "L2"],
        ["TP53", "KRAS"],
        [[1, 3], [2, 4]],
    )
    assert notices == ["e.csv has genes in its rows, called by gene: turned to 2 lines (such as L1, L2) by 2 genes."]


def test_the_lines_of_the_responses_tell_the_direction_where_no_header_does(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", ",L1,L2,L3\nG1,1,2,5\nG2,3,4,6\n")
    assert read_expression(path, lines={"L1", "L3"}).shape == (3, 2)
    assert read_expression(path, lines={"G1", "G2"}).shape == (2, 3)


def test_the_genes_of_the_model_tell_the_direction_too(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", ",S1,S2\nENSA,1,2\nENSB,3,4\n")
    assert list(read_expression(path, genes=["ENSA", "ENSB"]).index) == ["S1", "S2"]


def test_of_rows_of_one_gene_the_highest_stays_and_nameless_rows_go(tmp_path: Path) -> None:
    notices: list[str] = []
    path = write(tmp_path / "e.tsv", "Gene Symbol\tL1\tL2\nKRAS\t1\t2\nTP53\t3\t4\nKRAS\t5\t6\n---\t9\t9\n")
    read = read_expression(path, notices=notices)
    assert read.to_dict("list") == {"TP53": [3, 4], "KRAS": [5, 6]}
    assert any("1 rows have no name" in one for one in notices) and any("the highest is kept" in one for one in notices)


def test_the_layout_of_gdsc_is_read_by_its_cosmic_ids(tmp_path: Path) -> None:
    text = "GENE_SYMBOLS\tGENE_title\tDATA.906826\tDATA.906827\nTP53\ttumor protein\t3\t4\nKRAS\ta gene\t5\t\n"
    read = read_expression(write(tmp_path / "e.txt", text))
    assert list(read.index) == ["906826", "906827"] and list(read.columns) == ["TP53", "KRAS"]
    assert np.isnan(read.loc["906827", "KRAS"])


def test_columns_that_describe_genes_are_no_lines(tmp_path: Path) -> None:
    text = "Geneid\tgene_name\tChr\tStart\tLength\tS1\tS2\nENSG00000141510.5\tTP53\t17\t7661779\t2512\t5.1\t6.2\n"
    read = read_expression(write(tmp_path / "e.txt", text + "ENSG00000133703.1\tKRAS\t12\t25205246\t900\t2.1\t3.2\n"))
    assert (list(read.index), list(read.columns)) == (["S1", "S2"], ["TP53", "KRAS"])


def test_of_two_columns_of_lines_the_one_that_joins_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "e.csv", "cell_line_id,COSMIC_ID,G1,G2\nA,11,1.5,2\nB,12,3.5,4\n")
    with pytest.warns(
        BdrpWarning, match=r"1 column left out of the genes, an id or a description .*\(cell_line_id\)|COSMIC"
    ):
        assert list(read_expression(path, lines={"A", "B"}).index) == ["A", "B"]
    notices: list[str] = []
    assert list(read_expression(path, lines={"11", "12"}, notices=notices).index) == ["11", "12"]
    assert notices == ["e.csv: cell_line_id say something of the lines and are no genes: left out."]


def test_depmaps_five_leading_columns_are_known_and_each_model_stands_once(tmp_path: Path) -> None:
    head = ",SequencingID,ModelID,IsDefaultEntryForModel,ModelConditionID,IsDefaultEntryForMC,TP53 (7157),KRAS (3845)\n"
    rows = [
        "0,CDS-1,ACH-000001,Yes,MC-1,Yes,1.5,2",
        "1,CDS-2,ACH-000001,No,MC-2,Yes,9,9",
        "2,CDS-3,ACH-000002,Yes,MC-3,Yes,3.5,4",
    ]
    notices: list[str] = []
    path = write(tmp_path / "e.csv", head + "\n".join([*rows, ""]))
    read = read_expression(path, lines={"ACH-000001", "ACH-000002"}, notices=notices)
    pd.testing.assert_frame_equal(read, read_expression(path))
    assert (list(read.index), list(read.columns)) == (["ACH-000001", "ACH-000002"], ["TP53", "KRAS"])
    assert read["TP53"].tolist() == [1.5, 3.5]
    assert any("1 rows are not their model's default entry" in one for one in notices)


def test_gct_whose_description_says_nothing_is_called_by_name(tmp_path: Path) -> None:
    text = "#1.2\n2\t2\nName\tDescription\tS1\tS2\nTP53\tna\t1\t2\nKRAS\tna\t3\t4\n"
    assert list(read_expression(write(tmp_path / "e.gct", text)).columns) == ["TP53", "KRAS"]
    text = text.replace("TP53\tna", "TP53\ttumor protein p53").replace("KRAS\tna", "KRAS\ta proto-oncogene")
    assert list(read_expression(write(tmp_path / "e.gct", text)).columns) == ["TP53", "KRAS"]


def test_gct_is_called_by_the_column_that_a_model_knows(tmp_path: Path) -> None:
    text = "#1.2\n2\t2\nName\tDescription\tS1\tS2\nENSG00000141510.5\tTP53\t1\t2\nENSG00000133703.1\tKRAS\t3\t4\n"
    path = write(tmp_path / "e.gct", text)
    assert list(read_expression(path).columns) == ["TP53", "KRAS"]
    read = read_expression(path, genes=["ENSG00000141510", "ENSG00000133703"])
    assert list(read.columns) == ["ENSG00000141510", "ENSG00000133703"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "#1.2\n3\t2\nName\tDescription\tS1\tS2\nA\tna\t1\t2\n",
            "3 genes and 0 rows of annotation, while it has 1 rows",
        ),
        ("#1.2\n1\t3\nName\tDescription\tS1\tS2\nA\tna\t1\t2\n", r"2 \+ 3 columns, while it has 4"),
        ("#1.2\nName\tDescription\tS1\nA\tna\t1\n", "its second line is 'Name"),
        ("#1.3\n1\t2\nName\tDescription\tS1\tS2\nA\tna\t1\t2\n", "must hold 4 whole numbers"),
    ],
)
def test_gct_of_another_size_than_it_says_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_expression(write(tmp_path / "e.gct", text))


def test_a_table_without_a_column_of_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column is called like an id of cell lines"):
        read_expression(write(tmp_path / "e.csv", "TP53,KRAS\n1,2\n"))


def test_a_packed_gct_is_read_as_a_plain_one(tmp_path: Path, made: ModuleType) -> None:
    import gzip

    made.write_gct(made.draw_log2(5, seed=1), tmp_path / "e.gct")
    (tmp_path / "e.gct.gz").write_bytes(gzip.compress((tmp_path / "e.gct").read_bytes()))
    pd.testing.assert_frame_equal(read_expression(tmp_path / "e.gct"), read_expression(tmp_path / "e.gct.gz"))
