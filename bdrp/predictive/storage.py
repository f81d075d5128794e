"""Predictive distributions on disk: Parquet, with family, measure and unit in the metadata; or a copy for others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from bdrp.errors import DataError, OutputError
from bdrp.files import atomic, h5ad, outputs, parquet, strict_json, tables
from bdrp.predictive import annotated
from bdrp.predictive.distribution import KEYS, QUANTILES, PredictiveDistribution, Scalable
from bdrp.predictive.level_map import LevelMap, LevelMaps
from bdrp.predictive.normal import Normal
from bdrp.predictive.readable import ReadableUnit, round_significant
from bdrp.predictive.remapped import Remapped
from bdrp.predictive.scale_mixture import EXACT
from bdrp.predictive.shaped import Shaped
from bdrp.predictive.student_t import StudentT

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
LARGEST: Final = 8 * 1024**3
"""Bytes in memory; chosen: 50 million pairs with what stands beside them."""
METADATA_KEY = b"bdrp"
COLUMNS = (*KEYS, "mean", "std", "aleatoric_std", "epistemic_std", *QUANTILES)


def save(
    pred: PredictiveDistribution,
    path: Path,
    context: pd.DataFrame | None = None,
    laboratory: Mapping[str, Any] | None = None,
    model: str = "",
    updates: Sequence[str] = (),
) -> None:
    """Write `pred` in one step and in the format of the suffix.

    Args:
        pred: N distributions.
        path: the file.
        context: more columns behind its own.
        laboratory: what the predictions carry for being of another laboratory; kept in the metadata.
        model: the digest of the model folder that made them; kept in the metadata.
        updates: what their model was updated with since its fit, in words; likewise.

    Raises:
        OutputError: see `check_place`, or the file cannot be written.
    """
    check_place(path)
    frame = pred.to_frame()
    if context is not None:
        frame = pd.concat([frame, _checked_context(context, len(pred))], axis=1)
    write_table(frame, path, describe(pred, laboratory, model, updates))


def write_table(frame: pd.DataFrame, path: Path, note: Mapping[str, Any]) -> None:
    """Write a table of predictions in one step and in the format of the suffix, with what `describe` says of them.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = to_metadata(note)
    with atomic.refusing("The predictions", path):
        if path.suffix.lower() == h5ad.SUFFIX:
            annotated.write(frame, path, metadata[METADATA_KEY].decode())
        else:
            is_copy = path.suffix.lower() != ".parquet"
            tables.write(_with_concentrations(frame, str(note["unit"])) if is_copy else frame, path, metadata)


