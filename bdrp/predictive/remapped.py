"""A predictive distribution whose probability levels were remapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from bdrp.errors import DataError
from bdrp.predictive.distribution import (
    Floats,
    Index,
    JointDraws,
    PredictiveDistribution,
    Scalable,
    align_responses,
    broadcast_column,
    check_levels,
    scale_draws,
)
from bdrp.predictive.level_map import LevelMap, LevelMaps
from bdrp.predictive.standard_shape import StandardShape


@final
class Remapped(PredictiveDistribution):
    """F'(y) = g(F(y)): the levels of a prediction F mapped by a smooth increasing curve g, or by one for each group.

    In normal scores z = Phi^-1(F(y)) a map of levels is a map h of z (`LevelMap`), whatever the family. Density,
    quantiles, CRPS, mean and variance all follow from F and h, so they are coherent. The variance is shared out between
    aleatoric and epistemic in the base's proportion.

    Args:
        base: the prediction as the method made it, perhaps scaled.
        levels: knots of g: increasing probabilities as predicted.
        remapped: the probabilities that they turned out to have.

    Raises:
        DataError: the base cannot be remapped, or the knots are not strictly increasing probabilities.
    """

    family = "remapped"

    def __init__(self, base: PredictiveDistribution, levels: Sequence[float], remapped: Sequence[float]) -> None:
        least = require_scalable(base).least_slope
        self._remap(base, LevelMaps(LevelMap(tuple(map(float, levels)), tuple(map(float, remapped)), least)))

    @classmethod
    def by_group(cls, base: PredictiveDistribution, maps: LevelMaps) -> Remapped:
        """The same with a map for each group of drugs or cell lines."""
        made = cls.__new__(cls)
        made._remap(base, maps)
        return made

    @classmethod
    def from_moments(cls, own: Scalable, maps: LevelMaps) -> Remapped:
        """From the remapped distribution's own moments, held by a distribution of the base's family."""
        made = cls.__new__(cls)
        made._settle(own, maps, _shapes(own, maps))
        return made

    def _remap(self, base: PredictiveDistribution, maps: LevelMaps) -> None:
        base, shapes = require_scalable(base), _shapes(require_scalable(base), maps)
        mean, std = _standard_moments(base, maps, shapes)
        own = base.with_moments(base.mean + base.std * mean, base.aleatoric_std * std, base.epistemic_std * std)
        self._settle(own, maps, shapes)

    def _settle(self, own: Scalable, maps: LevelMaps, shapes: Sequence[StandardShape]) -> None:
        moments = own.mean, own.aleatoric_std, own.epistemic_std
        super().__init__(own.keys, own.measure, *moments, unit=own.unit)
        self._own, self.maps, self._shapes = own, maps, shapes
        self._which = maps.positions(own.keys)
        mean, std = _standard_moments(own, maps, shapes)
        base_mean = self.mean - self.std / std * mean
        self._base = own.with_moments(base_mean, self.aleatoric_std / std, self.epistemic_std / std)

    def cdf(self, y: npt.ArrayLike) -> Floats:
        """g(F(y)), (N,) or (N, Q)."""
        return np.asarray(ndtr(self._mapped(LevelMap.probit, self._base.probit(y))))

    def survival(self, y: npt.ArrayLike) -> Floats:
        """1 - g(F(y)), (N,) or (N, Q)."""
        return np.asarray(ndtr(-self._mapped(LevelMap.probit, self._base.probit(y))))

    def quantile(self, p: npt.ArrayLike) -> Floats:
        """F^-1(g^-1(p)), (N,) or (N, Q)."""
        h = np.asarray(ndtri(check_levels(p)))
        found = np.empty((len(self), h.size))
        for position in np.unique(self._which):
            here = self._which == position
            of_group = self._base if here.all() else self._base[here]
            found[here] = of_group.at_scores(self.maps.all_maps[position].from_probit(h.ravel()))
        return found.reshape(len(self), *h.shape)

    def log_prob(self, y: npt.ArrayLike) -> Floats:
        """The log of g'(F(y)) f(y), (N,)."""
        z = self._base.probit(y)
        h, slope = self._mapped(LevelMap.probit, z), self._mapped(LevelMap.slope, z)
        return np.log(slope) + (np.square(z) - np.square(h)) / 2 + self._base.log_prob(y)

    def crps(self, y: npt.ArrayLike) -> Floats:
        """Base SD times the score of the standard shape, (N,)."""
        values, z = align_responses(y, len(self)), self._base.probit(y)
        w = (values - broadcast_column(self._base.mean, values)) / broadcast_column(self._base.std, values)
        score, blend = np.empty_like(w), self._base.blend()
        for position in np.unique(self._which):
            here = self._which == position
            score[here] = self._shapes[position].crps(z[here], w[here], blend[here])
        return broadcast_column(self._base.std, values) * score

    def sample(self, draws: int, seed: int) -> Floats:
        """S independent draws a pair, (S, N)."""
        return self._from_mapped(np.random.default_rng(seed).standard_normal((draws, len(self))).T).T

    def joint(self, draws: int, seed: int) -> Floats:
        """As the base's joint draw, each column then carried to its remapped level (a Gaussian copula)."""
        return self._from_mapped(self._base.probit(self._base.joint(draws, seed).T)).T

    @property
    def joint_draws(self) -> JointDraws | None:
        """Those of the base, stretched as the map stretches its SD."""
        return scale_draws(self._base.joint_draws, self.std / self._base.std)

    def with_moments(
        self,
        mean: npt.ArrayLike,
        aleatoric_std: npt.ArrayLike,
        epistemic_std: npt.ArrayLike,
        joint: JointDraws | None = None,
    ) -> Remapped:
        """The same map of levels and keys with other moments; the same joint draws where none are given."""
        moments = mean, aleatoric_std, epistemic_std
        made = Remapped.from_moments(self._own.with_moments(*moments), self.maps)
        if joint is None:
            return made
        drawn = scale_draws(joint, made._base.std / made.std)
        return Remapped.from_moments(self._own.with_moments(*moments, drawn), self.maps)

    def __getitem__(self, index: Index) -> Remapped:
        made = Remapped.__new__(Remapped)
        made._settle(self._own[index], self.maps, self._shapes)
        return made

    def shape_metadata(self) -> dict[str, Any]:
        """The knots of g, and the base's family and shape."""
        base = {"family": self._base.family, "shape": self._base.shape_metadata()}
        return {**self.maps.metadata(), "base": base}

    def _from_mapped(self, h: Floats) -> Floats:
        return self._base.from_probit(self._mapped(LevelMap.from_probit, h))

    def _mapped(self, function: Callable[[LevelMap, Floats], Floats], values: Floats) -> Floats:
        """`function` of each pair's own map, (N,) or (N, Q)."""
        mapped = np.empty_like(values)
        for position in np.unique(self._which):
            here = self._which == position
            mapped[here] = function(self.maps.all_maps[position], values[here])
        return mapped


def require_scalable(pred: PredictiveDistribution) -> Scalable:
    """`pred` itself if it can be remapped, or a DataError."""
    if isinstance(pred, Scalable):
        return pred
    raise DataError(
        f"Only a method's own prediction can be remapped; a {type(pred).__name__} was given. "
        "Allowed: Normal, StudentT and Shaped. "
        "Recalibrate the method's own prediction, not one that was remapped before."
    )


def _shapes(base: Scalable, maps: LevelMaps) -> Sequence[StandardShape]:
    return [StandardShape(one, base) for one in maps.all_maps]


def _standard_moments(base: Scalable, maps: LevelMaps, shapes: Sequence[StandardShape]) -> tuple[Floats, Floats]:
    """Mean and SD of each pair's standard shape, (N,) each."""
    which, blend = maps.positions(base.keys), base.blend()
    mean, std = np.empty(len(base)), np.empty(len(base))
    for position in np.unique(which):
        here, shape = which == position, shapes[position]
        mean[here] = np.sum(blend[here] * shape.mean, axis=1)
        std[here] = np.sum(blend[here] * shape.std, axis=1)
    return mean, std
