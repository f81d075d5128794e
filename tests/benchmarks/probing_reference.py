"""A probing panel without a network: ridge means, and the covariance of their leave-one-out residuals.

    python tests/benchmarks/probing_reference.py --root DATA --folds 0 1 2 3 4

An outside reference for `probing_panels.py` on the same rows of GDSC2. A drug's mean is a kernel ridge on standardised
expression (linear, penalty 1); what drugs have in common on a line is a factor analysis of rank 30 of the residuals of
training lines, each predicted without itself; new lines are conditioned in closed form, with normal noise. A panel is
greedy A-optimal over the drugs that are *not* in it, and once more over all drugs, its own among them: that one may
take variable drugs out of the score, which k = 0 on the same pairs shows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data import sources, splits
from bdrp.data.screen import Screen

COUNTS = (0, 1, 3, 5, 10, 20)
RANK = 30
STEPS = 40
LEAST_NOISE = 0.05
Z90 = 1.645


def main() -> None:
    """Measure and print a table a fold, and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    screen = sources.load("gdsc2", given.root)
    tables = []
    for fold in given.folds:
        residuals, errors = residuals_and_errors(screen, fold)
        loadings, noise = analyse_factors(residuals)
        for others in (True, False):
            table = scored(errors, loadings, noise, choose(loadings, noise, others=others))
            tables.append(table.assign(panel="others" if others else "all", fold=fold))
            print(tables[-1].round(4).to_string(index=False), flush=True)
    print(pd.concat(tables).drop(columns="fold").groupby(["panel", "k"]).mean().round(3).to_string())


def residuals_and_errors(screen: Screen, fold: int) -> tuple[np.ndarray, np.ndarray]:
    """Leave-one-out residuals (L, D) of training lines and errors (M, D) of test lines; NaN where not measured."""
    split = splits.make(screen, "cell_line", seed=0, folds=5, fold=fold, partition="published")
    y = screen.responses.pivot_table(index="cell_line_id", columns="drug_id", values="response")
    held_out = y.index.isin(screen.responses["cell_line_id"].iloc[split.rows("test")].unique())
    expression = screen.expression.loc[y.index]
    mean, deviation = expression[~held_out].mean(), expression[~held_out].std() + 1e-6
    z = ((expression - mean) / deviation).fillna(0).clip(-6, 6).to_numpy(np.float64)
    kernel, values = z @ z.T / z.shape[1], y.to_numpy()
    found = np.full(values.shape, np.nan)
    for drug in range(values.shape[1]):
        at = np.flatnonzero(~held_out & np.isfinite(values[:, drug]))
        level = values[at, drug].mean()
        inverse = np.linalg.inv(kernel[np.ix_(at, at)] + np.eye(len(at)))
        weights = inverse @ (values[at, drug] - level)
        found[:, drug] = values[:, drug] - level - kernel[:, at] @ weights
        found[at, drug] = weights / np.diag(inverse)
    return found[~held_out], found[held_out]


def analyse_factors(residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loadings (D, RANK) and noise (D,) of highest likelihood, by expectation-maximisation over measured cells."""
    held = np.isfinite(residuals)
    known, ones = np.where(held, residuals, 0.0), held.astype(float)
    covariance = known.T @ known / np.maximum(ones.T @ ones, 1)
    noise = 0.5 * np.diag(covariance)
    values, vectors = np.linalg.eigh(covariance - np.diag(noise))
    loadings = vectors[:, -RANK:] * np.sqrt(np.maximum(values[-RANK:], 1e-3))
    for _ in range(STEPS):
        scaled = loadings / noise[:, None]
        precision = np.eye(RANK) + np.einsum("ld,dr,ds->lrs", ones, scaled, loadings, optimize=True)
        variance = np.linalg.inv(precision)
        mean = np.einsum("lrs,ls->lr", variance, known @ scaled)
        square = np.tensordot(ones, variance + mean[:, :, None] * mean[:, None], (0, 0))
        across = known.T @ mean
        loadings = np.linalg.solve(square, across[:, :, None])[:, :, 0]
        noise = np.maximum(((known**2).sum(0) - (loadings * across).sum(1)) / ones.sum(0), LEAST_NOISE)
    return loadings, noise


def choose(loadings: np.ndarray, noise: np.ndarray, *, others: bool) -> np.ndarray:
    """The drugs that greedily take most variance off the others, or off all drugs."""
    left, panel = loadings @ loadings.T, list[int]()
    for _ in range(max(COUNTS)):
        total = left.diagonal() + noise
        gain = ((left**2).sum(1) - left.diagonal() ** 2) / total + (0.0 if others else total)
        gain[panel] = -np.inf
        best = int(gain.argmax())
        panel.append(best)
        left = left - np.outer(left[best], left[best]) / total[best]
    return np.array(panel)


def scored(errors: np.ndarray, loadings: np.ndarray, noise: np.ndarray, panel: np.ndarray) -> pd.DataFrame:
    """RMSE and coverage of 90 % over the drugs that are not in the panel, without and with it."""
    covariance, found = loadings @ loadings.T + np.diag(noise), []
    for count in COUNTS:
        before, after, inside = [], [], []
        for line in errors:
            measured = panel[:count][np.isfinite(line[panel[:count]])]
            rest = np.setdiff1d(np.flatnonzero(np.isfinite(line)), panel[:count])
            weights = np.linalg.solve(covariance[np.ix_(measured, measured)], covariance[np.ix_(measured, rest)])
            error = line[rest] - line[measured] @ weights
            sd = np.sqrt(covariance.diagonal()[rest] - (weights * covariance[np.ix_(measured, rest)]).sum(0))
            before.append(line[rest])
            after.append(error)
            inside.append(np.abs(error) <= Z90 * sd)
        sizes = (float(np.sqrt(np.mean(np.concatenate(some) ** 2))) for some in (before, after))
        found.append((count, *sizes, float(np.concatenate(inside).mean())))
    return pd.DataFrame(found, columns=["k", "k = 0", "RMSE", "coverage"])


if __name__ == "__main__":
    main()
