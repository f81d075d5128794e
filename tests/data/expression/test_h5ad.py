"""AnnData files as expression: what anndata writes is read, and what a hostile file claims is not believed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdrp.data import unpacking
from bdrp.data.expression import pseudobulk, read_expression
from bdrp.errors import BdrpWarning, DataError

GENES = ["TSPAN6", "TP53", "EGFR", "KRAS", "BRAF"]
LINES = [f"ACH-{at:06d}" for at in range(12)]


def without_anndata() -> bool:
    try:
        import anndata  # noqa: F401 - looked for
    except ImportError:
        return True
    return False


needs_anndata = pytest.mark.skipif(without_anndata(), reason="anndata is not installed: pip install 'bdrp[anndata]'")


def values(rows: int = 12) -> np.ndarray:
    return np.random.default_rng(0).normal(5, 2, (rows, 5)).astype(np.float32)


def names(of: list[str]) -> pd.Index:
    """As objects: anndata 0.12 cannot write pandas 3's texts."""
    return pd.Index(of, dtype=object)


def write(path: Path, x, obs=LINES, var=GENES, obs_columns=None, var_columns=None) -> Path:
    import anndata

    frames = []
    for index, columns in ((obs, obs_columns), (var, var_columns)):
        frame = pd.DataFrame(index=names(index))
        for name, column in (columns or {}).items():
            frame[name] = pd.Series(column, dtype=object if isinstance(column[0], str) else None, index=frame.index)
        frames.append(frame)
    anndata.AnnData(x, obs=frames[0], var=frames[1]).write_h5ad(path, compression="gzip")
    return path


@needs_anndata
@pytest.mark.parametrize("kind", ["dense", "csr", "csc", "integers"])
def test_a_matrix_of_any_kind_is_read_as_it_is(tmp_path: Path, kind: str) -> None:
    from scipy import sparse

    x = np.round(values()) if kind == "integers" else values()
    made = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "integers": lambda one: one.astype(np.int32)}
    path = write(tmp_path / "x.h5ad", made.get(kind, np.asarray)(x))
    said: list[str] = []
    table = read_expression(path, notices=said)
    np.testing.assert_array_equal(table.to_numpy(), x)
    assert list(table.index) == LINES and list(table.columns) == GENES
    assert said[0] == "x.h5ad is AnnData: 12 samples of obs by 5 genes of var."


@needs_anndata
def test_symbols_beside_ensembl_ids_are_taken(tmp_path: Path) -> None:
    ids = [f"ENSG{at:011d}.3" for at in range(5)]
    path = write(
        tmp_path / "x.h5ad", values(), var=ids, var_columns={"gene_symbols": [*GENES[:4], ""], "n_cells": [1] * 5}
    )
    assert list(read_expression(path).columns) == [*GENES[:4], "ENSG00000000004"]
    assert list(read_expression(path, genes=[one.partition(".")[0] for one in ids]).columns)[0] == "ENSG00000000000"


@needs_anndata
def test_a_file_with_genes_in_obs_is_turned_where_the_lines_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "x.h5ad", values().T, obs=GENES, var=LINES)
    table = read_expression(path, lines=LINES)
    np.testing.assert_array_equal(table[GENES].to_numpy(), values())


@needs_anndata
def test_counts_are_told_and_converted_as_in_any_table(tmp_path: Path) -> None:
    counts = np.random.default_rng(1).poisson(50, (30, 5)).astype(np.float32)
    path = write(tmp_path / "x.h5ad", counts, obs=[f"S{at}" for at in range(30)])
    expected = np.log2(counts / counts.sum(1, keepdims=True) * 1e6 + 1)
    np.testing.assert_allclose(read_expression(path, scale="counts").to_numpy(), expected, rtol=1e-5)


