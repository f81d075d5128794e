"""The interface of every predictive distribution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.display import Displayed
from bdrp.errors import DataError

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]] | slice

NO_MASS = 40.0  # chosen: a normal's mass beyond 40 SDs is no longer a double
KEYS = ("cell_line_id", "drug_id")
QUANTILES: Mapping[str, float] = {"q05": 0.05, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q95": 0.95}


class JointDraws(Protocol):
    """Epistemic deviations of N pairs from their means, correlated because the pairs share weights."""

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S deviations for each pair, (S, N), in the unit of the response."""
        ...

    def __getitem__(self, index: Index) -> JointDraws:
        """The same for some of the pairs."""
        ...


class PredictiveDistribution(Displayed, ABC):
    """A distribution of the response for each of N pairs.

    It holds the pairs' keys, the response measure with its unit, and the moments; a family adds the shape. All arrays
    are read-only. `aleatoric` is the variance that more training would not remove, `epistemic` the variance that comes
    from not knowing the weights; `variance` is their sum.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_model
        >>> pred = tiny_model().held_out_predictions()
        >>> low, high = pred[:3].interval(0.9).T
        >>> bool((low < high).all())
        True

    Args:
        keys: cell_line_id and drug_id of the N pairs; a pair may appear more than once.
        measure: the response measure's name, such as "ln_ic50_um".
        mean: (N,), in the measure's unit.
        aleatoric_std: (N,), at least 0.
        epistemic_std: (N,), at least 0; the two are nowhere both 0.
        unit: the measure's unit in words.

    Raises:
        DataError: lengths differ, or a value is not finite, or a variance is not positive.
    """

    family: str

    def __init__(
        self,
        keys: pd.DataFrame,
        measure: str,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        *,
        unit: str,
    ) -> None:
        self.keys = _checked_keys(keys)
        self.measure = measure
        self.unit = unit
        self.mean = _column("mean", mean, len(self.keys))
        self.aleatoric_std = _checked_std("aleatoric", aleatoric_std, len(self.keys))
        self.epistemic_std = _checked_std("epistemic", epistemic_std, len(self.keys))
        self.std = _positive_std(self.aleatoric_std, self.epistemic_std)

    @property
    def aleatoric(self) -> Floats:
        """The noise variance, (N,)."""
        return np.square(self.aleatoric_std)

    @property
    def epistemic(self) -> Floats:
        """The variance from not knowing the weights, (N,)."""
        return np.square(self.epistemic_std)

    @property
    def variance(self) -> Floats:
        """`aleatoric + epistemic`, (N,)."""
        return self.aleatoric + self.epistemic

    @abstractmethod
    def cdf(self, y: npt.ArrayLike) -> Floats:
        """P(response <= y). A number or (N,) gives (N,); (N, Q) gives (N, Q)."""

    def survival(self, y: npt.ArrayLike) -> Floats:
        """P(response > y), of the shape of `cdf`; a family that can keeps it exact where cdf rounds to 1."""
        return 1 - self.cdf(y)

    @abstractmethod
    def quantile(self, p: npt.ArrayLike) -> Floats:
        """The response that is not exceeded with probability p. A number gives (N,), (Q,) gives (N, Q)."""

    @abstractmethod
    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The natural log of the density at y, (N,)."""

    @abstractmethod
    def crps(self, y: npt.ArrayLike) -> Floats:
        """The continuous ranked probability score at y, (N,), in the unit of the response; low is good.

        CRPS(F, y) = integral of (F(t) - 1{t >= y})^2 dt (Gneiting and Raftery 2007, doi:10.1198/016214506000001437).
        """

    @abstractmethod
    def sample(self, draws: int, seed: int) -> Floats:
        """S responses for each pair, (S, N), drawn independently of the other pairs."""

    @abstractmethod
    def joint(self, draws: int, seed: int) -> Floats:
        """S responses for all pairs together, (S, N): what the pairs share is drawn once for all of them.

        Each column follows the pair's own distribution; noise is drawn anew for each pair.

        Raises:
            DataError: the distribution no longer holds the weights, for example after it was loaded from a file.
        """

    @abstractmethod
    def __getitem__(self, index: Index) -> Self:
        """The distribution of some of the pairs: a mask (N,), positions, or a slice."""

    @abstractmethod
    def shape_metadata(self) -> dict[str, Any]:
        """What a file must hold besides keys and moments to rebuild this distribution; JSON-able."""

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} pairs, {self.measure} in {self.unit or 'unknown unit'})"

    def interval(self, level: float) -> Floats:
        """The central interval that holds the response with probability `level`: (N, 2), lower and upper."""
        if not 0 < level < 1:
            raise DataError(
                f"An interval's level must be a probability; {level!r} was given. "
                "Allowed: more than 0 and less than 1. Write 90 % as 0.9."
            )
        return self.quantile(np.array([(1 - level) / 2, (1 + level) / 2]))

    def to_frame(self) -> pd.DataFrame:
        """A table with a row a pair: keys, mean, SDs, and the 5, 25, 50, 75 and 95 % quantiles."""
        quantiles = self.quantile(np.array(list(QUANTILES.values())))
        moments = {name: getattr(self, name) for name in ("mean", "std", "aleatoric_std", "epistemic_std")}
        return self.keys.assign(**moments, **dict(zip(QUANTILES, quantiles.T, strict=True)))

    def save(self, path: str | Path, context: pd.DataFrame | None = None) -> None:
        """Write a Parquet file that `load` reads back exactly (the joint draws apart, which need the model).

        Args:
            path: .parquet, or .csv or .xlsx for a copy to look at, which `load` does not read. Replaced in one step; a
                reader never sees half a file.
            context: more columns, a row a pair, to stand behind those of `to_frame`; `load` ignores them.

        Raises:
            OutputError: the file cannot be written, its suffix is another, or something else than predictions stands
                in its place.
        """
        from bdrp.predictive import storage

        storage.save(self, Path(path), context)

    @staticmethod
    def load(path: str | Path) -> PredictiveDistribution:
        """Read what `save` wrote; see `bdrp.predictive.load`."""
        from bdrp.predictive import storage

        return storage.load(path)


class Scalable(PredictiveDistribution):
    """A family that recalibration can start from: its SDs can be scaled, and its levels can be mapped.

    The normal score of a response, z = Phi^-1(F(y)), is common to all families, so
    that a map of probability levels is a map of z.

    Attributes:
        joint_draws: epistemic deviations that the pairs share; None where the distribution holds none.
    """

    joint_draws: JointDraws | None = None
    least_slope: float = 0.0  # of a map of normal scores in the tails; a family with heavy tails must not stretch them

    def standardise(self, y: npt.ArrayLike) -> Floats:
        """(y - mean) / std, (N,) or (N, Q)."""
        values = align_responses(y, len(self))
        return (values - broadcast_column(self.mean, values)) / broadcast_column(self.std, values)

    @abstractmethod
    def probit(self, y: npt.ArrayLike) -> Floats:
        """Phi^-1(F(y)), (N,) or (N, Q); exact in both tails. Draws (S, N) stand as `probit(draws.T).T`."""

    @abstractmethod
    def from_probit(self, z: npt.ArrayLike) -> Floats:
        """The y whose normal score is z, (N,) or (N, Q)."""

    @abstractmethod
    def at_scores(self, z: Floats) -> Floats:
        """The y of every pair at the same Q normal scores, (N, Q): `from_probit`, but for Q numbers and not N x Q."""

    @abstractmethod
    def standard_quantiles(self, z: Floats) -> Floats:
        """(y - mean) / std at K normal scores for R standard pairs between which this family's pairs lie, (K, R)."""

    @abstractmethod
    def blend(self) -> Floats:
        """How each pair's standard quantiles are blended from those of the R standard pairs, (N, R); rows sum to 1."""

    @abstractmethod
    def with_moments(
        self,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
    ) -> Self:
        """The same family and keys with other moments, (N,) each, and the same joint draws where none are given."""

    @abstractmethod
    def scale(self, factor: npt.ArrayLike) -> Self:
        """The same means with every SD times a factor, one or (N,): noise, epistemic and joint deviations alike."""


