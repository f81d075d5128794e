"""A small screen of one laboratory beside a model of another's large one: fitted alone, predicted, or an update.

    python tests/benchmarks/small_screen.py --root DATA --model MODEL [--draws 5]

MODEL was fitted on GDSC2 (`bdrp fit --screen gdsc2 --root DATA --split pair --out MODEL`). A draw is 20 of GDSC1's
compounds on 60 of the lines that GDSC2 knows; scored are the same compounds on GDSC1's other lines that GDSC2 knows.
What laboratories differ by is learned without GDSC1. RMSE in ln(uM), mean Spearman correlation within a compound, NLL
and the coverage of 90 % intervals, of compounds that GDSC2 measured too and of the others.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import bdrp
from bdrp.data import sources
from bdrp.data.harmonise import harmonise
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.fitted.laboratory import Laboratories
from bdrp.fitted.model import TrainedModel
from bdrp.predictive import PredictiveDistribution

LINES, DRUGS = 60, 20
PARTS = ("train", "train", "train", "train", "validation", "calibration")  # of six measured lines
KEYS = ["cell_line_id", "drug_id"]


def main() -> None:
    """Measure all draws and print a row a way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    model = TrainedModel.load(asked.model)
    large, small = (sources.load(name, root=asked.root) for name in ("gdsc2", "gdsc1"))
    target = harmonise(large, small, keep_drug_ids=True).screens[1]
    scored = pd.concat([of_draw(model, large, target, seed) for seed in range(asked.draws)], ignore_index=True)
    print(
        scored.groupby(["way", "compounds"], sort=False)[["pairs", "rmse", "within", "nll", "coverage"]].mean().round(3)
    )
    print(
        scored.pivot_table(index="way", columns=["compounds", "draw"], values="rmse", sort=False).round(3).to_string()
    )


def of_draw(model: TrainedModel, large: Screen, target: Screen, seed: int) -> pd.DataFrame:
    """The scores of every way in one draw."""
    rows, parts = drawn(large, target, seed)
    test = rows[parts.eq("test")].reset_index(drop=True)
    shared = test["drug_id"].map(target.drugs["structure_key"]).isin(large.drugs["structure_key"]).to_numpy()
    found = []
    for way, pred in predictions(model, target, rows, parts):
        for compounds, some in (("measured by both", shared), ("new", ~shared)):
            if some.any():
                found.append({"way": way, "draw": seed, "compounds": compounds} | scores(pred[some], test[some]))
    return pd.DataFrame(found)


def drawn(large: Screen, target: Screen, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """The rows of some compounds on lines that the large screen knows, and the part that each is in."""
    rng = np.random.default_rng(seed)
    rows = target.responses[target.responses["cell_line_id"].isin(large.cell_lines.index)]
    drugs = rng.permutation(np.sort(rows["drug_id"].unique()))[:DRUGS]
    rows = rows[rows["drug_id"].isin(drugs)].reset_index(drop=True)
    lines = rng.permutation(np.sort(rows["cell_line_id"].unique()))[:LINES]
    part = dict(zip(lines, np.resize(PARTS, LINES), strict=True))
    return rows, rows["cell_line_id"].map(part).fillna("test")


def predictions(
    model: TrainedModel, target: Screen, rows: pd.DataFrame, parts: pd.Series
) -> Iterator[tuple[str, PredictiveDistribution]]:
    """Every way's prediction of the test rows."""
    screen = replace(
        target,
        responses=rows,
        drugs=target.drugs[target.drugs.index.isin(rows["drug_id"])],
        cell_lines=target.cell_lines[target.cell_lines.index.isin(rows["cell_line_id"])],
        profiles={name: t[t.index.isin(rows["cell_line_id"])] for name, t in target.profiles.items()},
    )
    split = Split("cell_line", parts, 0, 0, 1, "60 measured lines", rows[KEYS])
    for method in ("mean_effects", "ridge", "last_layer"):
        held_out = bdrp.fit(screen, split, method=method).held_out_part
        assert held_out is not None  # nothing was set aside: a fit holds the split's test part out
        yield f"{method}, alone", held_out.predictions
    test, measured = rows[parts.eq("test")], rows[~parts.eq("test")]
    known = screen.drugs.rename("gdsc1:{}".format)  # an id of GDSC2 may be another compound
    pairs, measured = (each.assign(drug_id="gdsc1:" + each["drug_id"]) for each in (test, measured))
    elsewhere = Laboratories.shipped().without("gdsc1")
    asked = {"drugs": known, "profiles": screen.profiles, "pairs": pairs[KEYS].reset_index(drop=True)}
    yield "model of the large one", model.predict(**asked, laboratory=elsewhere).distribution
    updated = model.update(measured, drugs=known, profiles=screen.profiles, laboratory=elsewhere)
    yield "the same, updated", updated.predict(**asked).distribution


def scores(pred: PredictiveDistribution, observed: pd.DataFrame) -> dict[str, float]:
    """Of N pairs."""
    response = observed["response"].to_numpy()
    low, high = pred.interval(0.9).T
    by_drug = pd.DataFrame({"drug": observed["drug_id"].to_numpy(), "mean": pred.mean, "response": response}).groupby(
        "drug"
    )
    within = [each["mean"].corr(each["response"], method="spearman") for _, each in by_drug]
    return {
        "pairs": len(response),
        "rmse": float(np.sqrt(np.mean((response - pred.mean) ** 2))),
        "within": float(np.nanmean(within)),
        "nll": float(-pred.log_prob(response).mean()),
        "coverage": float(np.mean((low <= response) & (response <= high))),
    }


if __name__ == "__main__":
    main()
