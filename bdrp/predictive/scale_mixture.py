"""The sum of a normal and a Student-t deviation, as a finite scale mixture of normals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline, RectBivariateSpline
from scipy.special import gammainc, gammainccinv, gammaincinv, gammaln, log_ndtr, ndtr, ndtri

from bdrp.errors import DataError
from bdrp.predictive.distribution import NO_MASS, Floats

_NODES = 24  # chosen: the density of a t with 2.5 degrees is then right to 0.03 % out to 8 SDs, with 4 to 0.003 %
_LEFT_OUT = 1e-7  # chosen: the share of the density's integral that lies beyond the nodes, at its centre and far out
_FAR = 10.0  # chosen: in SDs; the nodes serve as well here as in the centre
_SQRT_2PI = np.sqrt(2 * np.pi)
_TINY = 1e-300  # chosen: the smallest tail whose probit a double holds
KNOTS = 1_025  # chosen: of a spline of quantiles in the share of noise; from 2.5 degrees it is right to 1e-9 SD
EXACT = 1e-8
"""SDs that a quantile by `at_scores` may lie from the exact one; checked in the middle of each piece of a spline."""
_ROWS = 1024  # chosen: what is held of so many pairs stays in the processor's cache
_NEGLIGIBLE = 1e-13  # chosen: in SDs; all that is left out of an integral is then below 1e-11
_STEPS = 80  # chosen: doubling alone would reach any quantile; from the table Newton takes 2 or 3 steps


def scale_mixture(dof: float) -> ScaleMixture:
    """The mixture for those degrees of freedom, with its tables; kept, because making them takes a second.

    Raises:
        DataError: dof is no finite number above 2.
    """
    numeric = isinstance(dof, int | float | np.number) and not isinstance(dof, bool)
    if not (numeric and 2 < float(dof) < np.inf):
        raise DataError(
            f"A Student-t's degrees of freedom are {dof!r}. Allowed: a finite number above 2, below which the "
            "noise has no variance. Fit the noise again, or use Normal."
        )
    return _mixture(float(dof))


@dataclass(frozen=True)
class ScaleMixture:
    """w = normal part + Student-t part, with mean 0 and variance 1, of which the t part holds `share`.

    A Student-t is a normal whose variance tau was drawn from an inverse gamma distribution,

        tau ~ InverseGamma(dof / 2, (dof - 2) / 2),   E[tau] = 1,
        w | tau ~ Normal(0, 1 - share + share tau)

    (Andrews and Mallows 1974, doi:10.1111/j.2517-6161.1974.tb00989.x), so that the normal part only adds its variance.
    That of tau is replaced by nodes and weights that depend on `dof` alone: the trapezoidal rule in log tau, which
    converges geometrically for such integrands (Trefethen and Weideman 2014, doi:10.1137/130932132), and one node
    that carries the rest of the tail. Of every answer, `share` is in [0, 1] and broadcasts against w.

    Args:
        dof: degrees of freedom of the t, more than 2.
    """

    dof: float

    @cached_property
    def nodes(self) -> tuple[Floats, Floats]:
        """The nodes tau and their weights, (Q,) each; the weights, and the weighted nodes, sum to 1."""
        shape, scale = self.dof / 2, self.dof / 2 - 1
        # Given w, 1 / tau follows Gamma(shape + 1/2, scale + w^2 / 2): its tails at w = 0 and far out bound the nodes.
        first = np.log(scale / gammainccinv(shape + 0.5, _LEFT_OUT))
        last = np.log((scale + _FAR**2 / 2) / gammaincinv(shape + 0.5, _LEFT_OUT))
        log_tau, step = np.linspace(first, last, _NODES - 1, retstep=True)
        precision = scale * np.exp(-log_tau)
        weights = np.exp(shape * np.log(precision) - precision - gammaln(shape))
        edge = precision[-1] * np.exp(-step / 2)
        beyond = gammainc(shape, edge)
        tau = np.append(np.exp(log_tau), gammainc(shape - 1, edge) / beyond)
        weights = np.append((1 - beyond) * weights / weights.sum(), beyond)
        return tau / (weights @ tau), weights

    def tail(self, w: Floats, share: Floats) -> Floats:
        """P(w' > |w|)."""
        distance = np.abs(w)
        return np.maximum(sum(weight * ndtr(-distance / sd) for weight, sd in self._parts(share)), _TINY)

    def cdf(self, w: Floats, share: Floats) -> Floats:
        """P(w' <= w)."""
        tail = self.tail(w, share)
        return np.where(w < 0, tail, 1 - tail)

    def probit(self, w: Floats, share: Floats) -> Floats:
        """The standard normal quantile of P(w' <= w), as exact on the right as on the left."""
        return -np.sign(w) * ndtri(self.tail(w, share))

    def log_density(self, w: Floats, share: Floats) -> Floats:
        """The natural log of the density, relative to the widest normal's, beside which none vanishes far out."""
        half, widest = np.square(w) / 2, 1 - share + share * self.nodes[0].max()
        far = half / widest
        parts = (weight / sd * np.exp(far - half / np.square(sd)) for weight, sd in self._parts(share))
        return np.asarray(np.log(sum(parts) / _SQRT_2PI) - far)

    def crps(self, w: Floats, share: Floats) -> Floats:
        """The continuous ranked probability score at w, E|w' - w| - E|w' - w''| / 2.

        For a mixture of normals with weights p_i and variances s_i^2 (Grimit et al. 2006, doi:10.1256/qj.05.235),

            sum_i p_i A(w, s_i^2) - sum_ij p_i p_j A(0, s_i^2 + s_j^2) / 2,
            A(m, s^2) = 2 s phi(m / s) + m (2 Phi(m / s) - 1),   A(0, s^2) = s sqrt(2 / pi).
        """
        nearness = sum(weight * _absolute(w, sd) for weight, sd in self._parts(share))
        return np.asarray(nearness - self.sharpness(share))

    def sharpness(self, share: Floats) -> Floats:
        """E|w' - w''| / 2, the mean difference of two draws halved."""
        tau, weights = self.nodes
        first, second = np.triu_indices(len(tau))
        pairs = weights[first] * weights[second] * np.where(first == second, 1, 2)
        sums = tau[first] + tau[second]
        # A loop, so that it takes no more memory than one answer.
        differences = (weight * np.sqrt(2 - 2 * share + share * both) for weight, both in zip(pairs, sums, strict=True))
        return np.asarray(sum(differences) / _SQRT_2PI)

    def squared_up_to(self, w: Floats, share: Floats) -> Floats:
        """Integral of the squared cdf up to w, (N,) for (N,) shares, by parts; w may be infinite below.

        Of two normals about 0 with SDs a and b,

            w Phi(w / a) Phi(w / b) + a phi(w / a) Phi(w / b) + b phi(w / b) Phi(w / a)
                - sqrt((a^2 + b^2) / (2 pi)) Phi(w sqrt(1 / a^2 + 1 / b^2)),

        which the mixture's weights sum up.
        """
        starts = range(0, len(w), _ROWS)
        parts = [self._squared_up_to(w[start : start + _ROWS], share[start : start + _ROWS]) for start in starts]
        return np.concatenate([np.empty(0), *parts])

    def _squared_up_to(self, w: Floats, share: Floats) -> Floats:
        tau, weights = self.nodes
        variance = 1 - share + share * tau[:, None]
        precision = 1 / np.sqrt(variance)
        w = np.maximum(w, -NO_MASS * np.sqrt(tau[-1]))
        z = w * precision
        below = weights @ ndtr(z)
        moment = (weights @ (np.exp(-np.square(z) / 2) / precision)) / _SQRT_2PI
        both = np.zeros_like(w)
        for i, j, weight in self._pairs:
            root = np.sqrt(variance[i] + variance[j])
            both += weight * root * ndtr(z[i] * precision[j] * root)
        return np.asarray(w * np.square(below) + 2 * below * moment - both / _SQRT_2PI)

    @cached_property
    def _pairs(self) -> Sequence[tuple[int, int, float]]:
        """Two nodes and the weight of both together, each pair of nodes once, but for negligible ones."""
        tau, weights = self.nodes
        first, second = np.triu_indices(len(tau))
        both = weights[first] * weights[second] * np.where(first == second, 1, 2)
        some = both * np.sqrt(tau[first] + tau[second]) > _NEGLIGIBLE
        return list(zip(first[some].tolist(), second[some].tolist(), both[some].tolist(), strict=True))

    def from_probit(self, z: Floats, share: Floats) -> Floats:
        """The w with probit(w) = z: Newton's method on the log of the tail, each w at most doubled or halved."""
        z, share = np.broadcast_arrays(z, share)
        distance, flat = np.abs(z).ravel(), share.ravel()
        w, target = self._guess(distance, flat), log_ndtr(-distance)
        active = np.flatnonzero(distance > 0)
        for _ in range(_STEPS):
            here = w[active]
            better = self._improved(here, flat[active], target[active])
            w[active] = better
            active = active[np.abs(better - here) > 1e-14 * here]
            if not active.size:
                break
        return np.sign(z) * w.reshape(z.shape)

    def at_scores(self, z: Floats, share: Floats) -> Floats:
        """The w at the same Q normal scores for N shares, (N,): (N, Q), within `EXACT` of `from_probit`.

        At one score a quantile is a function of the share alone: a cubic spline in its cube root, where there are more
        pairs than knots and the spline is as exact as it has to be; else each is solved for.
        """
        splines = [self._spline(float(score)) if len(share) > KNOTS else None for score in z]
        found, root = np.empty((len(share), len(z))), np.cbrt(share)
        for column, (score, spline) in enumerate(zip(z, splines, strict=True)):
            found[:, column] = self.from_probit(score, share) if spline is None else spline(root)
        return found

    def _spline(self, score: float) -> Any:
        """Quantiles at one normal score over the cube root of the share; None where they bend too sharply for it."""
        if score not in self._splines:
            fine = np.linspace(0, 1, 2 * KNOTS - 1)
            exact = self.from_probit(np.full(len(fine), score), np.power(fine, 3))
            spline = CubicSpline(fine[::2], exact[::2])
            self._splines[score] = spline if np.abs(spline(fine) - exact).max() <= EXACT / 4 else None
        return self._splines[score]

    @cached_property
    def _splines(self) -> dict[float, Any]:
        return {}

    def standard_quantiles(self, z: Floats) -> Floats:
        """The w whose normal scores are z, (K,), for the R shares of noise that `blend` blends, (K, R)."""
        return np.asarray(self._standard(z))

    @cached_property
    def _standard(self) -> Any:
        grid = np.linspace(-_REACH, _REACH, _POINTS)
        return CubicSpline(grid, self.from_probit(grid[:, None], np.power(_ROOTS, 3)[None]))

    def blend(self, share: Floats) -> Floats:
        """Barycentric weights for the cube root of the share (Berrut and Trefethen 2004, 10.1137/S0036144502417715)."""
        apart = np.cbrt(share)[:, None] - _ROOTS
        hit = np.abs(apart) < 1e-14
        weights = np.where(hit.any(axis=1, keepdims=True), hit, _BARYCENTRIC / np.where(hit, 1, apart))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _improved(self, w: Floats, share: Floats, target: Floats) -> Floats:
        tail, density = np.zeros_like(w), np.zeros_like(w)
        for weight, sd in self._parts(share):
            tail += weight * ndtr(-w / sd)
            density += weight / (_SQRT_2PI * sd) * np.exp(-np.square(w / sd) / 2)
        tail, density = np.maximum(tail, _TINY), np.maximum(density, _TINY)
        return np.clip(w + (np.log(tail) - target) * tail / density, w / 2, 2 * w)

    def _guess(self, distance: Floats, share: Floats) -> Floats:
        return np.asarray(distance * np.exp(self._table.ev(np.cbrt(share), np.minimum(distance, _TABLE_Z[-1]))))

    @cached_property
    def _table(self) -> Any:
        """log(w / z) over the cube root of the share and z: smooth, because tails switch from normal to t near 0."""
        share, z = np.meshgrid(np.power(_TABLE_ROOTS, 3), _TABLE_Z[1:], indexing="ij")
        log_w = np.log(z)
        low, high = log_w - 5, log_w + 60  # far beyond any quantile of a t with more than 2 degrees
        for _ in range(30):
            middle = (low + high) / 2
            short = self.tail(np.exp(middle), share) > ndtr(-z)
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        ratio = low - log_w
        return RectBivariateSpline(_TABLE_ROOTS, _TABLE_Z, np.column_stack([ratio[:, :1], ratio]))

    def _parts(self, share: Floats) -> Iterator[tuple[float, Floats]]:
        """Weight and SD of each normal of the mixture."""
        for tau, weight in zip(*self.nodes, strict=True):
            yield weight, np.sqrt(1 - share + share * tau)


_mixture = lru_cache(maxsize=8)(ScaleMixture)

_TABLE_ROOTS = np.linspace(0, 1, 41)
_TABLE_Z = np.linspace(0, 9, 91)


_REACH, _POINTS = 12.5, 1251  # chosen: beyond the normal scores that any remap looks at; steps of 0.02
# Chebyshev points of the second kind on [0, 1], for the cube root of the share.
_ROOTS = (1 - np.cos(np.pi * np.arange(17) / 16)) / 2
_BARYCENTRIC = np.where(np.isin(np.arange(17), (0, 16)), 0.5, 1.0) * (-1.0) ** np.arange(17)


def _absolute(w: Floats, sd: Floats) -> Floats:
    """E|w - sd u|, u a standard normal."""
    z = w / sd
    return np.asarray(2 * sd * np.exp(-np.square(z) / 2) / _SQRT_2PI + w * (2 * ndtr(z) - 1))
