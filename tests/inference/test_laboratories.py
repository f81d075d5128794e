"""Two laboratories of known differences: what sets them apart is found, and each tells of the other's compounds.

Of 40 drugs of the simulated screen "north" measures the first 32 and "south" the last 32, each 70 % of the pairs with
96 lines. South differs by an offset, one more a drug and one more a line, by how far lines lie apart, and by its noise.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data import joint, splits
from bdrp.data.screen import Screen
from bdrp.data.sources import simulated
from bdrp.fitted.laboratory_differences import measure_differences
from bdrp.fitted.prepared import Prepared, prepare
from bdrp.inference.hierarchical.similarity import KERNELS, LABORATORY
from bdrp.inference.last_layer import LastLayerFit, LastLayerMethod
from bdrp.inference.method import Runtime

LINES, DRUGS, GENES, OWN = 96, 40, 60, 8
OFFSET, BY_DRUG, BY_LINE, SLOPE = 1.0, 0.6, 0.4, 0.6
NOISE = {"north": 0.5, "south": 1.0}
KEPT = 0.7
METHOD = LastLayerMethod(lines="known", epochs=8, width=16, hidden=16, programmes=6, heads=2, factors=4)


class World(NamedTuple):
    """The joint screen; what south adds to each drug (40,) and line (96,)."""

    screen: Screen
    by_drug: pd.Series
    by_line: pd.Series


class Study(NamedTuple):
    """A split of north, the fit, and the test rows with what was predicted for them."""

    prepared: Prepared
    fitted: LastLayerFit
    rows: pd.DataFrame


@cache
def world() -> World:
    made, draw = simulated.simulate(seed=3, repeats=2), np.random.default_rng(0)
    lines, drugs = made.screen.cell_lines.index[:LINES], made.screen.drugs.index[:DRUGS]
    true = made.truth.pairs.pivot(index="cell_line_id", columns="drug_id", values="true_ln_ic50").loc[lines, drugs]
    by_drug = pd.Series(OFFSET + BY_DRUG * draw.standard_normal(DRUGS), drugs)
    by_line = pd.Series(BY_LINE * draw.standard_normal(LINES), lines)
    south = (true.mean() + by_drug + SLOPE * (true - true.mean())).add(by_line, axis=0)

    def measured(name: str, table: pd.DataFrame) -> Screen:
        kept = draw.random(table.shape) < KEPT
        line, drug = np.nonzero(kept)
        response = table.to_numpy()[kept] + NOISE[name] * draw.standard_normal(int(kept.sum()))
        ids = {"cell_line_id": lines.to_numpy()[line], "drug_id": table.columns.to_numpy()[drug]}
        rows = pd.DataFrame({**ids, "response": response, "lower_limit": np.nan, "upper_limit": np.nan})
        whole, genes = made.screen, made.screen.expression.columns[:GENES]
        tables = whole.drugs.loc[table.columns], whole.cell_lines.loc[lines], whole.expression.loc[lines, genes]
        return Screen(name, whole.measure, rows.assign(laboratory=""), *tables)

    screens = measured("north", true.iloc[:, : DRUGS - OWN]), measured("south", south.iloc[:, OWN:])
    return World(joint.join(*screens), by_drug, by_line)


@cache
def study(by: str) -> Study:
    split = splits.make_within(world().screen, "north", by=by, folds=3)
    prepared = prepare(world().screen, split).with_all_but_test()
    fitted = METHOD.fit(prepared.batch, Runtime())
    pred = fitted.predict(prepared.batch.inputs, prepared.batch.test)
    rows, (low, high) = prepared.test_table(), pred.interval(0.9).T
    covered = (low <= rows["response"]) & (rows["response"] <= high)
    shared = rows["drug_id"].isin([f"north:{drug}" for drug in world().by_drug.index[OWN:]])
    return Study(prepared, fitted, rows.assign(error=rows["response"] - pred.mean, covered=covered, shared=shared))


def differences() -> dict[str, float]:
    prepared, fitted, _ = study("pair")
    found: dict[str, float] = measure_differences(fitted, prepared.batch.inputs, prepared.screen)["south"]
    return found


def test_offset_slope_and_the_scales_of_drugs_lines_and_noise_are_found() -> None:
    found, shared = differences(), world().by_drug.iloc[OWN:-OWN]
    assert found["shared_compounds"] == len(shared) == DRUGS - 2 * OWN
    # A drug's mean over 67 lines is known to 0.15, of 24 to 0.03; what is left is shrinkage.
    assert found["offset"] == pytest.approx(shared.mean(), abs=0.15)
    assert found["by_drug"] == pytest.approx(shared.std(), rel=0.35)
    assert found["slope"] == pytest.approx(SLOPE, abs=0.12)
    # What sets lines apart is their own offset, and what the slope takes of their general sensitivity.
    assert 0.6 * BY_LINE < found["by_line"] < 1.4 * BY_LINE


def test_each_laboratory_has_its_own_noise() -> None:
    prepared, fitted, _ = study("pair")
    found = measure_differences(fitted, prepared.batch.inputs, prepared.screen)
    assert found["south"]["noise"] > 1.2 * found["north"]["noise"]
    for name, noise in NOISE.items():  # the noise holds what four factors a laboratory leave unexplained, too
        assert 0.8 * noise < found[name]["noise"] < 1.5 * noise


def test_a_pair_that_was_never_measured_is_covered() -> None:
    rows = study("pair").rows
    # 729 pairs, of which 90 % are to be covered before any recalibration: an SD of 1.1 points, were pairs independent.
    # Fewer than 84 % are five of these.
    assert len(rows) > 700 and rows["covered"].mean() > 0.84


def test_a_compound_that_the_other_laboratory_measured_is_predicted_far_better_than_one_that_none_did() -> None:
    rows = study("assay").rows
    by_compound = rows.groupby("shared")["error"].agg(lambda error: float(np.sqrt((error**2).mean())))
    assert by_compound[True] < 0.7 * by_compound[False]
    # Pairs of a compound err together: eight of them count as eight. With nine of ten covered, fewer than half of eight
    # are so once in 2,000 times, and the same of three alone once in 40.
    assert rows["drug_id"].nunique() >= 10 and rows.loc[rows["shared"], "covered"].mean() > 0.5
    alone = study("drug").rows  # the same compounds, held out of south too
    assert set(alone["drug_id"]) == set(rows["drug_id"])
    shared = alone.loc[alone["shared"], "error"]
    assert by_compound[True] < 0.7 * float(np.sqrt((shared**2).mean()))


def test_an_unseen_assay_has_the_level_and_the_noise_of_its_laboratory() -> None:
    prepared, fitted, _ = study("assay")
    inputs, test = prepared.batch.inputs, prepared.batch.test
    relations = inputs.relations
    laboratory = fitted.layer.kriging.similarity.names.index(LABORATORY)
    assert laboratory == len(KERNELS) and float(fitted.layer.kriging.shares[0, laboratory]) > 0

    trained = np.asarray(prepared.batch.features.drugs.laboratories)

    def predict(name: str) -> tuple[float, float]:
        elsewhere = torch.as_tensor(trained != name).float().expand_as(relations.elsewhere)
        unseen = (inputs.drug_effect < 0)[:, None]
        moved = relations._replace(elsewhere=torch.where(unseen, elsewhere, relations.elsewhere))
        pred = fitted.predict(replace(inputs, relations=moved), test)
        return float(pred.mean.mean()), float(np.sqrt(pred.aleatoric.mean()))

    (north, north_noise), (south, south_noise) = predict("north"), predict("south")
    assert south - north > 0.3 * OFFSET  # shrunken: a level of two laboratories is told by two
    assert south_noise > 1.2 * north_noise


def test_a_screen_of_one_laboratory_has_no_differences() -> None:
    prepared, fitted, _ = study("pair")
    alone = Screen(
        "alone",
        prepared.screen.measure,
        prepared.screen.responses,
        prepared.screen.drugs.drop(columns="laboratory"),
        prepared.screen.cell_lines,
        prepared.screen.expression,
    )
    assert measure_differences(fitted, prepared.batch.inputs, alone) == {}
