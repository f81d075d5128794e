"""A drug id is an assay: it is known by id and structure, and others by what they share with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bdrp.features.drugs import (
    OF_THE_COMPOUND,
    DrugRelations,
    NamedSets,
    TrainingDrugs,
    name_pathway,
    name_targets,
    share_in_common,
)


def table(**columns: Any) -> pd.DataFrame:
    """Drugs a, b, … with the columns."""
    count = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.Index(list("abcdefgh")[:count], name="drug_id"))


@pytest.fixture
def trained() -> TrainingDrugs:
    """Ids a and c of structure X, b of structure W."""
    return TrainingDrugs.from_table(
        table(
            structure_key=["X", "W", "X"],
            target=["EGFR, ERBB2", "", "BRAF"],
            pathway=["EGFR signaling", "Other", "ERK MAPK signaling"],
        )
    )


def test_ids_of_one_compound_stand_next_to_each_other(trained: TrainingDrugs) -> None:
    assert (trained.compounds, trained.ids) == (("W", "X", "X"), ("b", "a", "c"))
    assert trained.targets == ((), ("EGFR", "ERBB2"), ("BRAF",))
    assert trained.pathways == ("", "egfr signaling", "erk mapk signaling")
    assert len(trained) == 3 and len(set(trained.labels)) == 3


def test_a_drug_is_the_trained_one_by_id_and_structure_alone(trained: TrainingDrugs) -> None:
    asked = pd.DataFrame({"structure_key": ["X", "X", "W", "V"]}, index=["a", "other", "a", "b"])
    # the same; another id of the compound; the same id with another structure that is known; with one that is not
    assert trained.positions(asked).tolist() == [1, -1, -1, -1]
    assert trained.relations(asked).compound.tolist() == [[0, 1, 1], [0, 1, 1], [1, 0, 0], [0, 0, 0]]


def test_a_model_that_was_fitted_without_ids_knows_structures() -> None:
    earlier = TrainingDrugs(("W", "X"))
    asked = pd.DataFrame({"structure_key": ["X", "X", "V"]}, index=["a", "other", "b"])
    assert earlier.positions(asked).tolist() == [1, 1, -1]
    relations = earlier.relations(asked.assign(target="EGFR", pathway="x"))
    assert not relations.target.any() and not relations.pathway.any() and earlier.labels == ("W", "X")


def test_targets_in_common_are_counted_among_all_that_either_has(trained: TrainingDrugs) -> None:
    asked = table(structure_key=["U"] * 4, target=["egfr; KIT|egfr", "ERBB2,EGFR", "KDR", ""])
    # by hand, with EGFR, ERBB2: one of {EGFR, ERBB2, KIT}; both of both; none; nothing is named
    assert trained.relations(asked).target[:, 1].tolist() == pytest.approx([1 / 3, 1, 0, 0])


def test_what_is_not_named_is_in_common_with_nobody(trained: TrainingDrugs) -> None:
    for asked in (
        table(structure_key=["U"], target=[""], pathway=["unclassified"]),
        table(structure_key=["U"], target=[None], pathway=[" Other "]),
        table(structure_key=["U"], target=["Unknown"], pathway=["unknown"]),
        table(structure_key=["U"]),
    ):
        relations = trained.relations(asked)
        assert not relations.target.any() and not relations.pathway.any()
    assert not trained.relations(table(structure_key=["U"], target=["BRAF"], pathway=["a"])).target[:, 0].any()


def test_pathways_are_the_same_whatever_their_capitals(trained: TrainingDrugs) -> None:
    asked = table(structure_key=["U", "U"], pathway=["EGFR Signaling ", "p53 pathway"])
    assert trained.relations(asked).pathway.tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("EGFR, erbb2; EGFR", ("EGFR", "ERBB2")),
        (" ; ,", ()),
        ("", ()),
        ("a|B", ("A", "B")),
        ("KIT, others", ("KIT",)),
        ("not defined", ()),
    ],
)
def test_targets_are_named_in_capitals_and_once(cell: str, names: tuple[str, ...]) -> None:
    assert name_targets(cell) == names


@pytest.mark.parametrize(("cell", "name"), [(" DNA replication", "dna replication"), ("OTHER", ""), ("", "")])
def test_pathways_are_named_in_small_letters(cell: str, name: str) -> None:
    assert name_pathway(cell) == name


def test_shares_in_common_are_those_of_sets() -> None:
    draw = np.random.default_rng(0)
    left, right = ([draw.choice(list("ABCDE"), n, replace=False) for n in draw.integers(0, 5, 12)] for _ in range(2))
    found = share_in_common(left, NamedSets.of(right))
    for i, one in enumerate(map(set, left)):
        for j, two in enumerate(map(set, right)):
            assert found[i, j] == pytest.approx(len(one & two) / max(len(one | two), 1))


def test_what_is_saved_is_restored(trained: TrainingDrugs) -> None:
    saved = json.loads(json.dumps({"compounds": trained.compounds, **trained.to_json()}))
    assert TrainingDrugs.restore(saved) == trained
    assert TrainingDrugs.restore({"compounds": ["W", "X"]}) == TrainingDrugs(("W", "X"))


@pytest.mark.parametrize("name", ["ids", "targets", "pathways"])
def test_columns_of_unlike_lengths_are_refused(trained: TrainingDrugs, name: str) -> None:
    saved = {"compounds": trained.compounds, **trained.to_json()}
    with pytest.raises(ValueError, match=f"2 {name}"):
        TrainingDrugs.restore(saved | {name: saved[name][:2]})


def test_a_drug_that_stands_twice_is_refused(trained: TrainingDrugs) -> None:
    saved = {"compounds": trained.compounds, **trained.to_json()}
    with pytest.raises(ValueError, match="1 of its training drugs stand twice"):
        TrainingDrugs.restore({name: [*column, column[0]] for name, column in saved.items()})


def test_relations_are_selected_and_averaged_by_drug(trained: TrainingDrugs) -> None:
    relations = trained.relations(table(structure_key=["X", "W", "V"]))
    assert relations.average(torch.tensor([5.0, 1.0, 2.0])).tolist()[:2] == pytest.approx([1.5, 5])
    assert bool(relations.average(torch.tensor([5.0, 1.0, 2.0]))[2].isnan())
    assert relations.select(torch.tensor([1])).compound.tolist() == [[1, 0, 0]]
    assert relations.ids.tolist() == [2, 1, 0]
    assert [part.shape for part in DrugRelations.unrelated(2, 3)] == [(2, 3)] * 4


def test_an_unseen_id_borrows_what_the_conditional_normal_says() -> None:
    """Effects with variance c between compounds and 1 - c between ids of one: by the formula of a joint normal."""
    share, ids = 0.7, 3
    whole = share + (1 - share) * torch.eye(ids + 1).double()  # of four ids of one compound
    weights = torch.linalg.solve(whole[:ids, :ids], whole[:ids, ids])
    effects = torch.tensor([0.5, -1.0, 2.0, 9.0]).double()
    relations = DrugRelations.unrelated(2, 4)._replace(compound=torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 0]]))
    mean, left = relations.borrow(effects, share)
    assert mean.tolist() == pytest.approx([float(weights @ effects[:3]), 0])
    assert left.tolist() == pytest.approx([float(1 - weights @ whole[:ids, ids]), 1])
    tables = relations.borrow(torch.stack([effects, 2 * effects], dim=1), share)[0]
    assert tables[0].tolist() == pytest.approx([float(mean[0]), 2 * float(mean[0])])


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_the_share_that_ids_have_in_common_is_found(share: float) -> None:
    draw = np.random.default_rng(1)
    compound = np.repeat(np.arange(400), 2)
    effects = share**0.5 * draw.standard_normal(400)[compound] + (1 - share) ** 0.5 * draw.standard_normal(800)
    drugs = TrainingDrugs(tuple(map(str, compound)), tuple(map(str, range(800))))
    # an intraclass correlation of 400 pairs has a standard error of (1 - c^2) / 20: this is four
    assert drugs.share_of_compounds(torch.as_tensor(effects)) == pytest.approx(share, abs=4 * (1 - share**2) / 20)


def test_where_no_compound_has_two_ids_the_share_is_that_of_other_screens() -> None:
    effects = torch.randn(9, generator=torch.Generator().manual_seed(0))
    assert TrainingDrugs(tuple("abcdefghi")).share_of_compounds(effects) == pytest.approx(OF_THE_COMPOUND)
    assert TrainingDrugs(("a",)).share_of_compounds(torch.ones(1)) == pytest.approx(OF_THE_COMPOUND)