@needs_anndata
def test_single_cells_are_warned_of_and_pooled_by_sample(tmp_path: Path) -> None:
    from scipy import sparse

    counts = np.random.default_rng(2).poisson(0.1, (600, 5)).astype(np.float32)
    sample = [f"P{at % 3}" for at in range(600)]
    cells = [f"cell{at}" for at in range(600)]
    path = write(tmp_path / "x.h5ad", sparse.csr_matrix(counts), obs=cells, obs_columns={"donor": sample})
    with pytest.warns(BdrpWarning, match="they look like single cells"):
        read_expression(path, scale="counts")
    pooled = pseudobulk(path, "donor")
    sums = np.stack([counts[at::3].sum(0) for at in range(3)])
    assert list(pooled.index) == ["P0", "P1", "P2"]
    np.testing.assert_allclose(pooled.to_numpy(), np.log2(sums / sums.sum(1, keepdims=True) * 1e6 + 1), rtol=1e-5)
    with pytest.raises(DataError, match=r"obs of x.h5ad has no column 'patient'. It has donor; choose one of them"):
        pseudobulk(path, "patient")
    logs = write(tmp_path / "logs.h5ad", values(), obs_columns={"donor": ["A", "B"] * 6})
    with pytest.raises(DataError, match="holds no counts"):
        pseudobulk(logs, "donor")


def test_without_anndata_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anndata", None)
    monkeypatch.setitem(sys.modules, "anndata.io", None)
    path = tmp_path / "x.h5ad"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(DataError, match=r"pip install 'bdrp\[anndata\]', or take CSV or Parquet"):
        read_expression(path)


def test_what_is_called_h5ad_and_is_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5ad"
    path.write_text("cell_line_id,TP53\nA,1\n")
    with pytest.raises(DataError, match=r"is called \.h5ad and is no HDF5 file"):
        read_expression(path)


def spoil(path: Path, how: str) -> None:
    """Change a good file into a hostile one."""
    import h5py

    with h5py.File(path, "r+") as file:
        if how == "huge":  # 4 TB in a few hundred bytes
            del file["X"]
            file.create_dataset("X", (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")
        elif how == "chunk":
            del file["X"]
            file.create_dataset("X", (12, 5), "f4", chunks=(30000, 30000), maxshape=(None, None), compression="gzip")
        elif how == "external link":
            del file["X"]
            file["X"] = h5py.ExternalLink("/etc/passwd", "/X")
        elif how == "soft link":
            del file["obs/_index"]
            file["obs/_index"] = h5py.SoftLink("/var/_index")
        elif how == "external values":
            del file["X"]
            file.create_dataset("X", (12, 5), "f4", external=[("/etc/passwd", 0, 240)])
        elif how == "no X":
            del file["X"]
        elif how == "text in X":
            del file["X"]
            file["X"] = np.array([["a"] * 5] * 12, dtype="S1")
        elif how == "index beyond":
            file["X/indices"][0] = 10**6
        elif how == "other shape":
            del file["X"]
            file["X"] = np.zeros((3, 5))
        elif how == "long names":
            del file["var/_index"]
            file.create_dataset("var/_index", (10**7,), h5py.string_dtype())
        elif how == "column of another length":
            file["var/symbol"] = np.array([b"A"] * 4)
        elif how == "deep":
            del file["X"]
            file.create_group("X/a/b/c/d")


HOSTILE = {
    "huge": "grows",
    "chunk": "grows",
    "external link": "without X",
    "soft link": "has no column '_index'",
    "external values": "lies in another file",
    "no X": "is HDF5 without X",
    "text in X": "no matrix of numbers",
    "index beyond": "cannot be read as AnnData",
    "other shape": "X of x.h5ad is 3 x 5, and there are 12 names in obs and 5 in var",
    "long names": "grows",
    "column of another length": "columns of different lengths",
    "deep": "no array or column as AnnData has them",
}


@needs_anndata
@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from scipy import sparse

    path = write(tmp_path / "x.h5ad", sparse.csr_matrix(values()) if how == "index beyond" else values())
    spoil(path, how)
    with pytest.raises(DataError) as refused:
        read_expression(path)
    said = str(refused.value)
    expected = str(unpacking.too_large(path)) if HOSTILE[how] == "grows" else HOSTILE[how]
    assert expected in said


@needs_anndata
def test_a_long_text_that_every_name_points_to_is_not_read_a_thousand_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdrp.data.expression.h5ad.LONGEST_NAMES", 5_000)
    path = write(tmp_path / "x.h5ad", values(), obs=[f"{at:01000d}" for at in range(12)])
    with pytest.raises(DataError):
        read_expression(path)


@needs_anndata
def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.h5ad", values()).read_bytes()
    rng = np.random.default_rng(3)
    path = tmp_path / "x.h5ad"
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(8, len(whole), 20):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged[: rng.integers(len(whole) // 2, len(whole))] if rng.random() < 0.3 else damaged)
        try:
            read_expression(path)
        except DataError:
            refused += 1
    assert refused > 10
