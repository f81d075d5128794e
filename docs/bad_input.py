"""Write docs/bad-input.md: make each bad input, give it to the command line, and keep what was printed.

`python docs/bad_input.py` renews the page; a test compares it with what is printed now.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from bdrp.cli.app import app

PAGE = Path(__file__).with_name("bad-input.md")
TABLES = [
    *("--responses", "responses.csv", "--drugs", "drugs.csv"),
    *("--expression", "expression.csv", "--cell-lines", "lines.csv"),
]
SMILES = {
    "Erlotinib": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC",
    "Gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "Imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "Olaparib": "O=C(c1cc(Cc2n[nH]c(=O)c3ccccc23)ccc1F)N1CCN(C(=O)C2CC2)CC1",
    "Vorinostat": "O=C(CCCCCCC(=O)Nc1ccccc1)NO",
    "Methotrexate": "CN(Cc1cnc2nc(N)nc(N)c2n1)c1ccc(C(=O)N[C@@H](CCC(=O)O)C(=O)O)cc1",
}
Change = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        title: what is wrong.
        change: makes it wrong, in a folder of good tables (and of a good model, where `model` is asked for).
        command: what is run there.
        model: whether it needs a fitted model.
        remark: what happens where nothing is printed that says so.
    """

    title: str
    change: Change
    command: list[str] = field(default_factory=lambda: fit())
    model: bool = False
    remark: str = ""


def fit(*more: str, out: str = "out") -> list[str]:
    """`bdrp fit` on the tables of the folder."""
    return ["fit", "--screen", "tables", *TABLES, "--epochs", "1", *more, "--out", out]


def good_tables() -> None:
    """400 lines x 6 drugs x 20 genes, sound in every way, in the current folder."""
    rng = np.random.default_rng(0)
    lines = [str(906_800 + i) for i in range(400)]
    drugs = [str(1001 + i) for i in range(len(SMILES))]
    genes = [f"GENE{i + 1}" for i in range(20)]
    expression = pd.DataFrame(rng.normal(7, 1.5, (len(lines), len(genes))).round(3), lines, genes)
    expression.rename_axis("cell_line_id").reset_index().to_csv("expression.csv", index=False)
    pd.DataFrame({"drug_id": drugs, "name": list(SMILES), "smiles": list(SMILES.values())}).to_csv(
        "drugs.csv", index=False
    )
    tissues = [("lung", "breast", "skin", "blood")[i % 4] for i in range(len(lines))]
    pd.DataFrame({"cell_line_id": lines, "tissue": tissues}).to_csv("lines.csv", index=False)
    pairs = pd.MultiIndex.from_product([lines, drugs], names=["cell_line_id", "drug_id"]).to_frame(index=False)
    means = pd.Series(rng.normal(1, 2, len(drugs)), drugs)
    pairs["ln_ic50_um"] = (pairs["drug_id"].map(means) + rng.normal(0, 1, len(pairs))).round(3)
    pairs["min_conc_um"], pairs["max_conc_um"] = 0.01, 10.0
    pairs.to_csv("responses.csv", index=False)


def edit(name: str, change: Callable[[pd.DataFrame], object]) -> Change:
    """Read a table as text, let `change` work on it, and write it back."""

    def changed() -> None:
        table = pd.read_csv(name, dtype=str, keep_default_na=False)
        result = change(table)
        (result if isinstance(result, pd.DataFrame) else table).to_csv(name, index=False)

    return changed


def put(name: str, column: str, rows: list[int], value: str) -> Change:
    """Put a value into a column of a table."""

    def changed(table: pd.DataFrame) -> None:
        table.loc[rows, column] = value

    return edit(name, changed)


def more_rows(name: str, **values: str) -> Change:
    """Append the first row again, with other values."""
    return edit(name, lambda table: pd.concat([table, table.head(1).assign(**values)]))


def nothing() -> None:
    """Leave everything as it is."""


def _pic50(table: pd.DataFrame) -> pd.Series:
    return (6 - table["ln_ic50_um"].astype(float) / np.log(10)).round(3).astype(str)