def _with_concentrations(frame: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Behind the ids, median and 90 % interval as concentrations of three digits, where responses are logarithms."""
    readable = ReadableUnit(unit)
    if not readable.is_logarithm:
        return frame
    read = {
        name + readable.suffix: round_significant(readable.read(frame[source]))
        for name, source in (("predicted", "q50"), ("low", "q05"), ("high", "q95"))
    }
    ids = [*KEYS]
    return pd.concat([frame[ids], pd.DataFrame(read, index=frame.index), frame.drop(columns=ids)], axis=1)


def describe(
    pred: PredictiveDistribution, laboratory: Mapping[str, Any] | None, model: str, updates: Sequence[str]
) -> dict[str, Any]:
    """What is kept of predictions beside their table; see `save`."""
    header: dict[str, Any] = {"format": FORMAT, "family": pred.family, "measure": pred.measure, "unit": pred.unit}
    header |= {"shape": pred.shape_metadata(), **({"laboratory": dict(laboratory)} if laboratory else {})}
    header |= {"model": model} if model else {}
    return header | ({"updates": list(updates)} if updates else {})


def to_metadata(note: Mapping[str, Any]) -> dict[bytes, bytes]:
    """What `describe` says, as a Parquet file holds it."""
    return {METADATA_KEY: strict_json.text(dict(note), indent=None, ascii_only=True).encode()}


def check_place(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a place where predictions cannot be written, before they are made.

    Args:
        path: where they are to go.
        inputs: the files and model folders that they are made of.

    Raises:
        OutputError: a folder, or something else than predictions, stands there; the suffix says no format; it is an
            input or lies in a model folder.
        DataError: the suffix is .h5ad, and anndata is not installed.
    """
    if os.path.isdir(path):  # False, not an error, where the name is too long
        raise OutputError(
            f"The predictions could not be written to {path}: a folder stands there. Allowed: a file. "
            f"Name it {path / 'predictions.parquet'}."
        )
    if path.suffix.lower() == h5ad.SUFFIX:
        h5ad.load_anndata()
    else:
        tables.check_suffix(path, "The predictions")
    outputs.guard({path: is_predictions}, inputs)


def is_predictions(path: Path) -> bool:
    """Whether a table holds predictions and no queue made of them."""
    if path.suffix.lower() == h5ad.SUFFIX:
        return h5ad.is_ours(path)
    return outputs.has_columns(COLUMNS, foreign=["priority"])(path)


def load(path: str | Path) -> PredictiveDistribution:
    """Read what `PredictiveDistribution.save` wrote, exactly.

    Raises:
        DataError: there is no such file, it is not a bdrp prediction, it was altered, or a newer version wrote it.
    """
    return from_table(read_table(Path(path)), path)[0]


def from_table(table: pa.Table, path: str | Path) -> tuple[PredictiveDistribution, pd.DataFrame]:
    """The distribution that a table of that file holds, exactly, and the columns that stand behind its own.

    Raises:
        DataError: as `load`.
    """
    header = _header(table, Path(path))
    frame = table.to_pandas()
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise _refused(path, f"the columns {', '.join(missing)} are missing")
    pred = _rebuild(frame, header, path)
    _check_unaltered(frame, pred.to_frame(), path)
    return pred, frame.drop(columns=list(COLUMNS))


def read_metadata(table: pa.Table) -> dict[str, Any]:
    """What bdrp wrote of a table: family, shape, measure and unit; empty for a table of others."""
    try:
        metadata = strict_json.parse((table.schema.metadata or {}).get(METADATA_KEY, b"{}"), "the metadata")
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _rebuild(frame: pd.DataFrame, header: dict[str, Any], path: str | Path) -> PredictiveDistribution:
    try:
        if header["family"] != Remapped.family:
            return _own(frame, header, header["family"], header.get("shape"))
        shape = dict(header["shape"])
        base = shape.get("base", {"family": Normal.family, "shape": {}})
        own = _own(frame, header, base["family"], base["shape"])
        return Remapped.from_moments(own, LevelMaps.from_metadata(shape, own.least_slope))
    except (DataError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refused(path, f"its content is not usable: {error}") from error


def _own(frame: pd.DataFrame, header: dict[str, Any], family: str, shape: Any) -> Scalable:
    """The file's moments in a family that is its own and nobody's map."""
    pairs, moments = frame[list(KEYS)], (frame["mean"], frame["aleatoric_std"], frame["epistemic_std"])
    if family == StudentT.family:
        return StudentT.from_std(pairs, header["measure"], *moments, shape["dof"], unit=header["unit"])
    if family == Shaped.family:
        knots = LevelMap(tuple(shape["levels"]), tuple(shape["remapped"]))
        return Shaped.from_std(pairs, header["measure"], *moments, knots, unit=header["unit"])
    if family == Normal.family:
        return Normal.from_std(pairs, header["measure"], *moments, unit=header["unit"])
    raise DataError(f"no family {family!r} can be remapped")


def _header(table: pa.Table, path: Path) -> dict[str, Any]:
    note = (table.schema.metadata or {}).get(METADATA_KEY)
    if note is None:
        raise _refused(path, "it is a Parquet file without bdrp's metadata")
    try:
        header = strict_json.parse(note, "the text")
    except ValueError as error:
        raise _refused(path, f"its metadata are not JSON ({str(error).rstrip('.')})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _refused(path, f"its metadata are {_short(header)}; this version reads format {FORMAT}")
    known = (Normal.family, StudentT.family, Shaped.family, Remapped.family)
    if header.get("family") not in known or not all(isinstance(header.get(k), str) for k in ("measure", "unit")):
        raise _refused(path, f"its metadata are {_short(header)}; family must be one of {', '.join(known)}")
    return header


def read_table(path: Path) -> pa.Table:
    """A Parquet file, whoever wrote it.

    Raises:
        DataError: there is no such file, or it is no Parquet.
    """
    if not path.is_file():
        raise DataError(
            f"There are no predictions at {path}. Seen: {'a folder' if path.is_dir() else 'nothing'}. "
            "Allowed: a Parquet file that bdrp wrote. Check the path, or run `bdrp predict` first."
        )
    if path.suffix.lower() in (".csv", ".xlsx", h5ad.SUFFIX):
        raise _refused(path, f"predictions are read from Parquet alone; {path.suffix} is at best a copy to look at")
    try:
        return parquet.read(path, LARGEST)
    except parquet.NotParquetError as error:
        raise _refused(path, str(error)) from error
    except OSError as error:
        raise _refused(path, f"it cannot be read ({error.strerror or error})") from error


def _check_unaltered(seen: pd.DataFrame, rebuilt: pd.DataFrame, path: str | Path) -> None:
    slack = 2 * EXACT * rebuilt["std"]  # a quantile may have been solved for, or read off a spline
    for name in COLUMNS[len(KEYS) :]:
        if not np.isclose(seen[name].to_numpy(dtype=float), rebuilt[name], rtol=1e-9, atol=slack).all():
            raise _refused(path, f"its column {name} contradicts the moments and the shape beside it")


def _checked_context(context: pd.DataFrame, n: int) -> pd.DataFrame:
    clash = [name for name in context.columns if name in COLUMNS]
    if len(context) != n or clash:
        raise DataError(
            f"The context columns do not fit the predictions: {len(context)} rows for {n} pairs, "
            f"names already taken: {', '.join(clash) or 'none'}. "
            "Allowed: a row a pair, new names. Rename or reorder them."
        )
    return context.reset_index(drop=True)


def _refused(path: str | Path, seen: str) -> DataError:
    return DataError(
        f"{path} is not a bdrp prediction that can be used: {seen}. "
        "Allowed: a file as `bdrp predict` or save() wrote it. Predict again, or name the right file."
    )


def _short(header: object) -> str:
    text = repr(header)
    return text if len(text) < 120 else text[:117] + "..."
