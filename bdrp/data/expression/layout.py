"""Which side of a table holds the lines and which the genes, and under which column they are named."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from bdrp.data import identifiers, reading
from bdrp.data.delimited import plain
from bdrp.data.expression import genes as gene_names
from bdrp.data.expression import metadata
from bdrp.data.identifiers import listed
from bdrp.data.user_tables import columns
from bdrp.errors import DataError

GENE_HEADERS: Final = (
    *("hgncsymbol", "genesymbol", "genesymbols", "symbol", "hugosymbol", "prgenesymbol", "externalgenename"),
    *("genename", "genenames", "gene", "genes", "geneid", "geneids", "ensemblid", "ensemblgeneid", "ensembl"),
    *("entrezid", "entrezgeneid", "probeid"),
)
"""Headers of a column of genes, symbols before ids."""
ROW_NAMES: Final = ("", "unnamed0", "index", "v1", "x", "x1", "1", "rownames", "rowname", "row")
"""Headers, in letters and digits, of row names that pandas or R wrote."""
_BLANK_GENES: Final = frozenset({"", "na", "nan", "---", "-", "null", "none", "?"})
_DATA: Final = re.compile(r"DATA\.(\d+)")
"""How GDSC calls the columns of its expression."""
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][\w.@/-]*")


@dataclass(frozen=True)
class Known:
    """What the other tables, or the model, know: ids of lines, and joining keys of genes; empty where nothing is."""

    lines: Collection[str] = ()
    genes: Collection[str] = ()


def arrange(raw: pd.DataFrame, known: Known, path: Path, notices: list[str]) -> pd.DataFrame:
    """A parsed table as (lines, columns), index cell_line_id; whichever side the lines are on.

    Raises:
        DataError: no column names the lines.
    """
    if _has_genes_in_rows(raw, known):
        at = [column for column in raw if _is_annotation(raw, str(column))]
        named = pd.DataFrame({str(column): reading.text(raw, str(column)) for column in at})
        return turn(named, raw.drop(columns=at), known, path, notices)
    column = _lines_column(raw, known, path)
    index = pd.Index(reading.ids(raw, column), dtype="str", name="cell_line_id")
    first = str(raw.columns[0])
    spent = {column, first} if plain(first) in ROW_NAMES else {column}
    return raw.drop(columns=list(spent)).set_axis(index, axis=0)


def turn(named: pd.DataFrame, values: pd.DataFrame, known: Known, path: Path, notices: list[str]) -> pd.DataFrame:
    """A table of genes by lines as lines by genes, in float32; of rows of one gene the highest on average stays.

    Args:
        named: (genes, columns) what is said of each gene.
        values: (genes, lines).
        known: see `Known`.
        path: for messages.
        notices: what was chosen is written here.
    """
    column = find_gene_column(named, known)
    names = named[column].map(gene_names.gene_name)
    wanted = ~names.str.lower().isin(_BLANK_GENES).to_numpy()
    if lost := int((~wanted).sum()):
        notices.append(f"{path.name}: {lost:,} rows have no name of a gene: left out.")
    matrix = reading.matrix(values.loc[wanted], path).T
    kept = keep_highest(matrix, names[wanted].tolist())
    if repeated := int(wanted.sum()) - len(kept):
        notices.append(f"{path.name}: {repeated:,} rows are of a gene that stands in another: the highest is kept.")
    lines = [_DATA.sub(r"\1", identifiers.clean_id(str(one))) for one in values.columns]
    notices.append(
        f"{path.name} has genes in its rows, called by {column or 'its first column'}: turned to {len(lines):,} lines "
        f"(such as {listed(lines, 2)}) by {len(kept):,} genes."
    )
    index = pd.Index(lines, dtype="str", name="cell_line_id")
    return pd.DataFrame(matrix[:, kept], index=index, columns=pd.Index(names[wanted].iloc[kept], dtype="str"))


def keep_highest(matrix: np.ndarray, names: Sequence[str]) -> list[int]:
    """The column of each name, in the order of the names; of several the one with the highest mean."""
    if len(set(names)) == len(names):
        return list(range(len(names)))
    level = np.nansum(matrix, axis=0) / np.maximum(np.isfinite(matrix).sum(axis=0), 1)
    best: dict[str, int] = {}
    for at, name in enumerate(names):
        if name not in best or level[at] > level[best[name]]:
            best[name] = at
    return sorted(best.values())


def find_gene_column(named: pd.DataFrame, known: Known) -> str:
    """The column that the known genes are in; else the one whose header promises symbols, else that looks like them."""
    found = {str(one): named[one] for one in named}
    counts = {one: sum(gene_names.joining_key(name) in known.genes for name in names) for one, names in found.items()}
    if known.genes and max(counts.values()):
        return max(counts, key=lambda one: counts[one])
    by_header = {plain(one): one for one in reversed(found)}
    told = next((by_header[header] for header in GENE_HEADERS[:8] if header in by_header), None)
    if told is not None and _are_symbols(found[told]):
        return told
    described = by_header.get("description")
    if described is not None and _are_symbols(found[described]):
        return described
    return str(named.columns[0])


def _has_genes_in_rows(raw: pd.DataFrame, known: Known) -> bool:
    first = plain(raw.columns[0])
    names, headers = reading.ids(raw, str(raw.columns[0])).tolist(), list(map(str, raw.columns[1:]))
    if known.lines:
        in_rows, across = _count_lines(names, known), _count_lines(headers, known)
        if in_rows != across:
            return across > in_rows
    if first in GENE_HEADERS:
        return True
    inside, outside = (gene_names.count_genes(side, known.genes) / max(len(side), 1) for side in (names, headers))
    return first not in columns.ALIASES["cell_line_id"] and inside > outside


def _count_lines(names: Sequence[str], known: Known) -> int:
    held = set(known.lines)
    bare = (_DATA.sub(r"\1", identifiers.clean_id(name)) for name in names)
    return sum(any(one in held for one in (name, *identifiers.split_ids(name))) for name in bare)


def _is_annotation(raw: pd.DataFrame, column: str) -> bool:
    """Whether a column of a table with genes in rows says what the gene is."""
    if column == str(raw.columns[0]) or plain(column) in GENE_HEADERS:
        return True
    return bool(metadata.named_as_annotation([column])) or not pd.api.types.is_numeric_dtype(raw[column])


def _are_symbols(names: pd.Series) -> bool:
    """Whether most names are single words, and few the same."""
    filled = names[~names.str.lower().isin(_BLANK_GENES)]
    if len(filled) < 0.5 * len(names):
        return False
    words = sum(_SYMBOL.fullmatch(gene_names.gene_name(name)) is not None for name in filled)
    return words > 0.9 * len(filled) and filled.nunique() > 0.5 * len(filled)


def _lines_column(raw: pd.DataFrame, known: Known, path: Path) -> str:
    """The column that names the lines: of several the one that joins, else the first of the table if it can."""
    first = str(raw.columns[0])
    named = columns.candidates(raw, "cell_line_id")
    if plain(first) in ROW_NAMES and first not in named:
        named = [first, *named]
    if not named:
        raise DataError(
            f"{path.name} starts with the column {first!r}, and no column is called like an id of cell lines. The "
            "first column must be cell_line_id, every other one a gene; move or rename it."
        )
    if known.lines:
        joined = {column: columns.count_known(raw, column, known.lines) for column in named}
        if max(joined.values()):
            return max(named, key=lambda column: (joined[column], column == first))
    if len(named) > 1 and named[0] == first and plain(first) in ROW_NAMES and _counts_rows(raw[first]):
        return named[1]
    return first if first in named else named[0]


def _counts_rows(cells: pd.Series) -> bool:
    """Whether a column holds ascending numbers of rows, of which some may have been left out."""
    texts = cells.astype(str).tolist()
    if not all(text.isdecimal() and len(text) < 9 for text in texts):
        return False
    numbers = [int(text) for text in texts]
    return all(a < b for a, b in pairwise(numbers)) and numbers[-1] <= 10 * len(numbers)
