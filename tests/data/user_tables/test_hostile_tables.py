"""Tables as people have them that are odd or wrong: each is read as it is meant, refused, or read with a word aloud.

`WORDS` gives for each what is said: a refusal that starts with "!", a warning, a notice, or nothing ("") where the
table is read as it is meant. Nothing may be silently wrong; what is refused though it could have been understood is
counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import sources
from bdrp.errors import BdrpError

SMILES = {
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "sorafenib": "CNC(=O)c1cc(Oc2ccc(NC(=O)Nc3ccc(Cl)c(C(F)(F)F)c3)cc2)ccn1",
    "vorinostat": "O=C(CCCCCCC(=O)Nc1ccccc1)NO",
    "temozolomide": "Cn1nnc2c(C(N)=O)ncn2c1=O",
}
RNG = np.random.default_rng(0)
LINES = [f"LINE{at:03d}" for at in range(20)]
PAIRS = pd.MultiIndex.from_product([LINES, SMILES], names=["cell_line_id", "drug_id"]).to_frame(index=False)
LN = pd.Series((np.tile(np.linspace(-3, 5, 6), 20) + RNG.normal(0, 1, 120)).round(4))
UM = np.exp(LN)
AUC = 1 / (1 + np.exp(-(LN - 1) / 3))
ROWS = PAIRS.assign(ln_ic50_um=LN)
DRUGS = pd.DataFrame({"drug_id": list(SMILES), "smiles": list(SMILES.values())})
GENES = pd.DataFrame(
    RNG.normal(7, 2, (20, 8)).round(4), columns=["TP53", "EGFR", "KRAS", "MYC", "RB1", "MET", "KIT", "SRC"]
)
GENES.insert(0, "cell_line_id", LINES)
TURNED = GENES.set_index("cell_line_id").T.rename_axis("gene")


def csv(table: pd.DataFrame, separator: str = ",", decimal: str = ".") -> str:
    return str(table.to_csv(index=False, sep=separator, decimal=decimal))


def named(header: str, values: object) -> str:
    return csv(PAIRS.assign(**{header: values}))


def with_cells(text: str) -> str:
    """Two responses that are no numbers."""
    cells = LN.astype(str)
    cells[3] = cells[50] = text
    return named("ln_ic50_um", cells)


def number(pattern: Callable[[float], str]) -> str:
    return named("IC50_nM", (UM * 1000).map(pattern))


def structure(text: str) -> str:
    return csv(DRUGS.assign(smiles=[*list(SMILES.values())[:5], text]))


def again(**columns: object) -> pd.DataFrame:
    """The responses once more, three ln(uM) higher, beside other values of a column."""
    ((name, (one, two)),) = columns.items()
    return pd.concat([ROWS.assign(**{name: one}), ROWS.assign(**{name: two, "ln_ic50_um": LN + 3})])


RESPONSES: dict[str, tuple[str | bytes, str]] = {
    "byte order mark": (("\ufeff" + csv(ROWS)).encode(), ""),
    "UTF-16": (csv(ROWS).encode("utf-16"), ""),
    "UTF-16 without a mark": (csv(ROWS).encode("utf-16-le"), ""),
    "Latin-1 and a micro sign": (named("IC50 (\u00b5M)", UM).encode("latin-1"), "IC50 in µM"),
    "line ends of old Macs": (csv(ROWS).replace("\n", "\r"), ""),
    "a column of row numbers": (str(ROWS.to_csv()), ""),
    "spaces behind ids": (csv(ROWS.assign(cell_line_id=ROWS["cell_line_id"] + " ")), ""),
    "hard spaces behind ids": (csv(ROWS.assign(cell_line_id=ROWS["cell_line_id"] + "\u00a0")), ""),
    "a row of means": (csv(ROWS) + "Mean,mean,1.0\n", "1 cell lines have no expression"),
    "a row of totals": (csv(ROWS) + "Total,,123.4\n", "!without drug_id"),
    "a footnote": (csv(ROWS) + "* extrapolated,,\n", "!without drug_id"),
    "a title above the header": ("Table S3: responses,,\n" + csv(ROWS), "!duplicated columns"),
    "a merged header": (",,Response\n" + csv(ROWS), "!duplicated columns"),
    "comments above the header": ("# made by hand\n" + csv(ROWS), "!single column"),
    "a row of units": (csv(ROWS).replace("\n", "\n,,ln(uM)\n", 1), "!without cell_line_id"),
    "one header twice": (csv(ROWS.assign(x=LN)).replace(",x\n", ",ln_ic50_um\n", 1), "!duplicated columns"),
    "columns swapped": (csv(ROWS.set_axis(["drug_id", "cell_line_id", "ln_ic50_um"], axis=1)), "!No response"),
    "ids in lower case": (csv(ROWS.assign(cell_line_id=ROWS["cell_line_id"].str.lower())), "!No response"),
    "German headers": (csv(ROWS.set_axis(["Zelllinie", "Wirkstoff", "ln_ic50_um"], axis=1)), "!no column drug_id"),
    "decimal commas": (csv(ROWS, ";", ","), ""),
    "thousands with commas": (number(lambda value: f"{value:,.4f}"), ""),
    "thousands with spaces": (number(lambda value: f"{value:,.4f}".replace(",", " ")), ""),
    "thousands with apostrophes": (number(lambda value: f"{value:,.4f}".replace(",", "'")), ""),
    "thousands alone": (number(lambda value: f"{max(value, 1000):,.0f}"), "the very lowest value"),
    "exponents behind a space": (number(lambda value: f"{value:.4e}".replace("e", " e")), ""),
    "exponents as powers of ten": (number(lambda value: f"{value:.4e}".replace("e", "x10^")), ""),
    "a minus of typesetters": (named("ln_ic50_um", LN.astype(str).str.replace("-", "\u2212")), ""),
    "units in cells": (named("IC50", (UM * 1000).map("{:.4f} nM".format)), "!no numbers"),
    "errors in cells": (named("IC50_uM", UM.map("{:.4f} ± 0.1".format)), "!no numbers"),
    "ranges in cells": (named("IC50_uM", [f"{0.9 * one:.3f}-{1.1 * one:.3f}" for one in UM]), "!no numbers"),
    "marks in cells": (named("IC50_uM", UM.map("{:.4f}*".format)), "!no numbers"),
    "n.d.": (with_cells("n.d."), "2 of 120 rows have no response"),
    "#N/A": (with_cells("#N/A"), "2 of 120 rows have no response"),
    "#DIV/0!": (with_cells("#DIV/0!"), "2 of 120 rows have no response"),
    "a dash for a gap": (with_cells("-"), "2 of 120 rows have no response"),
    "a point for a gap": (with_cells("."), "2 of 120 rows have no response"),
    "infinity": (with_cells("inf"), "!non-finite"),
    "-999 for a gap": (with_cells("-999"), "!beyond all concentrations"),
    "9999 for a gap": (with_cells("9999"), "!beyond all concentrations"),
    "a negative concentration": (named("IC50_uM", UM.where(UM.index != 5, -1.0)), "!not above 0"),
    "a concentration of 0": (named("IC50_uM", UM.where(UM.index != 5, 0.0)), "!not above 0"),
    "ln of nM by name": (named("ln(IC50 [nM])", LN + np.log(1000)), "converted"),
    "a logarithm of no base": (named("logIC50", LN / np.log(10)), "!of which base"),
    "ln of nM without a unit": (named("LN_IC50", LN + np.log(1000)), "!can be several"),
    "mass over volume": (named("IC50 (mg/mL)", UM * 4e-4), "!no column ln_ic50_um"),
    "a column of units": (csv(PAIRS.assign(IC50=UM * 1000, unit="nM")), "IC50 in nM"),
    "two units in a column": (
        csv(PAIRS.assign(IC50=np.where(UM < 1, UM * 1000, UM), unit=np.where(UM < 1, "nM", "uM"))),
        "!can be several",
    ),
    "a header against a column of units": (csv(PAIRS.assign(IC50_uM=UM, units="nM")), "units says nm"),
    "times taken for replicates": (csv(again(hours=(24, 72))), "differ in the column hours"),
    "assays taken for replicates": (csv(again(readout=("CTG", "MTT"))), "differ in the column readout"),
    "a second drug beside the first": (csv(again(partner=("DMSO", "trametinib"))), "differ in the column partner"),
    "replicates that contradict": (csv(pd.concat([ROWS, ROWS.assign(ln_ic50_um=LN + 6)])), "Are they replicates"),
    "a few that contradict": (csv(pd.concat([ROWS, ROWS.head(5).assign(ln_ic50_um=LN + 12)])), "Are they replicates"),
    "capped without a word": (named("IC50_uM", UM.clip(upper=10)), "the very highest value"),
    "capped beside a flag": (csv(ROWS.assign(ln_ic50_um=LN.clip(upper=2.3), censored=LN > 2.3)), "the very highest"),
    "capped beside a relation": (
        csv(PAIRS.assign(IC50_uM=UM.clip(upper=10), relation=np.where(UM > 10, ">", "="))),
        "the very highest",
    ),
    "doses swapped": (csv(ROWS.assign(min_conc_um=10, max_conc_um=0.01)), "!not below the upper_limit"),
    "doses as logarithms": (csv(ROWS.assign(min_conc_um=-2, max_conc_um=1)), "!is it a logarithm"),
    "doses in nM under µM": (csv(ROWS.assign(min_conc_um=10, max_conc_um=10_000)), "!no assay's highest dose"),
    "doses in mass over volume": (csv(ROWS.assign(**{"max_conc (mg/ml)": 0.01})), "a unit that is not known"),
    "doses called limits": (csv(ROWS.assign(lower_limit=0.01, upper_limit=10)), "look like doses"),
    "an SD below 0": (csv(ROWS.assign(response_sd=-0.1)), "!no SD"),
    "an SD in percent": (csv(ROWS.assign(response_sd=20.0)), "such measurements tell nothing"),
}
OTHERS: dict[str, tuple[str, str, str]] = {
    "CXSMILES": ("drugs", structure(SMILES["temozolomide"] + " |c:1|"), "!holds spaces"),
    "InChI": ("drugs", structure("InChI=1S/CH4O/c1-2/h2H,1H3"), "!cannot be read"),
    "InChIKey": ("drugs", structure("BPEGJWRSRHCHSN-UHFFFAOYSA-N"), "!cannot be read"),
    "a name": ("drugs", structure("temozolomide"), "!cannot be read"),
    "a reaction": ("drugs", structure("CCO>>CC=O"), "!cannot be read"),
    "an atom that is any": ("drugs", structure("*c1ccccc1"), "!an atom that is any"),
    "isotopes": ("drugs", structure("[2H]C([2H])([2H])n1nnc2c(C(N)=O)ncn2c1=O"), ""),
    "a structure filled down": ("drugs", csv(DRUGS.assign(smiles=SMILES["imatinib"])), "share 1 structures"),
    "genes in rows": ("expression", str(TURNED.to_csv()), "turned to 20"),
    "genes as dates": ("expression", csv(GENES.rename(columns={"TP53": "1-Mar"})), "turned into dates"),
    "a gene twice": ("expression", csv(GENES).replace("EGFR", "TP53", 1), "!duplicated columns"),
    "a line twice": ("expression", csv(pd.concat([GENES, GENES.head(1).assign(TP53=1.0)])), "!duplicated lines"),
    "expression with decimal commas": ("expression", csv(GENES, ";", ","), ""),
}  # fmt: skip
NEEDLESS = {
    *("a row of totals", "a footnote", "a title above the header", "comments above the header", "a merged header"),
    *("a row of units", "ids in lower case", "German headers", "units in cells", "CXSMILES", "InChI"),
}
"""What a person understands, and bdrp refuses, with words that say what to change."""


def outcome(folder: Path, name: str, text: str | bytes, words: str) -> str:
    """What is wrong with how a table is taken; empty if nothing."""
    tables = {"responses": csv(ROWS), "drugs": csv(DRUGS), "expression": csv(GENES)} | {name: text}
    paths = {}
    for what, content in tables.items():
        paths[what] = folder / f"{what}.csv"
        paths[what].write_bytes(content if isinstance(content, bytes) else content.encode())
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            screen = sources.load("tables", **paths)
        except BdrpError as error:
            return "" if words.startswith("!") and words[1:] in str(error) else f"refused: {error}"
    said = [*screen.notices, *(str(one.message) for one in raised)]
    if words.startswith("!") or not any(words in one for one in said or [""]):
        return f"read, and said: {said}"
    read = screen.responses.set_index(["cell_line_id", "drug_id"])["response"]
    if words and len(raised):
        return ""  # a word aloud, whatever was read
    right = ROWS.set_index(["cell_line_id", "drug_id"])["ln_ic50_um"].reindex(read.index)
    return (
        ""
        if len(read) == len(ROWS) - 2 * ("rows have no" in words) and np.allclose(read, right, atol=2e-3)
        else "silently wrong"
    )


@pytest.mark.parametrize("case", RESPONSES)
def test_odd_responses_are_read_as_meant_or_spoken_of(tmp_path: Path, case: str) -> None:
    assert outcome(tmp_path, "responses", *RESPONSES[case]) == ""


@pytest.mark.parametrize("case", OTHERS)
def test_odd_drugs_and_expression_are_read_as_meant_or_spoken_of(tmp_path: Path, case: str) -> None:
    assert outcome(tmp_path, *OTHERS[case]) == ""


def test_what_is_refused_without_need_is_counted() -> None:
    refused = {case for case, (*_, words) in (RESPONSES | OTHERS).items() if words.startswith("!")}
    assert refused >= NEEDLESS
    assert len(RESPONSES) + len(OTHERS) >= 70 and len(NEEDLESS) == 11


def test_letters_of_windows_join_with_those_of_unicode(tmp_path: Path) -> None:
    named_so = {"cell_line_id": ROWS["cell_line_id"].replace("LINE003", "Hür\u20137")}
    genes = csv(GENES.assign(cell_line_id=GENES["cell_line_id"].replace("LINE003", "Hür\u20137")))
    paths = {name: tmp_path / f"{name}.csv" for name in ("responses", "drugs", "expression")}
    paths["responses"].write_bytes(csv(ROWS.assign(**named_so)).encode("cp1252"))
    paths["drugs"].write_text(csv(DRUGS))
    paths["expression"].write_text(genes, encoding="utf-8")
    assert len(sources.load("tables", **paths).responses) == len(ROWS)
