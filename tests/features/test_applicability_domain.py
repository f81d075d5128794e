from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.data import splits
from bdrp.data.identifiers import structure_key
from bdrp.data.screen import Screen
from bdrp.features import applicability_domain, batch
from bdrp.features.applicability_domain import ApplicabilityDomain
from bdrp.features.batch import Batch, Inputs


@pytest.fixture(scope="module")
def held_out(tiny_screen: Screen) -> Batch:
    """Lines and drugs of the test part are unseen."""
    return batch.prepare(tiny_screen, splits.make(tiny_screen, "both", folds=3), components=8)


@pytest.fixture(scope="module")
def domain(held_out: Batch, tiny_screen: Screen) -> ApplicabilityDomain:
    return applicability_domain.fit(held_out, tiny_screen.drugs)


def inputs_of(made: Batch, screen: Screen, expression: pd.DataFrame) -> Inputs:
    return made.features.inputs(screen.drugs, expression.astype(np.float32))


def test_trained_drugs_are_like_themselves(held_out: Batch, domain: ApplicabilityDomain, tiny_screen: Screen) -> None:
    table = domain.compare_drugs(held_out.inputs)
    assert list(table.index) == list(held_out.inputs.drug_ids)
    assert table.loc[list(domain.drug_ids), "drug_similarity"].to_numpy() == pytest.approx(1)
    for drug in domain.drug_ids:
        assert table.loc[drug, "nearest_drugs"].startswith(f"{tiny_screen.drugs.loc[drug, 'name']} (1.00); ")


def test_unseen_drugs_are_unlike_every_trained_drug(held_out: Batch, domain: ApplicabilityDomain) -> None:
    unseen = np.asarray(held_out.inputs.drug_ids)[(held_out.inputs.drug_effect < 0).numpy()]
    similarity = domain.compare_drugs(held_out.inputs).loc[unseen, "drug_similarity"]
    assert len(similarity) and (similarity < 1).all() and (similarity > 0).all()


def test_as_many_nearest_drugs_are_named_as_there_are() -> None:
    one = ApplicabilityDomain(("a",), ("Alpha",), torch.ones(1, 1024), torch.zeros(1, 2), torch.zeros(1))
    inputs = type("Fake", (), {"molecules": type("M", (), {"fingerprints": torch.ones(2, 1024)}), "drug_ids": "xy"})
    assert one.compare_drugs(inputs)["nearest_drugs"].tolist() == ["Alpha (1.00)"] * 2  # type: ignore[arg-type]


def test_training_lines_are_nearer_than_any_two_of_them(held_out: Batch, domain: ApplicabilityDomain) -> None:
    table = domain.compare_lines(held_out.features, held_out.inputs)
    known = (held_out.inputs.line_effect >= 0).numpy()
    assert (table["line_distance_percentile"][known] == 0).all()
    assert (table["line_distance_percentile"][~known] > 0).any()
    assert table["line_distance_percentile"].between(0, 1).all()


def test_a_line_from_another_world_is_farther_than_all(
    held_out: Batch, domain: ApplicabilityDomain, tiny_screen: Screen
) -> None:
    far = tiny_screen.expression[:1] + 50 * np.random.default_rng(0).normal(size=(1, 50))
    far.index = pd.Index(["far"], name="cell_line_id")
    percentile = domain.compare_lines(held_out.features, inputs_of(held_out, tiny_screen, far))[
        "line_distance_percentile"
    ]
    assert percentile.tolist() == [1.0]


def test_no_training_line_collides(held_out: Batch, domain: ApplicabilityDomain) -> None:
    assert domain.find_id_collisions(held_out.features, held_out.inputs) == []


def test_a_line_with_anothers_expression_collides(
    held_out: Batch, domain: ApplicabilityDomain, tiny_screen: Screen
) -> None:
    first, second = held_out.features.lines[:2]
    swapped = tiny_screen.expression
    swapped.loc[first] = swapped.loc[second].to_numpy()
    assert domain.find_id_collisions(held_out.features, inputs_of(held_out, tiny_screen, swapped)) == [first]


def test_a_line_measured_again_with_a_little_noise_does_not_collide(
    held_out: Batch, domain: ApplicabilityDomain, tiny_screen: Screen
) -> None:
    noise = 0.05 * tiny_screen.expression.std().to_numpy() * np.random.default_rng(1).normal(size=(36, 50))
    again = inputs_of(held_out, tiny_screen, tiny_screen.expression + noise)
    assert domain.find_id_collisions(held_out.features, again) == []


def test_unseen_lines_never_collide(held_out: Batch, domain: ApplicabilityDomain) -> None:
    unseen = replace(held_out.inputs, line_effect=torch.full((36,), -1))
    assert domain.find_id_collisions(held_out.features, unseen) == []


def test_one_training_line_has_no_collision_and_no_neighbour(tiny_screen: Screen) -> None:
    responses = tiny_screen.responses
    first = responses["cell_line_id"].iloc[0]
    parts = pd.Series(np.where(responses["cell_line_id"] == first, "train", "test"))
    split = splits.Split("file", parts, 0, 0, 1, "one line", responses[["cell_line_id", "drug_id"]])
    made = batch.prepare(tiny_screen, split, components=8)
    lonely = applicability_domain.fit(made, tiny_screen.drugs)
    assert lonely.find_id_collisions(made.features, made.inputs) == []
    assert np.isfinite(lonely.compare_lines(made.features, made.inputs)["line_distance_percentile"]).all()


def test_twin_training_lines_do_not_collide(small_screen: Screen) -> None:
    twins = small_screen.expression
    twins[:] = np.float32([0.1, 0.7, -1.3, 0.9])
    screen = Screen(
        "t", small_screen.measure, small_screen.responses, small_screen.drugs, small_screen.cell_lines, twins
    )
    parts = pd.Series(["train"] * 6)
    split = splits.Split("file", parts, 0, 0, 1, "", screen.responses[["cell_line_id", "drug_id"]])
    made = batch.prepare(screen, split)
    assert applicability_domain.fit(made, screen.drugs).find_id_collisions(made.features, made.inputs) == []


def test_the_domain_survives_being_saved(held_out: Batch, domain: ApplicabilityDomain) -> None:
    state = domain.state()
    assert state["fingerprints"].dtype == torch.uint8
    again = applicability_domain.restore(domain.drug_ids, domain.drug_names, state)
    pd.testing.assert_frame_equal(again.compare_drugs(held_out.inputs), domain.compare_drugs(held_out.inputs))
    pd.testing.assert_frame_equal(
        again.compare_lines(held_out.features, held_out.inputs),
        domain.compare_lines(held_out.features, held_out.inputs),
    )


def test_the_names_of_two_ids_of_one_structure_are_both_kept(small_screen: Screen) -> None:
    drugs = small_screen.drugs.assign(smiles=["CCO", "CCO"], structure_key=[structure_key("CCO")] * 2)
    screen = Screen(
        "t",
        small_screen.measure,
        small_screen.responses,
        drugs,
        small_screen.cell_lines,
        small_screen.expression,
    )
    parts = pd.Series(["train"] * 6)
    split = splits.Split("file", parts, 0, 0, 1, "", screen.responses[["cell_line_id", "drug_id"]])
    made = batch.prepare(screen, split)
    assert applicability_domain.fit(made, screen.drugs).drug_names == ("A", "B")