@dataclass(frozen=True)
class ScaledDraws:
    """Joint deviations stretched with the epistemic SD, so that the two stay consistent; one factor or (N,)."""

    draws_of: JointDraws
    factor: Floats

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """The deviations times the factor, (S, N)."""
        return self.factor * self.draws_of.draw(rng, draws)

    def __getitem__(self, index: Index) -> ScaledDraws:
        """The same for some of the pairs."""
        return ScaledDraws(self.draws_of[index], self.factor[index] if self.factor.ndim else self.factor)


def scale_draws(joint: JointDraws | None, factor: Floats) -> JointDraws | None:
    """`joint` scaled, if there is any."""
    return None if joint is None else ScaledDraws(joint, factor)


def require_joint(joint: JointDraws | None) -> JointDraws:
    """`joint` itself, or a DataError that says why there is none."""
    if joint is None:
        raise DataError(
            "This distribution has no joint draws: it holds each pair's own distribution, not the weights they share. "
            "Joint draws exist only for what a Bayesian method has just predicted. "
            "Predict these pairs again with the model and draw before saving, or use sample() for independent draws."
        )
    return joint


def align_responses(y: npt.ArrayLike, n: int) -> Floats:
    """`y` as (N,) or (N, Q) floats; a single number is repeated for each pair."""
    values = np.asarray(y, dtype=np.float64)
    if values.ndim == 0:
        return np.full(n, float(values))
    if values.ndim > 2 or values.shape[0] != n:
        raise DataError(
            f"Responses do not line up with the pairs: shape {values.shape} was given for {n} pairs. "
            f"Allowed: one number, ({n},) or ({n}, Q). Pass one row a pair, in the order of the keys."
        )
    return values


