"""Three kernels a drug on the rows of small_screen.py: a reference that takes nothing of bdrp but the rows.

    python tests/benchmarks/small_screen_kernels.py --root DATA [--draws 5]

A Gaussian process a drug, with kernels of expression, of what a factor analysis makes of the line's responses in GDSC2,
and of the same compound's values there; the weights of the kernels, the noise and the mean slope on the compound's
values are one set a draw, of highest marginal likelihood. GDSC2's rows are those that `bdrp fit --split pair` fits.
RMSE in ln(uM) and mean Spearman correlation within a compound.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from small_screen import drawn

from bdrp.data import sources, splits
from bdrp.data.harmonise import harmonise
from bdrp.data.screen import Screen

RANK, PENALTY, ROUNDS = 30, 1.5, 25  # of the factor analysis of GDSC2
LEVEL = 100.0  # variance of a drug's mean: as good as free
NONE = -30.0  # the log of what is no variance
START, THREE = [-2.0, -1.0, -2.0, 0.3, 0.5], [(-10.0, 3.0)] * 4 + [(-1.0, 2.0)]
ONE = [(-10.0, 3.0), (NONE, NONE), (NONE, NONE), (-10.0, 3.0), (0.0, 0.0)]
"""Logs of the kernels' weights and of the noise, and the slope: where the search starts, and how far it goes."""


class Drug(NamedTuple):
    """Measured and asked lines of one drug, by position, their responses, and its values in GDSC2, if it has any."""

    measured: list[int]
    response: np.ndarray
    asked: list[int]
    truth: np.ndarray
    elsewhere: np.ndarray | None


def main() -> None:
    """Measure all draws and print a row a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    asked = parser.parse_args()
    large, small = (sources.load(name, root=asked.root) for name in ("gdsc2", "gdsc1"))
    target = harmonise(large, small, keep_drug_ids=True).screens[1]
    denoised, kernels = profiles(large)
    found = [
        {"way": way, "draw": seed} | scores
        for seed in range(asked.draws)
        for way, bounds in (("three kernels", THREE), ("expression alone", ONE))
        for scores in of_draw(drugs_of(seed, large, target, denoised), kernels, bounds)
    ]
    scored = pd.DataFrame(found)
    print(scored.groupby(["way", "compounds"], sort=False)[["pairs", "rmse", "within"]].mean().round(3))
    print(
        scored.pivot_table(index="way", columns=["compounds", "draw"], values="rmse", sort=False).round(3).to_string()
    )


def profiles(large: Screen) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Denoised responses (L, D) of the large screen, and two kernels (L, L): of expression, and of these."""
    split = splits.make(large, "pair", seed=0, fold=0, folds=5)
    rows = large.responses.drop(index=large.responses.index[split.rows("test")])
    table = rows.pivot_table(index="cell_line_id", columns="drug_id", values="response")
    genes = large.expression.loc[table.index]
    genes = genes.loc[:, genes.notna().mean() > 0.8]
    scaled = ((genes.fillna(genes.mean()) - genes.mean()) / (genes.std() + 1e-6)).clip(-6, 6).to_numpy()
    denoised = table.mean() + factors(table - table.mean())
    return denoised, [normalised(scaled), normalised(denoised.to_numpy())]


def factors(table: pd.DataFrame) -> pd.DataFrame:
    """What a factor analysis by alternating ridge regressions makes of a table (L, D) with gaps."""
    known, values, rng = table.notna().to_numpy(), table.fillna(0.0).to_numpy(), np.random.default_rng(0)
    line, drug = 0.1 * rng.standard_normal((len(table), RANK)), np.zeros((table.shape[1], RANK))
    for _ in range(ROUNDS):
        drug = np.stack([ridge(line[seen], y[seen]) for seen, y in zip(known.T, values.T, strict=True)])
        line = np.stack([ridge(drug[seen], y[seen]) for seen, y in zip(known, values, strict=True)])
    return pd.DataFrame(line @ drug.T, table.index, table.columns)


