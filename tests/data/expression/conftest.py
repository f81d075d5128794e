"""Expression tables as people have them: one invented cohort in every unit, under every header, in every direction."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from bdrp.data.expression import Reference
from bdrp.data.expression.genes import MARKERS
from bdrp.features.lines import expression as scaler

GENES = (*sorted(MARKERS)[:60], "HLA-A", "NKX2-1", "SEPT9", "MARCH5", *(f"GENE{at:03d}" for at in range(136)))
FACTORS = 4
Values = npt.NDArray[np.float64]


def draw_log2(lines: int, seed: int, prefix: str = "LINE", genes: tuple[str, ...] = GENES) -> pd.DataFrame:
    """log2(TPM + 1): genes of many levels, some not expressed, that go together by a few factors; a cohort a seed."""
    rng, own = np.random.default_rng(0), np.random.default_rng(seed)
    count = len(genes)
    level = np.where(rng.random(count) < 0.15, 0.1, rng.normal(4.5, 2.0, count))
    spread = rng.uniform(0.5, 1.4, count)
    loadings = rng.normal(0, 0.5, (FACTORS, count))
    values = level + spread * (own.normal(0, 1, (lines, FACTORS)) @ loadings + own.normal(0, 0.7, (lines, count)))
    index = pd.Index([f"{prefix}{at:03d}" for at in range(lines)], name="cell_line_id")
    return pd.DataFrame(np.clip(values, 0, None), index=index, columns=list(genes))


def standardised(table: pd.DataFrame) -> pd.DataFrame:
    """z-scores of each gene within the table."""
    return (table - table.mean()) / table.std(ddof=0).replace(0, 1)


UNITS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "log2": lambda x: x,
    "ln": lambda x: x * np.log(2),
    "log10": lambda x: x * np.log10(2),
    "tpm": lambda x: 2**x - 1,
    "counts": lambda x: ((2**x - 1) * 37).round(),
    "z": standardised,
}
"""What a table of log2(TPM + 1) becomes in each unit."""

HEADERS: dict[str, Callable[[str, int], str]] = {
    "symbol": lambda gene, at: gene,
    "symbol (entrez)": lambda gene, at: f"{gene} ({7000 + at})",
    "symbol|entrez": lambda gene, at: f"{gene}|{7000 + at}",
    "symbol (ensembl)": lambda gene, at: f"{gene} (ENSG{at:011d})",
    "ensembl_symbol": lambda gene, at: f"ENSG{at:011d}.{at % 9 + 1}_{gene}",
    "make.names": lambda gene, at: gene.replace("-", "."),
}
"""How a gene is called in each kind of header; all tell the symbol."""


def write_rows(table: pd.DataFrame, path: Path, header: str = "cell_line_id") -> None:
    """Lines in rows."""
    table.rename_axis(header).round(5).to_csv(path)


def write_columns(table: pd.DataFrame, path: Path, header: str = "gene") -> None:
    """Genes in rows."""
    table.T.rename_axis(header).round(5).to_csv(path, sep="\t")


def write_gct(table: pd.DataFrame, path: Path, version: str = "1.2") -> None:
    """GCT: genes in rows; in 1.3 with a column of symbols and a row that describes the samples."""
    ids = [f"ENSG{at:011d}.1" for at in range(table.shape[1])]
    body = table.T.round(5)
    lines = [f"#{version}"]
    if version == "1.2":
        lines += [f"{len(body)}\t{body.shape[1]}", "\t".join(["Name", "Description", *body.columns])]
        rows = [[one, gene] for one, gene in zip(ids, body.index, strict=True)]
    else:
        lines += [f"{len(body)}\t{body.shape[1]}\t2\t1", "\t".join(["id", "pr_gene_symbol", "pr_chr", *body.columns])]
        lines += ["\t".join(["tissue", "na", "na", *["lung"] * body.shape[1]])]
        rows = [[one, gene, "1"] for one, gene in zip(ids, body.index, strict=True)]
    for start, values in zip(rows, body.to_numpy(), strict=True):
        lines.append("\t".join([*start, *map(str, values)]))
    path.write_text("\n".join([*lines, ""]))


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "rows": write_rows,
    "rows, V1": lambda table, path: write_rows(table, path, "V1"),
    "rows, no header": lambda table, path: write_rows(table, path, ""),
    "columns": write_columns,
    "columns, no header": lambda table, path: write_columns(table, path, ""),
    "columns, Hugo_Symbol": lambda table, path: write_columns(table, path, "Hugo_Symbol"),
    "gct 1.2": write_gct,
    "gct 1.3": lambda table, path: write_gct(table, path, "1.3"),
}
"""Every direction."""


def reference_of(table: pd.DataFrame, scale: str | None = None) -> Reference:
    """What a model that was trained on a table keeps of it."""
    fitted = scaler.fit(table, components=30)
    arrays: dict[str, Any] = fitted.arrays()
    return Reference.of_moments(fitted.columns, arrays["mean"], arrays["scale"], arrays["components"], scale)


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """This file, for tests: the units, headers and directions, and what draws and writes tables."""
    return sys.modules[__name__]