def broadcast_column(values: Floats, like: Floats) -> Floats:
    """A column of N, shaped so that it broadcasts against (N,) or (N, Q)."""
    return values if like.ndim == 1 else values[:, None]


def check_levels(p: npt.ArrayLike) -> Floats:
    """Probability levels, () or (Q,), strictly between 0 and 1."""
    values = np.asarray(p, dtype=np.float64)
    if values.ndim > 1 or not bool(np.all((values > 0) & (values < 1))):
        raise DataError(
            f"Quantiles need probabilities; {p!r} was given. "
            "Allowed: one number or a flat list, each more than 0 and less than 1. Write 5 % as 0.05."
        )
    return values


def _checked_keys(keys: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in KEYS if name not in keys.columns]
    if missing:
        raise DataError(
            f"The keys of a prediction lack {' and '.join(missing)}; seen: {', '.join(map(str, keys.columns))}. "
            "Allowed: cell_line_id and drug_id, a row a pair. Rename the columns."
        )
    if tuple(keys.columns) == KEYS and _are_checked(keys):
        return keys.copy(deep=False)  # its cells are copied as soon as either is written to
    return keys.loc[:, list(KEYS)].astype("str").reset_index(drop=True)


def _are_checked(keys: pd.DataFrame) -> bool:
    """Whether they are as `_checked_keys` gives them: text, and rows counted from 0."""
    counted = isinstance(keys.index, pd.RangeIndex) and keys.index.start == 0 and keys.index.step == 1
    return counted and all(isinstance(kind, pd.StringDtype) and kind.na_value is np.nan for kind in keys.dtypes)


def _column(name: str, values: npt.ArrayLike, n: int) -> Floats:
    column = np.array(values, dtype=np.float64)
    if column.shape != (n,):
        raise DataError(
            f"The predicted {name} has shape {column.shape} for {n} pairs. Allowed: ({n},). Predict one number a pair."
        )
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise DataError(
            f"The predicted {name} has {bad.size} non-finite values among {n} (rows {_some(bad)}). "
            "Allowed: finite numbers. Check the model's input for these pairs."
        )
    column.setflags(write=False)
    return column


def _checked_std(name: str, values: npt.ArrayLike, n: int) -> Floats:
    column = _column(f"{name} SD", values, n)
    bad = np.flatnonzero(column < 0)
    if bad.size:
        raise DataError(
            f"The predicted {name} SD is negative for {bad.size} of {n} pairs (rows {_some(bad)}). "
            "Allowed: zero or more. Check the model's noise head."
        )
    return column


def _positive_std(aleatoric_std: Floats, epistemic_std: Floats) -> Floats:
    std = np.hypot(aleatoric_std, epistemic_std)
    bad = np.flatnonzero(~(std > 0))
    if bad.size:
        raise DataError(
            f"The predicted variance is zero for {bad.size} of {len(std)} pairs (rows {_some(bad)}). "
            "Allowed: more than zero. A prediction without doubt cannot be scored; give the method a noise term."
        )
    std.setflags(write=False)
    return std


def _some(rows: npt.NDArray[np.intp]) -> str:
    return ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
