"""How the profiles of cell lines become numbers: one file a modality, the file's name is the modality's name.

A modality is `fit(table, *, components)`, which learns from the training lines that have such a profile, and
`restore(columns, arrays)`, which rebuilds what was learned; both give a `Scaler`. The encoder of
the numbers stands under the same name in `bdrp.model.lines`. A profile of any other name is read by `_linear`: by
slopes alone.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bdrp.data.profiles import EXPRESSION, TISSUE, Profiles
from bdrp.errors import DataError


class Scaler(ABC):
    """Every constant that turns profiles of one modality into the numbers a network reads.

    Attributes:
        columns: the features of the profile that it needs, in the model's order.
        components: (F, K) loadings such that `transform(table) @ components` has unit variance a column on the training
            lines: what a response may depend on linearly. K may be 0.
    """

    columns: tuple[str, ...]
    components: np.ndarray

    @property
    def width(self) -> int:
        """F, how many numbers stand for a line."""
        return len(self.components)

    @cached_property
    def column_index(self) -> pd.Index:
        """The columns as pandas looks them up."""
        return pd.Index(self.columns, dtype="str")

    @cached_property
    def component_sd(self) -> np.ndarray:
        """(K,) SD of each principal coordinate on the training lines, by which `components` divides it; 0 for none."""
        lengths = np.linalg.norm(self.components, axis=0)
        return np.asarray(np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0))

    @abstractmethod
    def transform(self, table: pd.DataFrame) -> np.ndarray:
        """(L, F) float32 of lines by features, in the order of the rows, whose columns may be in any order.

        A line without the profile is a row of NaN, or all columns are missing; the modality fills it with
        numbers: the network reads no NaN.

        Raises:
            DataError: what is given is no such profile.
        """

    @abstractmethod
    def unknown(self, table: pd.DataFrame) -> np.ndarray | None:
        """(L, K) how uncertain the components of each line are, as variances: 0 where they were measured, 1 where not.

        None where whatever is missing is taken for known, as a mean that stands in for it.
        """

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What is saved beside the columns, `components` among it."""


def check_restored(arrays: Mapping[str, np.ndarray], columns: Sequence[str], what: str, *, beside: int = 0) -> None:
    """Refuse saved arrays that are not of these columns.

    Args:
        arrays: mean, scale and components among them.
        columns: F features.
        what: they are, in the plural.
        beside: how many numbers a line has beside those of its features.

    Raises:
        LookupError: an array is missing.
        ValueError: the arrays are not of these features, or a scale is not above 0.
    """
    mean, scale, components = (arrays[name] for name in ("mean", "scale", "components"))
    count = len(columns)
    if {mean.shape, scale.shape} != {(count,)} or components.shape[:1] != (count + beside,):
        raise ValueError(f"it names {count} {what} and scales {len(mean)}")
    if min(scale, default=1) <= 0:
        raise ValueError(f"a scale of {min(scale)}, as one of the {what} has, cannot be")


def names() -> list[str]:
    """The modalities that have a file of their own here."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def fit(names: Sequence[str], profiles: Profiles, lines: Sequence[str], *, components: int) -> dict[str, Scaler]:
    """The scaler of each modality, fitted on those of the training lines that have its profile.

    One that tells no training lines apart, as where all are of one tissue or none is told, is left out.

    Raises:
        DataError: no training line has it, tissue apart.
    """
    found = {name: _module(name).fit(_held(name, profiles, lines), components=components) for name in names}
    return {name: scaler for name, scaler in found.items() if scaler.width}


def transform(scalers: Mapping[str, Scaler], profiles: Profiles, ids: pd.Index) -> dict[str, np.ndarray]:
    """(L, F) of each modality for the lines `ids`; NaN stands for a line without such a profile.

    Raises:
        DataError: as in `Scaler.transform`.
    """
    return {name: scaler.transform(_of_lines(profiles.get(name), ids)) for name, scaler in scalers.items()}


def unknown(scalers: Mapping[str, Scaler], profiles: Profiles, ids: pd.Index) -> np.ndarray | None:
    """(L, K) variances of the components of all modalities, as in `Scaler.unknown`; None where all are known."""
    found = {name: scaler.unknown(_of_lines(profiles.get(name), ids)) for name, scaler in scalers.items()}
    if all(each is None for each in found.values()):
        return None
    widths = {name: scaler.components.shape[1] for name, scaler in scalers.items()}
    parts = [np.zeros((len(ids), widths[name])) if each is None else each for name, each in found.items()]
    return np.concatenate(parts, axis=1).astype(np.float32)


def state(scalers: Mapping[str, Scaler]) -> dict[str, Tensor]:
    """The arrays of all scalers by name, as they are saved."""
    return {
        _key(name, array): torch.as_tensor(values)
        for name, scaler in scalers.items()
        for array, values in scaler.arrays().items()
    }


def keys(scalers: Mapping[str, Scaler]) -> dict[str, Any]:
    """Their columns as they are saved: `genes` of expression, those of further modalities under `profiles`."""
    columns = {name: scaler.columns for name, scaler in scalers.items()}
    genes, further = {"genes": columns.pop(EXPRESSION)}, {"profiles": columns} if columns else {}
    return genes | further


def restore(saved: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Scaler]:
    """The scalers of `keys()` and `state()`.

    Raises:
        LookupError: an array is missing.
        ValueError: columns and arrays are not of one scaler.
    """
    columns = {EXPRESSION: saved["genes"], **saved.get("profiles", {})}
    return {name: _restored(name, tuple(each), tensors) for name, each in columns.items()}


def _held(name: str, profiles: Profiles, lines: Sequence[str]) -> pd.DataFrame:
    profile = profiles.get(name)
    held = [] if profile is None else [line for line in lines if line in profile.index]
    if name == TISSUE and not held:  # it comes of the screen's own table of lines, which need not tell it
        return pd.DataFrame(index=held)
    if profile is None or not held:
        raise DataError(
            f"No training line has a profile of {name}; the screen holds {', '.join(profiles)}. Load the screen with "
            f"{name}, or leave {name} out of the method's modalities."
        )
    return profile.loc[held]


def _of_lines(profile: pd.DataFrame | None, ids: pd.Index) -> pd.DataFrame:
    if profile is None:
        return pd.DataFrame(index=ids)
    return profile if profile.index.equals(ids) else profile.reindex(ids)


def _restored(name: str, columns: tuple[str, ...], tensors: Mapping[str, Tensor]) -> Scaler:
    start = _key(name, "")
    arrays = {key.removeprefix(start): value.numpy() for key, value in tensors.items() if key.startswith(start)}
    scaler: Scaler = _module(name).restore(columns, arrays)
    return scaler


def _key(name: str, array: str) -> str:
    """Expression was the only modality once, and its arrays are kept under their bare names."""
    return array if name == EXPRESSION else f"{name}.{array}"


def _module(name: str) -> Any:
    if name not in names():
        return import_module(f"{__name__}._linear").Modality(name)
    return import_module(f"{__name__}.{name}")
