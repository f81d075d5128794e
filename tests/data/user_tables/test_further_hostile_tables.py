"""Further odd tables, of headers, cells, units, files and layouts: read as meant, refused, or read with a word aloud.

Each case holds what is said, as in `test_hostile_tables.py`: a refusal that starts with "!", a warning, or nothing ("")
where the table is read as it is meant. `bdrp check` finds a table fit where it is read, and unfit where it is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import inspection, sources
from bdrp.errors import BdrpError

SMILES = {
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "erlotinib": "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "sorafenib": "CNC(=O)c1cc(Oc2ccc(NC(=O)Nc3ccc(Cl)c(C(F)(F)F)c3)cc2)ccn1",
    "vorinostat": "O=C(CCCCCCC(=O)Nc1ccccc1)NO",
    "temozolomide": "Cn1nnc2c(C(N)=O)ncn2c1=O",
}
RNG = np.random.default_rng(1)
LINES = [f"LINE{at:03d}" for at in range(20)]
PAIRS = pd.MultiIndex.from_product([LINES, SMILES], names=["cell_line_id", "drug_id"]).to_frame(index=False)
LN = pd.Series((np.tile(np.linspace(-3, 5, 6), 20) + RNG.normal(0, 1, 120)).round(4))
UM = np.exp(LN)
LOG = LN / np.log(10)
AUC = (1 / (1 + np.exp(-(LN - 1) / 3))).round(5)
ROWS = PAIRS.assign(ln_ic50_um=LN)
WIDE = ROWS.pivot(index="cell_line_id", columns="drug_id", values="ln_ic50_um")
TENTH = RNG.permutation(120) < 40
OF_LINE = np.where(PAIRS["cell_line_id"].str[-1].astype(int) % 2 == 0, "A", "B")
LEVEL = RNG.normal(6, 2, 100)
GENES = pd.DataFrame(
    (LEVEL + RNG.normal(0, 0.8, (20, 100))).round(4),
    pd.Index(LINES, name="cell_line_id"),
    [f"GENE{at}" for at in range(100)],
)
FIRST = np.repeat(np.arange(20) < 8, 100).reshape(20, 100)
GAPPED = RNG.random(GENES.shape) < 0.05
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def csv(table: pd.DataFrame, separator: str = ",", **how: object) -> str:
    return str(table.to_csv(index=False, sep=separator, **how))


def named(header: str, values: object, **beside: object) -> str:
    return csv(PAIRS.assign(**{header: values}, **beside))


def written(pattern: Callable[[float], str], values: pd.Series = LN, header: str = "ln_ic50_um") -> str:
    return csv(PAIRS.assign(**{header: values.map(pattern)}), "\t")


def with_cells(text: str) -> str:
    """Two responses that are no numbers."""
    cells = LN.astype(str)
    cells[3] = cells[50] = text
    return named("ln_ic50_um", cells)


def power(value: float, pattern: str, raised: bool = False) -> str:
    mantissa, exponent = f"{value:.5e}".split("e")
    return pattern.format(mantissa, str(int(exponent)).translate(RAISED) if raised else int(exponent))


HEADERS = {
    "IC50 [nM]": UM * 1e3, "IC50/µM": UM, "IC50, nM": UM * 1e3, "IC50_nmol/L": UM * 1e3, "IC50 (umol/l)": UM,
    "IC50 (micromolar)": UM, "IC50 in micromolar": UM, "IC50_M": UM / 1e6, "IC50 [mM]": UM / 1e3, "IC50 pM": UM * 1e6,
    "ic50.nM": UM * 1e3, "IC-50 (nM)": UM * 1e3, "IC₅₀ (nM)": UM * 1e3, "absolute IC50 (uM)": UM, "pIC50 (M)": 6 - LOG,
    "pIC₅₀": 6 - LOG, "-log10(IC50/M)": 6 - LOG, "negLog10IC50_M": 6 - LOG, "LN_IC50_uM": LN,
    "median ln(IC50 uM)": LN, "ln_IC50 (M)": LN - 13.8155, "log10(IC50 [M])": LOG - 6, "Log10 IC50 uM": LOG,
    "log2(IC50_uM)": LN / np.log(2), "LogIC50 [log10(M)]": LOG - 6, "IC50 (log10 nM)": LOG + 3,
}  # fmt: skip
"""Headers that people write over IC50, and what stands below them."""
GAPS = (
    *("", "NA", "NaN", "NULL", "None", "missing", "nothing", "#N/A", "#NUM!", "#VALUE!", "#REF!", "#DIV/0!", "N/A"),
    *("n.a.", "n/a", "<NA>", "NaT", "-", "--", "?", ".", "na", "nil", "n.d.", "ND", "not tested", "1.#QNAN"),
)
"""Cells without a number, by R, Excel, Julia, SQL and hand: their rows are left out, and counted."""
SAID = ("!no numbers", "! non-finite values")
RESPONSES: dict[str, tuple[str | bytes, str]] = {
    **{f"header {header}": (named(header, values), "") for header, values in HEADERS.items()},
    **{f"gap {gap}": (with_cells(gap), "2 of 120 rows have no response") for gap in GAPS},
    **{f"cell {cell}": (with_cells(cell), SAID[0]) for cell in ("TRUE", "no fit", "NC", "inactive", "0x1A", "1-Mar")},
    **{f"cell {cell}": (with_cells(cell), SAID[0]) for cell in ("2021-03-01", "1_000", "1/2", "~1.2", "1.#INF")},
    **{f"cell {cell}": (with_cells(cell), SAID[1]) for cell in ("Inf", "-Inf")},
    "half of the rows empty": (named("ln_ic50_um", LN.where(LN.index > 70)), "Is it the right column?"),
    "decimal commas in quotes": (named("ln_ic50_um", LN.map(lambda one: f"{one:.4f}".replace(".", ","))), ""),
    "decimal commas between tabs": (written(lambda one: f"{one:.4f}".replace(".", ",")), ""),
    "three decimals behind commas": (written(lambda one: f"{one + 9:.3f}".replace(".", ",")), SAID[0]),
    "commas and points": (written(lambda one: f"{one:.4f}".replace(".", "," if one > 0 else ".")), SAID[0]),
    "1,234.50": (written(lambda one: f"{one:,.4f}", UM * 1e3, "IC50_nM"), ""),
    "1.234,50": (
        written(lambda one: f"{one:,.4f}".translate(str.maketrans(",.", ".,")), UM * 1e3, "IC50_nM"),
        "",
    ),
    "1 234.50": (written(lambda one: f"{one:,.4f}".replace(",", "\u202f"), UM * 1e3, "IC50_nM"), ""),
    "1'234.50": (written(lambda one: f"{one:,.4f}".replace(",", "'"), UM * 1e3, "IC50_nM"), ""),
    "1.2e-03": (written(lambda one: f"{one:.5e}", UM, "IC50_uM"), ""),
    "1.2E-03": (written(lambda one: f"{one:.5E}", UM, "IC50_uM"), ""),
    "1.2D-03 of Fortran": (written(lambda one: f"{one:.5E}".replace("E", "D"), UM, "IC50_uM"), ""),
    "5·10-3": (written(lambda one: power(one, "{}·10{:d}"), UM, "IC50_uM"), ""),
    "5 x 10^-3": (written(lambda one: power(one, "{} x 10^{:d}"), UM, "IC50_uM"), ""),
    "5*10^(-3)": (written(lambda one: power(one, "{}*10^({:d})"), UM, "IC50_uM"), ""),
    "5×10⁻³": (written(lambda one: power(one, "{}×10{}", raised=True), UM, "IC50_uM"), ""),
    "a minus of typesetters": (written(lambda one: f"{one:.4f}".replace("-", "\u2212")), ""),
    "plus signs": (written("{:+.4f}".format), ""),
    "minus behind": (written(lambda one: f"{-one:.4f}-" if one < 0 else f"{one:.4f}"), SAID[0]),
    "minus in brackets": (written(lambda one: f"({-one:.4f})" if one < 0 else f"{one:.4f}"), SAID[0]),
    "-0.0": (named("ln_ic50_um", LN.where(LN.abs() > 0.002, -0.0)), ""),
    "UTF-16 between tabs": (csv(ROWS, "\t").encode("utf-16"), ""),
    "UTF-16 without a mark": (csv(ROWS, "\t").encode("utf-16-be"), ""),
    "byte order mark and semicolons": (("\ufeff" + csv(ROWS, ";")).encode(), ""),
    "bars": (csv(ROWS, "|"), ""),
    "empty lines behind": (csv(ROWS).replace("\n", "\r\n") + "\r\n\r\n", ""),
    "commas behind": (csv(ROWS).replace("\n", ",,\n"), ""),
    "a nameless column of values": (csv(ROWS).replace("\n", ",7\n").replace(",7\n", ",\n", 1), "!without a name"),
    "JSON": (ROWS.to_json(orient="records"), "!duplicated columns"),
    "HTML": (ROWS.to_html(index=False), "!single column"),
    "spaces between cells": (csv(ROWS, " "), "!single column"),
    "a second header of units": (named("IC50", UM).replace("\n", "\n,,nM\n", 1), "!without cell_line_id"),
    "a second header in full": (
        named("IC50", UM).replace("IC50\n", "IC50\ncell_line_id,drug_id,nM\n", 1),
        SAID[0],
    ),
    "tables one below the other": (csv(ROWS) + csv(ROWS), SAID[0]),
    "headers of ids swapped": (
        csv(ROWS.set_axis(["drug_id", "cell_line_id", "ln_ic50_um"], axis=1)),
        "!No response",
    ),
    "numbers of replicates behind ids": (csv(ROWS.assign(cell_line_id=ROWS["cell_line_id"] + "_r1")), "!No response"),
    "log10 M without its sign": (named("log10_ic50_m", 6 - LOG), "!can hardly be log10 IC50 in M"),
    "pIC50 with a sign": (named("pIC50", LOG - 6), "!can hardly be pIC50"),
    "µM under ln": (named("ln_ic50_um", UM), "!can hardly be ln IC50"),
    "ln under µM": (named("IC50_uM", LN), "!can hardly be IC50 in µM"),
    "pIC50 under ln": (named("ln_ic50_um", 6 - LOG), "!can hardly be ln IC50"),
    "log10 M under ln": (named("ln_ic50_um", LOG - 6), "!can hardly be ln IC50"),
    "ln of M under ln of µM": (named("ln_ic50_um", LN - 13.8), "!can hardly be ln IC50"),
    "AUC under ln": (named("ln_ic50_um", AUC), "!can hardly be ln IC50"),
    "nM under µM": (named("IC50_uM", UM * 1e3), "!can hardly be IC50 in µM"),
    "M under µM": (named("IC50_uM", UM / 1e6), "!can hardly be IC50 in µM"),
    "µM under nM": (named("IC50_nM", UM), "the median response is"),
    "nM of one laboratory": (named("IC50_uM", UM.where(OF_LINE == "A", UM * 1e3), laboratory=OF_LINE), "Convert one"),
    "pIC50 of one laboratory": (
        named("ln_ic50_um", LN.where(OF_LINE == "A", 6 - LOG), laboratory=OF_LINE),
        "counts the other way",
    ),
    "a sign of one laboratory": (named("ln_ic50_um", LN.where(OF_LINE == "A", -LN), laboratory=OF_LINE), "counts the"),
    "nM in a third of the rows": (named("IC50_uM", UM.where(~TENTH, UM * 1e3)), "two clusters"),
    "nM of two drugs": (
        named("IC50_uM", UM.where(~PAIRS["drug_id"].isin(["imatinib", "sorafenib"]), UM * 1e3)),
        "a median above 1 mM",
    ),
    "nM of four lines": (named("IC50_uM", UM.where(~PAIRS["cell_line_id"].isin(LINES[:4]), UM * 1e3)), "4 of 20 lines"),
    "a column sorted alone": (named("ln_ic50_um", np.sort(LN)), "sorted without the others"),
    "filled down": (named("ln_ic50_um", LN.where(LN.index < 80, 1.2345)), "was filled down"),
    "means for measurements": (
        named("ln_ic50_um", LN.groupby(PAIRS["drug_id"]).transform("mean")),
        "pairs of lines have the very same response",
    ),
    "one number for all": (named("ln_ic50_um", 1.0), "!can hardly be ln IC50"),
    "doses in nM by range": (named("IC50_uM", UM, max_conc=100_000, min_conc=10), ""),
    "doses in nM by name": (named("IC50_uM", UM, max_conc_nM=100_000, min_conc_nM=1), ""),
    "doses as log10 M": (named("IC50_uM", UM, max_conc_um=-5, min_conc_um=-8), "!not above 0"),
    "doses in M under µM": (named("IC50_uM", UM, max_conc_um=1e-5, min_conc_um=1e-8), "!no assay's highest dose"),
    "single doses": (named("viability", AUC * 100), "!effect of a single dose"),
    "z-scores": (named("zscore", (LN - LN.mean()) / LN.std()), "!holds z-scores"),
}  # fmt: skip
AREAS: dict[str, tuple[str, str]] = {
    "percent": (named("AUC", AUC * 100), ""),
    "percent of one laboratory": (
        named("AUC", AUC.where(OF_LINE == "A", AUC * 100), laboratory=OF_LINE),
        "!can hardly",
    ),
    "AAC of one laboratory": (named("AUC", AUC.where(OF_LINE == "A", 1 - AUC), laboratory=OF_LINE), "the other way"),
    "negated": (named("AUC", -AUC), "!can hardly be AUC"),
    "signs of percent": (named("AUC", (AUC * 100).map("{:.3f}%".format)), SAID[0]),
    "decimal commas": (written(lambda one: f"{one:.5f}".replace(".", ","), AUC, "AUC"), ""),
}
WIDES: dict[str, tuple[str, str]] = {
    "lines by drugs": (WIDE.to_csv(), ""),
    "without a name of lines": (WIDE.rename_axis("").to_csv(), ""),
    "drugs by lines": (WIDE.T.to_csv(), ""),
    "with a column of means": (WIDE.assign(mean=WIDE.mean(axis=1)).to_csv(), ""),
    "with gaps in words": (WIDE.astype(object).where(WIDE > -4, "n.d.").to_csv(), ""),
    "with decimal commas": (WIDE.to_csv(sep=";", decimal=","), ""),
}
EXPRESSION: dict[str, tuple[str, str]] = {
    "decimal commas between tabs": (GENES.to_csv(sep="\t", decimal=","), ""),
    "decimal commas between semicolons": (GENES.to_csv(sep=";", decimal=","), ""),
    "genes in rows with decimal commas": (GENES.T.rename_axis("gene").to_csv(sep=";", decimal=","), ""),
    **{
        f"gaps as {gap}": (GENES.astype(object).mask(GAPPED, gap).to_csv(), "")
        for gap in ("NA", "missing", "n.d.", "#DIV/0!", "-", "nothing")
    },
    "texts": (GENES.astype(object).mask(GAPPED, "low").to_csv(), "!not all numbers"),
    "infinities": (GENES.mask(GAPPED, -np.inf).to_csv(), "!infinite values"),
    "counts": (np.exp2(GENES).round().astype(int).to_csv(), "!looks like counts"),
    "TPM in a third of the lines": (GENES.where(~FIRST, np.exp2(GENES)).to_csv(), "!TPM"),
    "z-scores in a third of the lines": (
        GENES.where(~FIRST, (GENES - GENES.mean()) / GENES.std()).to_csv(),
        "These are two scales",
    ),
    "ln in a third of the lines": (GENES.where(~FIRST, GENES * np.log(2)).to_csv(), "These are two scales"),
    "all negated": ((-GENES).to_csv(), "are below 0"),
    "a line negated": (GENES.mul(np.where(np.arange(20) == 5, -1, 1), axis=0).to_csv(), "1 of 20 lines do not have"),
    "a row of means": (pd.concat([GENES, GENES.mean().to_frame("mean").T.rename_axis("cell_line_id")]).to_csv(), ""),
    "a column of sums": (GENES.assign(total=GENES.sum(axis=1)).to_csv(), "left out of the genes"),
    "row names of R": (GENES.to_csv(sep="\t").replace("cell_line_id\t", "", 1), "!leaves out the name"),
    "GCT 1.3": (
        "#1.3\n100\t20\t1\t1\nid\tdesc\t" + "\t".join(LINES) + "\ntissue\tna\t" + "\t".join(["lung"] * 20) + "\n"
        + "".join(f"{gene}\tx\t" + "\t".join(map(str, GENES[gene])) + "\n" for gene in GENES),
        "",
    ),
    "commas behind": (GENES.to_csv().replace("\n", ",\n"), ""),
    "percent": (GENES.map("{}%".format).to_csv(), "!not all numbers"),
}  # fmt: skip
CASES = {
    **{f"responses: {case}": ("responses", *one, "") for case, one in RESPONSES.items()},
    **{f"AUC: {case}": ("responses", *one, "auc_fraction") for case, one in AREAS.items()},
    **{f"matrix: {case}": ("responses", *one, "ln_ic50_um") for case, one in WIDES.items()},
    **{f"expression: {case}": ("expression", *one, "") for case, one in EXPRESSION.items()},
}
MOST_REFUSED = 55
"""Of all cases. Some 15 of them a person understands: second headers, swapped ids, numbers of replicates behind ids,
row names of R, JSON, spaces between cells, signs behind numbers, in brackets and of percent, bounds in words."""


@pytest.mark.parametrize("case", CASES)
def test_odd_tables_are_read_as_meant_or_spoken_of_and_checked_alike(tmp_path: Path, case: str) -> None:
    name, text, words, measure = CASES[case]
    drugs = csv(pd.DataFrame({"drug_id": list(SMILES), "smiles": list(SMILES.values())}))
    tables = {"responses": csv(ROWS), "drugs": drugs, "expression": GENES.to_csv()} | {name: text}
    paths = {what: tmp_path / f"{what}.csv" for what in tables}
    for what, content in tables.items():
        paths[what].write_bytes(content if isinstance(content, bytes) else content.encode())
    asked = measure or None
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            screen = sources.load("tables", measure=asked, **paths)
        except BdrpError as error:
            assert words.startswith("!") and words[1:].strip() in str(error)
            assert not inspection.inspect(["tables"], None, asked, dict(paths)).fits
            return
        assert inspection.inspect(["tables"], None, asked, dict(paths)).fits
    said = [*screen.notices, *(str(one.message) for one in raised)]
    assert any(words in one for one in said) if words else not raised, said
    truth = (AUC if measure == "auc_fraction" else LN).set_axis(pd.MultiIndex.from_frame(PAIRS))
    if not words or words.startswith("2 of 120"):
        read = screen.responses.set_index(["cell_line_id", "drug_id"])["response"]
        assert len(read) >= (114 if "gaps" in case else 118)
        np.testing.assert_allclose(read, truth.reindex(read.index), atol=2e-3)
        expected = GENES.mask(GAPPED) if case.startswith("expression: gaps") else GENES
        np.testing.assert_allclose(screen.expression, expected.loc[screen.expression.index], atol=1e-3)


def test_the_tables_are_many_and_few_are_refused_without_need() -> None:
    assert len(CASES) >= 120
    assert sum(words.startswith("!") for _, _, words, _ in CASES.values()) <= MOST_REFUSED
