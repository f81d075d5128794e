"""Columns of an expression table that are no genes: ids, ages, library sizes; and cells that stand for a gap."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.delimited import plain
from bdrp.data.expression.scale import HIGHEST_LOG, Values
from bdrp.data.identifiers import listed
from bdrp.data.user_tables.columns import ALIASES
from bdrp.errors import BdrpWarning

_IDS: Final = frozenset(ALIASES["cell_line_id"]) | frozenset(
    (
        *("profileid", "sequencingid", "modelconditionid", "isdefaultentryformodel", "isdefaultentryformc", "modelidx"),
        *("patientid", "patient", "donorid", "donor", "subjectid", "barcode", "plate", "plateid", "well", "batch"),
        *("batchid", "rowname", "rownames", "index", "unnamed0", "id", "number", "rownumber"),
    )
)
_DESCRIPTIONS: Final = frozenset(
    (
        *("age", "ageatdiagnosis", "agecategory", "sex", "gender", "race", "ethnicity", "species", "organism"),
        *(
            "tissue",
            "lineage",
            "sublineage",
            "site",
            "primarysite",
            "disease",
            "primarydisease",
            "subtype",
            "cancertype",
        ),
        *("histology", "oncotreecode", "oncotreelineage", "oncotreeprimarydisease", "oncotreesubtype", "tissuetype"),
        *("stage", "grade", "survival", "ostime", "osmonths", "osevent", "vitalstatus", "culturetype", "growthpattern"),
        *("growthproperties", "msi", "msistatus", "ploidy", "purity", "tumorpurity", "tmb", "doublingtime", "passage"),
        *(
            "passagenumber",
            "librarysize",
            "libsize",
            "totalcounts",
            "totalreads",
            "mappedreads",
            "readdepth",
            "ncounts",
        ),
        *("ncount", "ncountrna", "nfeature", "nfeaturerna", "ngenes", "ngenesbycounts", "percentmt", "pctcountsmt"),
        *("mitopercent", "pctmito", "rinscore", "seqdepth", "treatment", "timepoint", "replicate", "condition"),
        *("auc", "ic50", "lnic50", "response", "survivaltime", "survivaldays"),
    )
)
"""Headers in lower-case letters and digits that say something of a line and are no gene's symbol."""
_GENE_ANNOTATIONS: Final = frozenset(
    (
        *("chr", "chrom", "chromosome", "start", "end", "strand", "length", "genelength", "width", "genebiotype"),
        *("biotype", "genetype", "genetitle", "description", "genedescription", "chromosomeposition", "locus", "band"),
        *("entrez", "entrezid", "entrezgeneid", "ncbigeneid", "hgncid", "ensembl", "ensemblid", "ensemblgeneid"),
        *("transcriptid", "transcriptids", "probeid", "probe", "probesetid", "refseqid", "uniprotid", "cytoband"),
        *("genestatus", "effectivelength"),
    )
)
"""Headers beside the genes of a table whose rows are genes."""
SENTINELS: Final = (-9.0, -99.0, -999.0, -9999.0, -99999.0, 99.0, 999.0, 9999.0, 99999.0)
"""Numbers that stand for a gap where nothing else comes near them."""
FARTHER: Final = {True: 2.0, False: 20.0}
"""How many times the next largest median a column's is that is no gene's: among logarithms, and before them, where
one gene can be ten times the next; chosen."""
LEAST_WHOLE: Final = 8
"""Whole numbers, not 0, that a column of nothing else must hold to be no gene among logarithms; chosen."""


def named_as_metadata(columns: Sequence[str]) -> list[str]:
    """Columns whose header says that they are no genes."""
    return [column for column in columns if plain(column) in _IDS or plain(column) in _DESCRIPTIONS]


def named_as_annotation(columns: Sequence[str]) -> list[str]:
    """Columns of a table with genes in rows that say something of the gene and are no line."""
    return [column for column in columns if plain(column) in _GENE_ANNOTATIONS]


def warn_of_metadata(left_out: Sequence[str], why: str, where: str) -> None:
    """Warn of columns that are left out."""
    noun = "column" if len(left_out) == 1 else "columns"
    warnings.warn(
        f"{where}: {len(left_out):,} {noun} left out of the genes, {why} ({listed(left_out, 8)}). One column a gene is "
        "needed beside the ids; rename what is a gene nevertheless, and drop the rest.",
        BdrpWarning,
        stacklevel=4,
    )