def ridge(design: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Coefficients (R,)."""
    return np.linalg.solve(design.T @ design + PENALTY * np.eye(RANK), design.T @ response)


def normalised(columns: np.ndarray) -> np.ndarray:
    """A linear kernel (L, L) of centred columns, with a mean variance of 1."""
    centred = columns - columns.mean(0)
    kernel = centred @ centred.T
    return kernel / kernel.diagonal().mean()


def drugs_of(seed: int, large: Screen, target: Screen, denoised: pd.DataFrame) -> list[Drug]:
    """The compounds of one draw."""
    rows, parts = drawn(large, target, seed)
    place = {line: at for at, line in enumerate(denoised.index)}
    rows, parts = rows[rows["cell_line_id"].isin(place)], parts[rows["cell_line_id"].isin(place)]
    found = []
    for drug, own in rows.groupby("drug_id"):
        test = parts[own.index].eq("test").to_numpy()
        at = own["cell_line_id"].map(place).to_numpy()
        ids = large.drugs.index[large.drugs["structure_key"] == target.drugs["structure_key"][drug]]
        elsewhere = denoised[denoised.columns.intersection(ids)].mean(axis=1).to_numpy() if len(ids) else None
        centred = None if elsewhere is None else elsewhere - elsewhere.mean()
        y = own["response"].to_numpy()
        found.append(Drug([*at[~test]], y[~test], [*at[test]], y[test], centred))
    return [each for each in found if len(each.measured) > 2 and each.asked]


def of_draw(drugs: list[Drug], kernels: list[np.ndarray], bounds: list[tuple[float, float]]) -> list[dict[str, object]]:
    """The scores of compounds that both measured, and of the others."""
    start = np.clip(START, *np.transpose(bounds))
    weights = minimize(loss, start, (drugs, kernels), "L-BFGS-B", bounds=bounds, options={"maxiter": 60}).x
    found = []
    for compounds, shared in (("measured by both", True), ("new", False)):
        some = [each for each in drugs if (each.elsewhere is not None) == shared]
        means = [predicted(weights, each, kernels) for each in some]
        error = np.concatenate([each.truth - mean for each, mean in zip(some, means, strict=True)])
        ranks = [pd.Series(m).corr(pd.Series(each.truth), "spearman") for each, m in zip(some, means, strict=True)]
        rmse = float(np.sqrt(np.mean(error**2)))
        found.append({"compounds": compounds, "pairs": len(error), "rmse": rmse, "within": float(np.nanmean(ranks))})
    return found


def loss(weights: np.ndarray, drugs: list[Drug], kernels: list[np.ndarray]) -> float:
    """Negative log marginal likelihood of what was measured, over all drugs."""
    value = 0.0
    for each in drugs:
        covariance, left = prior(weights, each, each.measured, kernels), residual(weights, each)
        factor = cho_factor(covariance + np.exp(weights[3]) * np.eye(len(left)), lower=True)
        value += 0.5 * left @ cho_solve(factor, left) + np.log(np.diag(factor[0])).sum()
    return float(value)


def predicted(weights: np.ndarray, drug: Drug, kernels: list[np.ndarray]) -> np.ndarray:
    """Means of the asked lines."""
    covariance = prior(weights, drug, drug.measured, kernels) + np.exp(weights[3]) * np.eye(len(drug.measured))
    solved = np.linalg.solve(covariance, residual(weights, drug))
    known = 0.0 if drug.elsewhere is None else weights[4] * drug.elsewhere[drug.asked]
    return drug.response.mean() + known + prior(weights, drug, drug.asked, kernels) @ solved


def prior(weights: np.ndarray, drug: Drug, lines: list[int], kernels: list[np.ndarray]) -> np.ndarray:
    """Covariance of some lines with the measured ones."""
    at = np.ix_(lines, drug.measured)
    covariance = LEVEL + np.exp(weights[0]) * kernels[0][at] + np.exp(weights[1]) * kernels[1][at]
    if drug.elsewhere is not None:
        covariance += np.exp(weights[2]) * np.outer(drug.elsewhere[lines], drug.elsewhere[drug.measured])
    return covariance


def residual(weights: np.ndarray, drug: Drug) -> np.ndarray:
    """Measured responses less their mean and what the compound's values in GDSC2 say."""
    known = 0.0 if drug.elsewhere is None else weights[4] * drug.elsewhere[drug.measured]
    return drug.response - drug.response.mean() - known


if __name__ == "__main__":
    main()
