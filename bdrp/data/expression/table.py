"""A file of expression as lines by genes: whichever layout, names of genes and gaps it has; what was done is said."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from bdrp.data import in_memory, profiles, reading
from bdrp.data.expression import genes as gene_names
from bdrp.data.expression import metadata
from bdrp.data.expression.gct import read_gct
from bdrp.data.expression.h5ad import is_anndata, read_anndata, read_h5ad
from bdrp.data.expression.layout import Known, arrange, turn
from bdrp.data.expression.odd_lines import check_odd
from bdrp.data.expression.scale import convert, find_scale
from bdrp.data.expression.stacked import read_stacked
from bdrp.data.identifiers import listed
from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION


def read_expression(
    given: Given,
    *,
    genes: Collection[str] = (),
    lines: Collection[str] = (),
    scale: str | None = None,
    notices: list[str] | None = None,
) -> pd.DataFrame:
    """Expression (lines, genes) in float32, by cell_line_id; NaN where a cell is empty.

    Lines may be in the rows or in the columns, the file may be GCT or AnnData, or have three header rows. Headers such
    as `TP53 (7157)` are read as TP53, Ensembl ids without their version.

    Args:
        given: the file, or a table in memory: a frame, a Series or dict of one sample by gene, a dict of such, or an
            AnnData object.
        genes: names that a model knows: these are never taken for something else.
        lines: ids that the other tables know.
        scale: one of `SCALES`, where the user states it: values before a logarithm are then converted.
        notices: what was chosen and converted is written here, in sentences.

    >>> read_expression({"sample 1": {"TP53": 5.0, "EGFR": 7.5}})  # doctest: +NORMALIZE_WHITESPACE
                  TP53  EGFR
    cell_line_id
    sample 1       5.0   7.5

    Raises:
        DataError: the table cannot be read, does not name lines, or has duplicates, texts or infinities; or see
            `check_odd`.

    Warns:
        BdrpWarning: columns are left out that are no genes, or whose names a spreadsheet spoilt; numbers stand for
            gaps; genes are written as those of the mouse; or see `check_odd`.
    """
    path, notices = in_memory.name_table(given, in_memory.EXPRESSION), [] if notices is None else notices
    stated = None if scale is None else find_scale(scale)
    known = Known(lines, frozenset(map(gene_names.joining_key, genes)))
    table = _arranged(path, known, notices) if in_memory.is_path(given) else _arrange_given(given, known, path, notices)
    table = _numbers(_without_named_metadata(table, genes, path, notices), path)
    table = _with_gene_names(table, frozenset(genes), path, notices)
    table = metadata.without_sentinels(table, path.name)
    unlike = {name: why for name, why in metadata.unlike_genes(table).items() if name not in genes}
    if unlike:
        shown = [f"{name}: {why}" for name, why in unlike.items()]
        metadata.warn_of_metadata(shown, "hardly a gene by its values", path.name)
        table = table.drop(columns=list(unlike))
    if stated is not None:
        table = convert(table, stated, path.name, notices)
    profiles.check(table, EXPRESSION)
    check_odd(table, path.name)
    return table


def _arrange_given(given: object, known: Known, path: Path, notices: list[str]) -> pd.DataFrame:
    """What is handed over in Python, as (lines, columns)."""
    if is_anndata(given):
        return arrange(read_anndata(given, known, notices), known, path, notices)
    raw = in_memory.tabulate(given, in_memory.EXPRESSION)
    return arrange(metadata.default_entries(raw, path, notices), known, path, notices)


def _arranged(path: Path, known: Known, notices: list[str]) -> pd.DataFrame:
    annotated = read_h5ad(path, known, notices)
    if annotated is not None:
        return arrange(annotated, known, path, notices)
    if not reading.keeps_types(path):
        found = read_gct(path)
        if found is not None:
            return turn(*found, known, path, notices)
        stacked = read_stacked(path, notices)
        if stacked is not None:
            return arrange(stacked, known, path, notices)
    raw = reading.read_table(path, text=False)
    raw = reading.with_written_numbers(raw, ids=[str(raw.columns[0])])
    return arrange(metadata.default_entries(raw, path, notices), known, path, notices)


def _without_named_metadata(
    table: pd.DataFrame, genes: Collection[str], path: Path, notices: list[str]
) -> pd.DataFrame:
    found = [name for name in metadata.named_as_metadata(list(map(str, table.columns))) if name not in genes]
    texts = [name for name in found if not pd.api.types.is_numeric_dtype(table[name])]
    numbers = [name for name in found if name not in texts]
    if texts:
        notices.append(f"{path.name}: {listed(texts)} say something of the lines and are no genes: left out.")
    if numbers:
        metadata.warn_of_metadata(numbers, "an id or a description of lines by its name", path.name)
    return table.drop(columns=found) if found else table


def _numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    values = reading.matrix(table, path)
    return pd.DataFrame(values, index=table.index, columns=pd.Index(table.columns.map(str), dtype="str"), copy=False)


def _with_gene_names(table: pd.DataFrame, keep: Collection[str], path: Path, notices: list[str]) -> pd.DataFrame:
    copies = gene_names.second_copies(table.columns)
    if copies:
        notices.append(
            f"{path.name}: {len(copies):,} genes stand again as their copy on Y ({listed(copies)}): left out."
        )
    dates = {name: what for name, what in gene_names.spreadsheet_dates(table.columns).items() if name not in keep}
    if dates:
        gene_names.warn_of_dates(dates, path.name)
    if copies or dates:
        table = table.drop(columns=[*copies, *dates])
    named = gene_names.name_genes(list(table.columns), notices, keep)
    return table.set_axis(pd.Index(named, dtype="str"), axis=1)