def without_sentinels(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """The table (lines, genes) with a gap wherever a number stands for one, which is warned of."""
    values = table.to_numpy()
    gone = np.zeros(values.shape, dtype=bool)
    told = []
    low, high = float(np.nanmin(values, initial=0)), float(np.nanmax(values, initial=0))
    for number in (one for one in SENTINELS if low <= one <= high):
        at = values == np.float32(number)
        if at.any() and _stands_apart(values[~at & ~gone], number):
            gone |= at
            told.append(f"{number:g} in {int(at.sum()):,} cells")
    if not told:
        return table
    warnings.warn(
        f"{where} holds {listed(told)}, far from all other values: read as missing. An empty cell says so surely.",
        BdrpWarning,
        stacklevel=4,
    )
    return table.mask(gone)


def _stands_apart(others: Values, number: float) -> bool:
    """Whether no other value comes near: within a third of the number, on its side of zero, or beyond it."""
    nearest = np.nanmin(others, initial=0) if number < 0 else np.nanmax(others, initial=0)
    near_zero = number == -9 and nearest < 0  # log2(x + 0.001) goes down to -9.97
    return abs(float(nearest)) < abs(number) / 3 and not near_zero


def unlike_genes(table: pd.DataFrame) -> dict[str, str]:
    """Columns of a table (lines, genes) whose values cannot be a gene's beside the others, with the evidence."""
    values = table.to_numpy()
    if values.shape[1] < 3:
        return {}
    found = _far_off(table.columns, values)
    return found | {name: why for name, why in _whole_numbers(table).items() if name not in found}


def _medians(values: Values) -> Values:
    """(G,) medians of the values that there are; columns without a gap are a few times as fast."""
    gaps = np.isnan(values).any(axis=0)
    if not gaps.any():
        return np.asarray(np.median(values, axis=0))
    typical = np.empty(values.shape[1])
    typical[~gaps] = np.median(values[:, ~gaps], axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a gene that no line has is refused elsewhere
        typical[gaps] = np.nanmedian(values[:, gaps], axis=0)
    return typical


def _far_off(columns: pd.Index, values: Values) -> dict[str, str]:
    """Columns whose median is above every logarithm and far above the others'."""
    some = (np.nanmax(values, axis=0, initial=0) > HIGHEST_LOG) | (np.nanmin(values, axis=0, initial=0) < -HIGHEST_LOG)
    if not some.any() or not (np.abs(_medians(values[:, some])) > HIGHEST_LOG).any():
        return {}  # of logarithms, whose medians would take a second to find
    typical = np.abs(np.nan_to_num(_medians(values)))
    order = np.argsort(-typical)
    top = max(2, min(len(order) - 2, len(order) // 10))
    is_log = float(typical[order[min(top, len(order) - 1)]]) <= HIGHEST_LOG
    largest = typical[order[: top + 1]]
    gaps = np.flatnonzero(largest[:-1] > np.maximum(FARTHER[is_log] * largest[1:], HIGHEST_LOG))
    if not len(gaps):
        return {}
    far, next_one = order[: gaps[-1] + 1], order[gaps[-1] + 1]
    evidence = f"the next largest, {columns[next_one]}, {typical[next_one]:.4g}"
    return {str(columns[at]): f"median {typical[at]:.6g}; {evidence}" for at in far}


def _whole_numbers(table: pd.DataFrame) -> dict[str, str]:
    """Columns of whole numbers alone in a table of logarithms: ages, passages, codes."""
    values = table.to_numpy()
    seen = np.isfinite(values) & (values != 0)
    whole = ((values == np.round(values)) & seen).sum(axis=0)
    count = seen.sum(axis=0)
    if seen.sum() == 0 or whole.sum() > 0.2 * seen.sum():
        return {}
    at = np.flatnonzero((count >= LEAST_WHOLE) & (whole == count))
    return {
        str(table.columns[one]): f"whole numbers alone, such as {values[seen[:, one], one][0]:g}"
        for one in at
        if np.nanmax(values[:, one]) <= 1e7
    }


def default_entries(raw: pd.DataFrame, path: Path, notices: list[str]) -> pd.DataFrame:
    """Of a DepMap table with several profiles of a model, the one that stands for it."""
    column = next((one for one in raw.columns if plain(one) == "isdefaultentryformodel"), None)
    if column is None:
        return raw
    chosen = raw[column].astype(str).str.strip().str.lower().isin(("yes", "true", "1"))
    if chosen.all() or not chosen.any():
        return raw
    notices.append(
        f"{path.name}: {int((~chosen).sum()):,} rows are not their model's default entry ({column}): left out."
    )
    return raw[chosen].reset_index(drop=True)
