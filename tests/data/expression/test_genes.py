from __future__ import annotations

import pytest

from bdrp.data.expression import genes


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("TP53 (7157)", "TP53"),
        ("HLA-A (3105)", "HLA-A"),
        ("HSPA5 (ENSG00000044574)", "HSPA5"),
        ("TP53|7157", "TP53"),
        ("?|100130426", "?|100130426"),
        ("ENSG00000141510.18_TP53", "TP53"),
        ("ENSG00000141510|TP53", "TP53"),
        ("ENSG00000141510.18", "ENSG00000141510"),
        ("ENSMUSG00000059552.14", "ENSMUSG00000059552"),
        ("RP11-34P13.7", "RP11-34P13.7"),
        ("7157", "7157"),
        ("G (x)", "G (x)"),
    ],
)
def test_a_header_that_holds_two_names_is_called_by_the_symbol(header: str, name: str) -> None:
    assert genes.gene_name(header) == name


def test_names_that_would_be_one_stay_two() -> None:
    notices: list[str] = []
    columns = ["TP53 (7157)", "TP53 (1)", "KRAS (3845)", "OLD (5)"]
    assert genes.name_genes(columns, notices, keep=["OLD (5)"]) == ["TP53 (7157)", "TP53 (1)", "KRAS", "OLD (5)"]
    assert notices == ["1 genes are called by their name alone (KRAS (3845) as KRAS)."]


@pytest.mark.parametrize(
    ("one", "other"),
    [("SEPT9", "SEPTIN9"), ("MARCH5 (54708)", "MARCHF5"), ("HLA.A", "HLA-A"), ("tp53", "TP53"), ("X7157", "7157")],
)
def test_old_and_new_names_and_other_spellings_join(one: str, other: str) -> None:
    assert genes.joining_key(one) == genes.joining_key(other)


def test_a_mouse_gene_of_another_name_does_not_join() -> None:
    assert genes.joining_key("Trp53") != genes.joining_key("TP53")


@pytest.mark.parametrize(
    ("date", "gene"),
    [
        *(
            ("9-Sep", "SEPT9/SEPTIN9"),
            ("5-Mar", "MARCH5/MARCHF5"),
            ("1-Dec", "DEC1/DELEC1"),
            ("Sep-09", "SEPT9/SEPTIN9"),
        ),
        *(
            ("9. Sep", "SEPT9/SEPTIN9"),
            ("05. Mrz", "MARCH5/MARCHF5"),
            ("1-Dez", "DEC1/DELEC1"),
            ("9-sept", "SEPT9/SEPTIN9"),
        ),
        *(("2023-09-01", "SEPT1/SEPTIN1"), ("2023-03-05 00:00:00", "MARCH5/MARCHF5"), ("9/1/2023", "SEPT1/SEPTIN1")),
        *(("44805", "SEPT1/SEPTIN1"), ("44805.0", "SEPT1/SEPTIN1"), ("2.31E+13", ""), ("9-Sep-23", "SEPT9/SEPTIN9")),
    ],
)
def test_a_date_is_told_with_the_gene_that_it_may_have_been(date: str, gene: str) -> None:
    assert genes.spreadsheet_dates([date, *"ABCDEFG"]) == {date: gene}


def test_genes_are_no_dates() -> None:
    names = [
        "SEPT9",
        "MARCH5",
        "DEC1",
        "SEPTIN9",
        "MAR-1A",
        "NOV",
        "APR",
        "7SK",
        "1-8D",
        "H2AC1",
        "CD1-A",
        "U1",
        "OCT4",
        "E2F1",
    ]
    assert genes.spreadsheet_dates(names) == {}


def test_entrez_ids_are_no_days() -> None:
    assert genes.spreadsheet_dates([str(one) for one in range(44_800, 44_830)]) == {}


def test_the_copies_of_genes_on_the_y_chromosome_are_found() -> None:
    columns = ["ENSG00000002586.20", "ENSG00000002586.20_PAR_Y", "ENSG00000124334.17_PAR_Y", "TP53"]
    assert genes.second_copies(columns) == ["ENSG00000002586.20_PAR_Y"]


def test_symbols_of_the_mouse_are_told_by_their_case() -> None:
    assert genes.look_like_mouse(["Trp53", "Kras", "Egfr", "Gapdh", "Brca1", "H2-K1"])
    assert not genes.look_like_mouse(["TP53", "KRAS", "C1orf112", "EGFR", "BRCA1", "GAPDH"])
