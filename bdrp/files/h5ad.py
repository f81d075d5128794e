"""AnnData files (`.h5ad`): the package that reads and writes them, and matrices written whole or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from bdrp.errors import DataError
from bdrp.files import atomic

if TYPE_CHECKING:
    import pandas as pd

SUFFIX: Final = ".h5ad"
SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
"""How an HDF5 file begins."""
NOTE: Final = "bdrp"
"""The entry of `uns` that says what bdrp wrote."""


def load_anndata() -> ModuleType:
    """The module `anndata`.

    Raises:
        DataError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            import anndata.io
    except ImportError as error:
        raise DataError(
            "AnnData (.h5ad) needs the package anndata, which is not installed. Install it with pip install "
            "'bdrp[anndata]', or take CSV or Parquet instead: adata.to_df().to_csv(…) writes a table of AnnData's X."
        ) from error
    return anndata


def write(
    layers: Mapping[str, npt.NDArray[np.floating[Any]]], obs: pd.DataFrame, var: pd.DataFrame, note: str, path: Path
) -> None:
    """Write matrices of one shape; the first is X too.

    Args:
        layers: (rows, columns) by their name.
        obs: a row a row of the matrices, by its id.
        var: a row a column of them, likewise.
        note: kept in `uns`.
        path: the file.

    Raises:
        DataError: anndata is not installed.
        OSError: the place cannot be written to.
    """
    anndata = load_anndata()
    with atomic.replacing(path) as beside, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = anndata.AnnData(
            next(iter(layers.values())), obs=_of_objects(obs), var=_of_objects(var), layers=dict(layers)
        )
        whole.uns[NOTE] = note
        whole.write_h5ad(beside, compression="gzip")


def is_ours(path: Path) -> bool:
    """Whether bdrp wrote a file; nothing but the names in it is read.

    Raises:
        OSError: it cannot be read, or is no HDF5.
    """
    import h5py

    with h5py.File(path, "r") as file:
        return NOTE in file.get("uns", {})


def _of_objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts as Python's own: anndata 0.12 cannot write those of pandas 3."""
    import pandas as pd

    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    changed = frame.astype(dict.fromkeys(texts, object))
    return changed.set_axis(pd.Index(frame.index, dtype=object), axis=0).set_axis(
        pd.Index(frame.columns, dtype=object), axis=1
    )
