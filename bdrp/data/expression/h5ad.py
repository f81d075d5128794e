"""AnnData files (`.h5ad`) as expression: samples in obs, genes in var, values in X; looked at before they are read.

An HDF5 file can claim any size in a few bytes, point to other files, and hold indices beyond its own arrays. What is
read of it (X, the names of samples and genes, one column of either) is held to what it may grow to before `anndata`,
the extra `bdrp[anndata]`, reads it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bdrp.data import unpacking
from bdrp.data.delimited import plain
from bdrp.data.expression.layout import GENE_HEADERS, Known, find_gene_column, keep_highest
from bdrp.data.expression.scale import SCALES, tell_scale
from bdrp.data.identifiers import clean_id, listed
from bdrp.errors import BdrpWarning, DataError
from bdrp.files.h5ad import SIGNATURE, SUFFIX, load_anndata

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_NAMES: Final = 2_000_000
"""Samples, or genes; chosen: cells of the largest atlases that fit `unpacking.LARGEST`."""
LONGEST_NAMES: Final = 1 << 28
"""Bytes of all names of samples or genes together; chosen."""
EMPTY_CELLS: Final = (500, 0.85)
"""Rows from which, and the share of zeros above which, rows are taken for single cells; chosen."""
_SYMBOLS: Final = (*GENE_HEADERS, "featurename", "featureid")


def read_h5ad(path: Path, known: Known, notices: list[str]) -> pd.DataFrame | None:
    """The samples in a column cell_line_id, then a column a gene in float32; None for a file that is no HDF5.

    Of several genes of one name the highest on average is kept.

    Raises:
        DataError: anndata is missing, or the file is damaged, too large or no AnnData.

    Warns:
        BdrpWarning: its rows look like single cells.
    """
    if not is_hdf5(path):
        return None
    with _opened(path) as file:
        samples, genes = _names(file["obs"], path), _gene_names(file["var"], known, path)
        values = _dense(_values(file, path), path)
        _check_shape(values, samples, genes, path)
    return _tabulate(values, samples, genes, path, notices)


def read_anndata(adata: Any, known: Known, notices: list[str]) -> pd.DataFrame:
    """The same of an AnnData object: what its X holds, without layers."""
    path = Path("AnnData")
    values = _dense(adata.X, path)
    named = {"index": list(map(str, adata.var_names))}
    named |= {str(column): adata.var[column].astype(str).tolist() for column in adata.var if plain(column) in _SYMBOLS}
    return _tabulate(values, list(map(str, adata.obs_names)), _choose_names(named, known), path, notices)


def is_anndata(given: object) -> bool:
    """Whether it is an AnnData object, told without the package."""
    return type(given).__module__.partition(".")[0] == "anndata" and hasattr(given, "obs_names")


def _tabulate(
    values: npt.NDArray[np.float32], samples: list[str], genes: list[str], path: Path, notices: list[str]
) -> pd.DataFrame:
    _warn_of_cells(values, path)
    kept = keep_highest(values, genes)
    told = (
        f", of several of one name the highest ({len(genes) - len(kept):,} left out)" if len(kept) < len(genes) else ""
    )
    notices.append(f"{path.name} is AnnData: {len(samples):,} samples of obs by {len(kept):,} genes of var{told}.")
    table = pd.DataFrame(values[:, kept], columns=[genes[at] for at in kept], copy=False)
    table.insert(0, "cell_line_id", pd.Series([clean_id(one) for one in samples], dtype="str"))
    return table


def pseudobulk(path: str | Path, by: str) -> pd.DataFrame:
    """Counts of single cells as expression of samples: summed over the cells of each, then log2(reads per million + 1).

    Args:
        path: the AnnData file; X holds counts.
        by: the column of obs that says which sample a cell is of.

    Returns:
        (samples, genes), index cell_line_id. Saved as CSV or Parquet, every command takes it.

    Raises:
        DataError: see `read_h5ad`, or obs has no such column, or X holds no counts.
    """
    path = Path(path)
    if not is_hdf5(path):
        raise DataError(f"{path.name} is no HDF5 file. AnnData (.h5ad) is needed; other tables hold no single cells.")
    with _opened(path) as file:
        groups, genes = _column(file["obs"], by, path), _gene_names(file["var"], Known(), path)
        values = _values(file, path)
        _check_shape(values, groups, genes, path)
    codes, names = pd.factorize(pd.Series([clean_id(one) for one in groups], dtype="str"))
    sums = _sum_rows(values, codes, len(names))
    some = values.data if hasattr(values, "nnz") else values
    if some.size and (some.min() < 0 or not np.array_equal(some[:1000], np.round(some[:1000]))):
        raise DataError(
            f"X of {path.name} holds no counts (values from {some.min():.4g} to {some.max():.4g}). Sums over cells "
            "need counts of reads; put them into X, as they are often in a layer called counts, or in raw."
        )
    kept = keep_highest(sums, genes)
    index = pd.Index(names, dtype="str", name="cell_line_id")
    logs = SCALES["counts"].to_log2(sums[:, kept]).astype(np.float32)
    return pd.DataFrame(logs, index=index, columns=pd.Index([genes[at] for at in kept], dtype="str"))


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do.

    Raises:
        DataError: it is called .h5ad and does not, or cannot be read.
    """
    unpacking.require_file(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
    except OSError as error:
        raise unpacking.unreadable(path, error) from error
    if start != SIGNATURE and path.suffix.lower() == SUFFIX:
        raise DataError(
            f"{path.name} is called .h5ad and is no HDF5 file. AnnData is needed, as its write_h5ad writes it; fetch "
            "or write it again."
        )
    return start == SIGNATURE


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, open; whatever its readers raise, for damaged files make them raise anything, is a DataError."""
    load_anndata()
    import h5py

    if path.stat().st_size > unpacking.LARGEST:
        raise unpacking.too_large(path)
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in ("X", "obs", "var") if not _is_here(file, name)]
            if missing:
                raise DataError(
                    f"{path.name} is HDF5 without {', '.join(missing)}. AnnData is needed, with samples in obs, genes "
                    "in var and values in X; write it with write_h5ad."
                )
            yield file
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise DataError(
            f"{path.name} cannot be read as AnnData: {type(error).__name__}: {' '.join(str(error).split())[:200]}. A "
            "whole file as write_h5ad writes it is needed; write or fetch it again."
        ) from error


def _is_here(group: Any, name: str) -> bool:
    """Whether a name stands in a group itself: links to elsewhere, in this file or another, are not followed."""
    import h5py

    return name in group and isinstance(group.get(name, getlink=True), h5py.HardLink)


def _element(node: Any, path: Path) -> Any:
    """A node as anndata reads it, after a look at what it grows to."""
    grown = sum(_weigh(one, path) for one in _datasets(node, path))
    if grown > unpacking.most_unpacked(path):
        raise unpacking.too_large(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what older versions of anndata wrote
        return load_anndata().io.read_elem(node)


def _datasets(node: Any, path: Path, depth: int = 0) -> Iterator[Any]:
    import h5py

    if isinstance(node, h5py.Dataset):
        yield node
        return
    if depth > 2 or len(node) > 16:
        raise DataError(
            f"{path.name} holds {node.name}, which is no array or column as AnnData has them. Write it again."
        )
    for name in node:
        if not _is_here(node, name):
            raise DataError(
                f"{path.name}: {node.name}/{name} is a link. Every part must lie where it is; write it again."
            )
        yield from _datasets(node[name], path, depth + 1)


def _weigh(dataset: Any, path: Path) -> int:
    """The bytes that an array becomes; texts are read one by one, for they may all point to one long one."""
    import h5py

    if dataset.external or dataset.is_virtual:
        raise DataError(
            f"{path.name}: {dataset.name} lies in another file. It must hold its own values; write it again."
        )
    texts = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in "fiubS" and not texts:
        raise DataError(f"{path.name}: {dataset.name} holds neither numbers nor texts. Write the file again.")
    if texts and dataset.size > MOST_NAMES:
        raise unpacking.too_large(path)
    chunk = math.prod(dataset.chunks or (1,)) * dataset.dtype.itemsize
    size = max(dataset.size * dataset.dtype.itemsize, chunk)
    if texts and dataset.ndim == 1:
        size = 0
        for at in range(dataset.size):
            size += 64 + len(dataset[at])
            if size > LONGEST_NAMES:
                raise unpacking.too_large(path)
    return int(size)


def _names(frame: Any, path: Path) -> list[str]:
    """The index of obs or var."""
    index = frame.attrs.get("_index", "_index")
    return _column(frame, index.decode() if isinstance(index, bytes) else str(index), path)


def _column(frame: Any, name: str, path: Path) -> list[str]:
    if "/" in name or not _is_here(frame, name):
        there = listed([one for one in frame if one != "_index"], 12)
        raise DataError(f"{frame.name[1:]} of {path.name} has no column {name!r}. It has {there}; choose one of them.")
    values = np.asarray(_element(frame[name], path)).ravel()
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]


def _gene_names(frame: Any, known: Known, path: Path) -> list[str]:
    """The index of var, or the column of it in which the known genes are, or that promises symbols."""
    named = {"index": _names(frame, path)}
    for column in frame:
        if plain(column) in _SYMBOLS and column != frame.attrs.get("_index", "_index"):
            named[column] = _column(frame, column, path)
    if len({len(names) for names in named.values()}) > 1:
        raise DataError(f"var of {path.name} has columns of different lengths. Write the file again.")
    return _choose_names(named, known)


def _choose_names(named: dict[str, list[str]], known: Known) -> list[str]:
    table = pd.DataFrame(named, dtype="str")
    names = table[find_gene_column(table, known)]
    return names.where(~names.str.lower().isin(("", "nan", "none", "na")), table["index"]).tolist()


def _values(file: Any, path: Path) -> Any:
    """X as a matrix (samples, genes), dense or with every index within it."""
    values = _element(file["X"], path)
    if hasattr(values, "check_format"):
        values.check_format(full_check=True)  # native code would follow an index anywhere
    if getattr(values, "ndim", 0) != 2 or values.dtype.kind not in "fiub":
        raise DataError(f"X of {path.name} is no matrix of numbers. Samples by genes are needed; write it again.")
    return values


def _dense(values: Any, path: Path) -> npt.NDArray[np.float32]:
    if math.prod(values.shape) * 4 > unpacking.LARGEST:
        raise DataError(
            f"X of {path.name} has {values.shape[0]:,} rows by {values.shape[1]:,} columns, more than memory is taken "
            f"for ({unpacking.LARGEST / 2**30:.0f} GiB). If rows are cells, pool them by sample: "
            "bdrp.data.expression.pseudobulk(path, by='sample')."
        )
    array = values.toarray() if hasattr(values, "toarray") else values
    return np.ascontiguousarray(array, dtype=np.float32)


def _check_shape(values: Any, samples: list[str], genes: list[str], path: Path) -> None:
    if values.shape != (len(samples), len(genes)):
        raise DataError(
            f"X of {path.name} is {values.shape[0]:,} x {values.shape[1]:,}, and there are {len(samples):,} names in "
            f"obs and {len(genes):,} in var. They must agree; write the file again."
        )


def _sum_rows(values: Any, codes: npt.NDArray[np.intp], groups: int) -> npt.NDArray[np.float64]:
    """(groups, genes) sums over the rows of each group."""
    from scipy.sparse import csr_array

    belongs = csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(groups, len(codes)))
    sums = belongs @ values
    return np.asarray(sums.toarray() if hasattr(sums, "toarray") else sums, dtype=np.float64)


def _warn_of_cells(values: npt.NDArray[np.float32], path: Path) -> None:
    rows, share = EMPTY_CELLS
    if len(values) < rows or tell_scale(values).name == "z":
        return
    empty = float((values[:: len(values) // rows] == 0).mean())
    if empty > share:
        warnings.warn(
            f"{path.name} has {len(values):,} rows that are 0 in {empty:.0%}: they look like single cells, and a model "
            "of samples says nothing of them. Pool them by sample: bdrp.data.expression.pseudobulk(path, by='sample').",
            BdrpWarning,
            stacklevel=4,
        )