def _auc(table: pd.DataFrame) -> pd.Series:
    return 1 / (1 + np.exp(-table["ln_ic50_um"].astype(float) - 2))


def _as_response(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(response=_pic50(table)).drop(columns="ln_ic50_um")


def _as_auc(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(auc=_auc(table)).drop(columns="ln_ic50_um")


def _aac_as_auc(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(auc=1 - _auc(table), LN_IC50=table["ln_ic50_um"]).drop(columns="ln_ic50_um")


def _points(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[["cell_line_id", "drug_id", "ln_ic50_um"]].merge(pd.DataFrame({"dose": [0.1, 1.0, 10.0]}), how="cross")
    viability = 1 / (1 + rows["dose"] / np.exp(rows["ln_ic50_um"].astype(float)))
    return rows.assign(response=viability.round(4)).drop(columns="ln_ic50_um")


def _other_ids(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(cell_line_id=[f"ACH-{at:06d}" for at in range(len(table))])


def _lost_cell() -> None:
    path = Path("responses.csv")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], lines[3].replace(",", "", 1), *lines[4:]]))


def _cut_short() -> None:
    path = Path("responses.csv")
    path.write_text(path.read_text()[:-2])


def _other_separator() -> None:
    path = Path("responses.csv")
    path.write_text(path.read_text().replace(",", ";"))


def _two_separators() -> None:
    path = Path("responses.csv")
    header, _, rows = path.read_text().partition("\n")
    path.write_text(f"{header}\n{rows.replace(',', ';')}")


def _split_without_test() -> None:
    keys = pd.read_csv("responses.csv", dtype=str)[["cell_line_id", "drug_id"]]
    keys.assign(part="train").to_csv("parts.csv", index=False)


def _truncated() -> None:
    packed = gzip.compress(Path("responses.csv").read_bytes())
    Path("responses.csv.gz").write_bytes(packed[: len(packed) // 2])


def _one_compound_twice() -> None:
    more_rows("drugs.csv", drug_id="2001")()
    more_rows("responses.csv", drug_id="2001", ln_ic50_um="1.234")()


def _two_genes_of_one_name() -> None:
    path = Path("expression.csv")
    path.write_text(path.read_text().replace("GENE2,", "GENE1,", 1))


def _new_sample(genes: int) -> Change:
    def changed() -> None:
        table = pd.read_csv("expression.csv", dtype=str).head(2)
        table["cell_line_id"] = ["S1", "S2"]
        table.iloc[:, : genes + 1].to_csv("samples.csv", index=False)

    return changed


def _other_sample(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Change:
    """Expression of 24 lines under other ids, changed."""

    def changed() -> None:
        table = pd.read_csv("expression.csv", index_col=0).head(24)
        table.index = pd.Index([f"S{at + 1}" for at in range(len(table))], name="cell_line_id")
        change(table).round(4).to_csv("samples.csv")

    return changed


PREDICT = ["predict", "model", "--drugs", "drugs.csv", "--expression", "samples.csv", "--out", "predictions.parquet"]
EVALUATE = ["evaluate", "model", "--out", "report"]


def _in_model(change: Callable[[Path], None], kind: str) -> Change:
    def changed() -> None:
        paths = [path for path in sorted(Path("model").rglob(kind)) if path.is_file()]
        change(paths[0])

    return changed


def _alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _mangled_decisions() -> None:
    pairs = pd.read_csv("responses.csv", dtype=str)[["cell_line_id", "drug_id"]].drop_duplicates().head(5)
    told = pairs.assign(decision="accept", reviewer="Reviewer 1", time="2026-03-01T10:30:00Z", measured="")
    told = told.assign(measured_unit="µM").reset_index(drop=True)
    told.loc[0, "cell_line_id"], told.loc[1, "decision"], told.loc[2, "time"] = "1-Mar", "acepted", "01.03.2026 10:30"
    told.loc[3, "measured"] = "0,5"
    told.to_csv("decisions.csv", index=False)


CASES = (
    Case("A structure that cannot be read", put("drugs.csv", "smiles", [2], "C1CC(")),
    Case("An empty structure", put("drugs.csv", "smiles", [1, 4], "")),
    Case("One drug with two structures", more_rows("drugs.csv", smiles="CCO")),
    Case(
        "Two ids of one structure",
        _one_compound_twice,
        remark="It goes on: the two are one compound, and stay in one part of a split.",
    ),
    Case("A response that is no number", put("responses.csv", "ln_ic50_um", [4, 17], "inactive")),
    Case("Rows without a response", put("responses.csv", "ln_ic50_um", [4, 17], "n.d."), remark="It goes on."),
    Case("An infinite response", put("responses.csv", "ln_ic50_um", [4], "inf")),
    Case("Infinite expression", put("expression.csv", "GENE3", [7], "-inf")),
    Case("A gene without a single value", edit("expression.csv", lambda table: table.assign(GENE3=""))),
    Case(
        "IC50 where ln IC50 is expected",
        edit("responses.csv", lambda t: t.assign(ln_ic50_um=np.exp(3 * t["ln_ic50_um"].astype(float)).map(str))),
    ),
    Case(
        "IC50 by name, over values that are its logarithm",
        edit("responses.csv", lambda t: t.rename(columns={"ln_ic50_um": "IC50_uM"})),
    ),
    Case(
        "pIC50",
        edit("responses.csv", lambda t: t.rename(columns={"ln_ic50_um": "pIC50"}).assign(pIC50=_pic50(t))),
        remark="It is converted. Any other telling name of an IC50 or an AUC is read so, and `--unit` says it too.",
    ),
    Case("A response without a telling name", edit("responses.csv", _as_response)),
    Case("An AUC, and no word of it", edit("responses.csv", _as_auc)),
    Case(
        "AAC, high where a line is sensitive, under the name of AUC",
        edit("responses.csv", _aac_as_auc),
        fit("--measure", "auc_fraction"),
    ),
    Case("Two responses that differ", edit("responses.csv", lambda t: t.assign(pIC50=_pic50(t).iloc[::-1].to_numpy()))),
    Case("Points of dose-response curves", edit("responses.csv", _points)),
    Case(
        "Cells that say more than a number",
        put("responses.csv", "ln_ic50_um", [4, 17], ">2.303"),
        remark="They are limits of what the assay could see.",
    ),
    Case(
        "Doses in nM",
        edit("responses.csv", lambda t: t.drop(columns=["min_conc_um", "max_conc_um"]).assign(max_conc="10000")),
        remark="Their range tells.",
    ),
    Case("Rows that stand twice", edit("responses.csv", lambda t: pd.concat([t, t.head(3)]))),
    Case("A table of lines that joins with nothing", edit("lines.csv", _other_ids)),
    Case("A line that lost a cell", _lost_cell),
    Case("A file that was cut short", _cut_short),
    Case(
        "AUC above 1",
        edit("responses.csv", lambda t: t.rename(columns={"ln_ic50_um": "auc_fraction"}).assign(auc_fraction="12.5")),
        fit("--measure", "auc_fraction"),
    ),
    Case("Duplicated genes", _two_genes_of_one_name),
    Case(
        "TPM where logarithms are needed",
        edit("expression.csv", lambda t: t.set_index("cell_line_id").astype(float).rpow(2).sub(1).reset_index()),
    ),
    Case(
        "Genes in rows",
        edit("expression.csv", lambda t: t.set_index("cell_line_id").T.rename_axis("gene").reset_index()),
    ),
    Case("An id among the genes", edit("expression.csv", lambda t: t.assign(COSMIC_ID=t["cell_line_id"]))),
    Case(
        "An age among the genes, under a name that does not tell",
        edit("expression.csv", lambda t: t.assign(YRS=[str(30 + at % 50) for at in range(len(t))])),
    ),
    Case(
        "Genes that a spreadsheet took for dates",
        edit("expression.csv", lambda t: t.rename(columns={"GENE3": "9-Sep", "GENE4": "5-Mar"})),
    ),
    Case("A number for a gap", put("expression.csv", "GENE3", [7, 9], "-999")),
    Case(
        "A response on an unknown line, and one of an unknown drug",
        edit(
            "responses.csv",
            lambda t: pd.concat([t, t.head(1).assign(cell_line_id="999"), t.head(1).assign(drug_id="999")]),
        ),
    ),
    Case(
        "Ids that were read as floats",
        edit("responses.csv", lambda t: t.assign(cell_line_id=t["cell_line_id"] + ".0")),
        remark="906800.0 is read as 906800.",
    ),
    Case(
        "A COSMIC cell with two ids",
        put("responses.csv", "cell_line_id", [0], "1331031;906800"),
        remark="The response is that of line 906800, which has expression.",
    ),
    Case("Another separator", _other_separator, remark="The separator is read from the header."),
    Case("Two separators in one table", _two_separators),
    Case("A truncated gzip", _truncated, [word.replace("responses.csv", "responses.csv.gz") for word in fit()]),
    Case("A file that is not there", nothing, [word.replace("drugs.csv", "durgs.csv") for word in fit()]),
    Case("One drug only", edit("responses.csv", lambda t: t[t["drug_id"] == "1001"]), fit("--split", "drug")),
    Case(
        "One line only", edit("responses.csv", lambda t: t[t["cell_line_id"] == "906800"]), fit("--split", "cell_line")
    ),
    Case("Constant responses", edit("responses.csv", lambda t: t.assign(ln_ic50_um="1.5"))),
    Case("A split with an empty part", _split_without_test, fit("--split-file", "parts.csv")),
    Case("A split that does not exist", nothing, fit("--split", "patient")),
    Case("A screen that does not exist", nothing, ["fit", "--screen", "gdsc3", "--out", "out"]),
    Case("A screen without its files", nothing, ["fit", "--screen", "gdsc2", "--root", ".", "--out", "out"]),
    Case("A method that does not exist", nothing, fit("--method", "crystal_ball")),
    Case("An option that does not exist", nothing, fit("--option", "epoch=3")),
    Case("A noise distribution that does not exist", nothing, fit("--option", "likelihood=gamma")),
    Case("A model folder that is there already", nothing, fit(out="model"), model=True),
    Case("A new sample that lacks a few genes", _new_sample(19), PREDICT, model=True),
    Case("A new sample that lacks most genes", _new_sample(5), PREDICT, model=True),
    Case("New samples in TPM", _other_sample(lambda table: 2**table - 1), PREDICT, model=True),
    Case("New samples as z-scores", _other_sample(lambda t: (t - t.mean()) / t.std()), PREDICT, model=True),
    Case("New samples of another platform", _other_sample(lambda t: 0.7 * t - 1), PREDICT, model=True),
    Case(
        "The same, matched",
        _other_sample(lambda t: 0.7 * t - 1),
        [*PREDICT, "--match-expression", "gene"],
        model=True,
    ),
    Case(
        "Few of them, matched",
        _other_sample(lambda t: 0.7 * t.head(4) - 1),
        [*PREDICT, "--match-expression", "gene"],
        model=True,
    ),
    Case("A model folder with a missing file", _in_model(Path.unlink, "*.safetensors"), EVALUATE, model=True),
    Case("A model folder with an altered file", _in_model(_alter, "*.safetensors"), EVALUATE, model=True),
    Case(
        "A model folder with a foreign file",
        _in_model(lambda path: path.with_name("notes.pkl").write_text("?"), "*.json"),  # type: ignore[arg-type,return-value]
        EVALUATE,
        model=True,
    ),
    Case("A folder that is no model", lambda: Path("model2").mkdir(), ["evaluate", "model2", "--out", "report"]),
    Case(
        "Decisions that a spreadsheet mangled",
        _mangled_decisions,
        ["review", "decisions.csv", "model", "--log", "reviews.db"],
        model=True,
    ),
    Case("Predictions that are no Parquet", nothing, ["triage", "responses.csv", "--out", "queue.csv"]),
    Case("A result over an input", nothing, [*PREDICT[:-1], "drugs.csv"], model=True),
    Case("A result over something else", nothing, [*PREDICT[:-1], "responses.csv"], model=True),
    Case("A result in a model folder", nothing, [*PREDICT[:-1], "model/predictions.parquet"], model=True),
    Case("A result in a format that is not written", nothing, [*PREDICT[:-1], "predictions.pdf"], model=True),
    Case(
        "A model to be replaced, with notes beside it",
        lambda: Path("model/notes.txt").write_text("mine"),  # type: ignore[arg-type,return-value]
        fit("--overwrite", out="model"),
        model=True,
    ),
    Case("A file where a folder should be", nothing, ["evaluate", "model", "--out", "drugs.csv"], model=True),
)


def said(case: Case, model: Path | None) -> tuple[int, str]:
    """What is printed on standard error, in a fresh folder of good tables; `model` is copied there if it is needed."""
    with _fresh_folder():
        good_tables()
        if case.model and model is not None:
            shutil.copytree(model, "model")
        case.change()
        ran = CliRunner().invoke(app, case.command)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran.exit_code, _words(ran.stderr)


def good_model(out: Path) -> Path:
    """A model of the good tables, fitted for one epoch."""
    with _fresh_folder():
        good_tables()
        ran = CliRunner().invoke(app, fit("--split", "cell_line", out=str(out)))
    if ran.exit_code:
        raise RuntimeError(ran.output) from ran.exception
    return out


def page(model: Path) -> str:
    """The whole page."""
    return HEAD + "".join(_section(case, *said(case, model)) for case in CASES) + TAIL


def printed(code: int, words: str) -> str:
    """The words, or what there is instead of them."""
    return words if code else f"{words}\n(goes on)".lstrip()


HEAD = """# Bad input

What is printed for each bad input, by the command line on standard error; the same words come as a `DataError`,
`SplitError`, `FitError`, `ModelFolderError` or `OutputError` in Python. A refusal says what is wrong, what was seen,
what is allowed and what to do, and ends with exit code 2. A warning says that a number stays usable but is weaker; a
note says what was dropped or mended on the way.

This page is made by `python docs/bad_input.py`, and a test compares it with what is printed now; the last section was
written by hand. `TABLES` stands for
`--responses responses.csv --drugs drugs.csv --expression expression.csv --cell-lines lines.csv`.
"""

TAIL = """
## A full disk, and no permission

Seen on a disk of 300 kB, and as a user who may not write to `there`:

```text
$ bdrp fit --out full/model
error: The model folder could not be written to full/model: weights.safetensors: Error while serializing: I/O error: No space left on device (os error 28). What is written needs a place that you may write to, on a disk with space. Choose another place, or free some space.
$ bdrp evaluate model --out full/report
error: The report could not be written to full/report/report.html: No space left on device. What is written needs a place that you may write to, on a disk with space. Free some space, or choose a place on another disk.
$ bdrp predict model --screen simulated --out full/p.parquet
error: The predictions could not be written to full/p.parquet: No space left on device. What is written needs a place that you may write to, on a disk with space. Free some space, or choose a place on another disk.
$ bdrp triage predictions.parquet --out full/q.csv
error: The queue could not be written to full: No space left on device. What is written needs a place that you may write to, on a disk with space. Free some space, or choose a place on another disk.
$ bdrp fit --out there/model
error: The model folder could not be written to there/model: Permission denied. What is written needs a place that you may write to, on a disk with space. Choose another place, or ask for write permission on this one.
$ bdrp evaluate model --out there/report
error: The report could not be written to there/report: Permission denied. What is written needs a place that you may write to, on a disk with space. Choose another place, or ask for write permission on this one.
```

No half-written model, report or table is left behind. Whether a place can be written to is tried before a fit begins.
"""  # noqa: E501 - what is printed is one line


def _section(case: Case, code: int, words: str) -> str:
    command = " ".join(case.command).replace(" ".join(TABLES), "TABLES")
    remark = f"{case.remark}\n\n" if case.remark else ""
    return f"\n## {case.title}\n\n{remark}```text\n$ bdrp {command}\n{printed(code, words)}\n```\n"


def _words(text: str) -> str:
    """Standard error without progress bars, which differ from run to run."""
    lines = [line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines() if line]
    return "\n".join(line for line in lines if line.startswith(("error:", "warning:", "note:")))


@contextlib.contextmanager
def _fresh_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as parent:
        PAGE.write_text(page(good_model(Path(parent) / "model")), encoding="utf-8")
    print(PAGE)
