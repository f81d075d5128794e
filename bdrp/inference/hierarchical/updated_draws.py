"""Joint draws of pairs after an update, by Matheron's rule: a draw before it, moved by what its own responses say.

With f the deviations of all pairs before the update, drawn jointly for those asked for (*) and those measured (m), and
noise e,

    f_s | y  =  f_s*  -  K(*, m) (K(m, m) + noise)^-1 (f_sm + e_s)

has the covariance of the posterior, about its mean (Wilson et al. 2020, doi:10.48550/arXiv.2002.09309). Nothing is as
large as pairs squared. Products of deviations of a line and a drug are drawn as normals of their variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import cho_solve

from bdrp.inference.hierarchical.evidence import Evidence, Rows, kernel
from bdrp.predictive.distribution import Floats, Index


@dataclass(frozen=True)
class UpdatedDraws:
    """Epistemic deviations of N pairs after an update.

    Attributes:
        evidence: the measured pairs, conditioned on.
        rows: the N pairs.
        response_std: SD of the training responses.
    """

    evidence: Evidence
    rows: Rows
    response_std: float

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """S joint deviations, (S, N), in the measure's unit."""
        asked, measured = len(self.rows.mean), self.evidence.rows
        before = self._before(rng, draws)
        if not len(measured.mean):
            return before
        noise = np.sqrt(self.evidence.noise) * rng.standard_normal((draws, len(measured.mean)))
        across = kernel(self.rows, measured, self.evidence.effects, self.response_std)
        seen = before[:, asked:] + noise
        return np.asarray(before[:, :asked] - cho_solve(self.evidence.factor, seen.T).T @ across.T)

    def __getitem__(self, index: Index) -> UpdatedDraws:
        """The same for some of the pairs."""
        return UpdatedDraws(self.evidence, self.rows[index], self.response_std)

    def _before(self, rng: np.random.Generator, draws: int) -> Floats:
        """Deviations of the asked and of the measured pairs, (S, N + n), before the update."""
        stacked = _Stacked.of(self.rows, self.evidence.rows)
        effects, unit, normal = self.evidence.effects, self.response_std, rng.standard_normal
        drawn = normal((draws, stacked.shared.shape[1])) @ stacked.shared.T
        drawn += _by_group(stacked.by_compound, stacked.compound, draws, rng)
        drawn += _by_group(stacked.by_line, stacked.line, draws, rng)
        drawn += np.sqrt(stacked.alone) * _shared(stacked.pair, draws, rng)
        drawn *= effects.epistemic * stacked.factor
        drawn += unit * (effects.offset * normal((draws, 1)) + effects.slope * normal((draws, 1)) * stacked.mean)
        drawn += unit * effects.by_drug * _shared(stacked.assay, draws, rng)
        return np.asarray(drawn + unit * effects.by_line * _shared(stacked.line, draws, rng))


class _Stacked(NamedTuple):
    """Roots, factors, means and groups (codes) of the asked and then the measured pairs."""

    shared: Floats
    by_compound: Floats
    by_line: Floats
    alone: Floats
    factor: Floats
    mean: Floats
    compound: np.ndarray
    assay: np.ndarray
    line: np.ndarray
    pair: np.ndarray

    @classmethod
    def of(cls, *parts: Rows) -> _Stacked:
        roots = [part.posterior.roots for part in parts]
        width = max(each.by_line.shape[1] for each in roots)
        by_line = [np.pad(each.by_line, ((0, 0), (0, width - each.by_line.shape[1]))) for each in roots]
        compound = pd.factorize(np.concatenate([part.posterior.compounds for part in parts]))[0]
        assay = pd.factorize(np.concatenate([part.posterior.assays for part in parts]))[0]
        line = pd.factorize(np.concatenate([part.posterior.lines for part in parts]))[0]
        return cls(
            np.concatenate([each.shared for each in roots]),
            np.concatenate([each.by_compound for each in roots]),
            np.concatenate(by_line),
            np.concatenate([each.alone for each in roots]),
            np.concatenate([part.factor for part in parts]),
            np.concatenate([part.mean for part in parts]),
            compound,
            assay,
            line,
            pd.factorize(compound * (line.max(initial=0) + 1) + line)[0],
        )


def _by_group(roots: Floats, group: np.ndarray, draws: int, rng: np.random.Generator) -> Floats:
    """(S, N) products of rows' roots (N, W) with standard normals that each group draws for itself."""
    found = np.empty((draws, len(roots)))
    for rows in pd.Series(np.arange(len(group))).groupby(group).indices.values():
        found[:, rows] = rng.standard_normal((draws, roots.shape[1])) @ roots[rows].T
    return found


def _shared(group: np.ndarray, draws: int, rng: np.random.Generator) -> Floats:
    """(S, N) a standard normal number that the rows of a group share."""
    return np.asarray(rng.standard_normal((draws, group.max(initial=-1) + 1))[:, group])
