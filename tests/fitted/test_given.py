"""What Python's doors take: each form of a table gives the same predictions, and meets the checks of a file."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bdrp
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.explain import explain
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.update import update
from bdrp.report.answers import ask_model

ASPIRIN, ETHANOL = "CC(=O)Oc1ccccc1C(=O)O", "CCO"
DRUGS = pd.DataFrame({"drug_id": ["aspirin", "ethanol"], "smiles": [ASPIRIN, ETHANOL]})


@pytest.fixture
def model(trained: tuple[TrainedModel, Path]) -> TrainedModel:
    return trained[0]


@pytest.fixture
def sample(tiny_screen: Screen) -> pd.Series:
    """One sample by gene, between two lines."""
    return (tiny_screen.expression.iloc[0] + tiny_screen.expression.iloc[1]).div(2).rename("biopsy")


def means(model: TrainedModel, **tables: Any) -> dict[tuple[str, str], float]:
    frame = bdrp.predict(model, **tables).to_frame()
    return dict(zip(zip(frame["cell_line_id"], frame["drug_id"], strict=True), frame["mean"], strict=True))


@pytest.mark.parametrize(
    "drugs",
    [
        DRUGS,
        DRUGS.set_index("drug_id"),
        DRUGS.set_index("drug_id").rename_axis(None),
        DRUGS.rename(columns={"drug_id": "Compound", "smiles": "Canonical SMILES"}),
        DRUGS[::-1],
        DRUGS.set_index("drug_id")["smiles"],
        {"aspirin": ASPIRIN, "ethanol": ETHANOL},
        DRUGS.to_dict("list"),
        DRUGS.to_dict("records"),
        [("aspirin", ASPIRIN), ("ethanol", ETHANOL)],
    ],
    ids=["frame", "index", "unnamed index", "aliases", "other order", "series", "dict", "columns", "records", "list"],
)
def test_every_form_of_drugs_is_the_same_question(model: TrainedModel, sample: pd.Series, drugs: Any) -> None:
    keys = {"structure_key": [bdrp.data.identifiers.structure_key(smiles) for smiles in DRUGS["smiles"]]}
    internal = DRUGS.assign(**keys).set_index("drug_id")
    assert means(model, drugs=drugs, expression=sample) == means(model, drugs=internal, expression=sample)


def test_a_file_of_drugs_and_smiles_alone_will_do(model: TrainedModel, sample: pd.Series, tmp_path: Path) -> None:
    DRUGS.to_csv(tmp_path / "drugs.csv", index=False)
    by_name = means(model, drugs=DRUGS, expression=sample)
    assert means(model, drugs=tmp_path / "drugs.csv", expression=sample) == by_name
    alone = means(model, drugs=[ASPIRIN, ETHANOL], expression=sample)
    assert alone == {("biopsy", smiles): by_name["biopsy", name] for name, smiles in zip(*DRUGS.T.values, strict=True)}


@pytest.mark.parametrize("form", ["dict", "nested", "frame", "genes in rows", "column", "AnnData"])
def test_every_form_of_a_sample_is_the_same_question(model: TrainedModel, sample: pd.Series, form: str) -> None:
    row = sample.to_frame().T
    forms: dict[str, Any] = {
        "dict": sample.to_dict(),
        "nested": {"biopsy": sample.to_dict()},
        "frame": row,
        "genes in rows": sample.to_frame().rename_axis("gene"),
        "column": row.reset_index(names="sample"),
    }
    if form == "AnnData":
        given = pytest.importorskip("anndata").AnnData(row.astype(object).astype(np.float32))
    else:
        given = forms[form]
    seen = means(model, drugs=DRUGS, expression=given)
    asked = means(model, drugs=DRUGS, expression=sample)
    assert list(seen.values()) == pytest.approx(list(asked.values()), abs=1e-6)
    assert {line for line, _ in seen} == ({"sample"} if form == "dict" else {"biopsy"})


def test_pairs_may_name_drugs_and_lines(model: TrainedModel, tiny_screen: Screen) -> None:
    line, drug = tiny_screen.cell_lines["name"].iloc[[3]], tiny_screen.drugs["name"].iloc[[2]]
    named = bdrp.predict(model, screen=tiny_screen, pairs=[(line.iloc[0].lower(), drug.iloc[0].upper())])
    assert named.to_frame()[["cell_line_id", "drug_id"]].to_numpy().tolist() == [[line.index[0], drug.index[0]]]
    with pytest.raises(DataError, match="no structure: nodrug"):
        bdrp.predict(model, screen=tiny_screen, pairs=[(line.index[0], "nodrug")])
    twice = replace(tiny_screen, drugs=tiny_screen.drugs.assign(name="Same"))
    with pytest.raises(DataError, match="'same' is the name of .* drugs: .*Give the id"):
        bdrp.predict(model, screen=twice, pairs=[(line.index[0], "same")])


def test_pairs_may_be_a_list_and_the_screen_a_name(model: TrainedModel, tiny_screen: Screen) -> None:
    pairs = [("SIM0001", "D002"), ("SIM0005", "D001")]
    frame = pd.DataFrame(pairs, columns=["cell_line_id", "drug_id"])
    assert means(model, screen=tiny_screen, pairs=pairs) == means(model, screen=tiny_screen, pairs=frame)
    assert list(means(model, screen="simulated", pairs=pairs)) == pairs


def test_the_methods_of_a_model_take_what_the_functions_take(model: TrainedModel, sample: pd.Series) -> None:
    own = model.predict({"aspirin": ASPIRIN}, sample).distribution.mean
    assert own == pytest.approx(means(model, drugs={"aspirin": ASPIRIN}, expression=sample)["biopsy", "aspirin"])


def test_structures_that_cannot_be_read_are_named(model: TrainedModel, sample: pd.Series) -> None:
    with pytest.raises(DataError, match=r"drugs has 2 drugs whose structure cannot be used \(drug_id bad, worse\)"):
        bdrp.predict(model, drugs={"good": "CCO", "bad": "C1CC", "worse": "nonsense"}, expression=sample)


@pytest.mark.parametrize(
    ("drugs", "match"),
    [
        (7, "drugs is a int. Allowed: a DataFrame"),
        (np.array(["CCO"]), "drugs is a ndarray"),
        ({}, "drugs"),
        ([("a", "CCO", "more")], "drugs is a list"),
        (DRUGS.assign(drug_id=["one", "one"]), "gives 1 drug ids two or more structures"),
        (
            pd.DataFrame({"drug_id": ["a"], "structure": ["CCO"]}),
            "has no column smiles. Its columns are drug_id, struc",
        ),
    ],
)
def test_what_is_no_table_of_drugs_is_refused(model: TrainedModel, sample: pd.Series, drugs: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        bdrp.predict(model, drugs=drugs, expression=sample)


def test_the_scale_of_expression_is_looked_at_and_may_be_stated(
    model: TrainedModel, tiny_screen: Screen, caplog: pytest.LogCaptureFixture
) -> None:
    tpm = np.exp2(tiny_screen.expression) - 1
    with pytest.raises(DataError, match="looks like"):
        bdrp.predict(model, drugs=DRUGS, expression=tpm)
    caplog.set_level(logging.INFO, "bdrp")
    said = means(model, drugs=DRUGS, expression=tpm, expression_scale="tpm")
    asked = means(model, drugs=DRUGS, expression=tiny_screen.expression)
    assert list(said.values()) == pytest.approx(list(asked.values()), abs=1e-3)
    assert "log2" in caplog.text


def test_an_update_reads_units_and_forms(model: TrainedModel, tiny_screen: Screen, sample: pd.Series) -> None:
    known = {"screen": tiny_screen, "expression": sample}
    by_pair = update(model, {("biopsy", "D001"): np.log(0.25)}, **known)
    in_nm = update(model, {"cell_line_id": ["biopsy"], "drug_id": ["D001"], "IC50_nM": [250.0]}, **known)
    stated = update(
        model, pd.DataFrame({"line": ["biopsy"], "drug": ["D001"], "value": [250.0]}), unit="ic50_nm", **known
    )
    ask = {"screen": tiny_screen, "expression": sample, "pairs": [("biopsy", "D001"), ("biopsy", "D002")]}
    before, *after = (list(means(each, **ask).values()) for each in (model, by_pair, in_nm, stated))
    assert after[0] == pytest.approx(after[1], abs=1e-6) and after[0] == pytest.approx(after[2], abs=1e-6)
    assert abs(after[0][0] - before[0]) > 1e-3


def test_an_update_refuses_what_looks_like_another_unit(model: TrainedModel, tiny_screen: Screen) -> None:
    rows = tiny_screen.responses.head(30)[["cell_line_id", "drug_id"]].assign(response=np.geomspace(40, 9e4, 30))
    with pytest.raises(DataError, match="response"):
        update(model, rows, screen=tiny_screen, expression=tiny_screen.expression)


def test_explanations_and_answers_take_the_same(model: TrainedModel, tiny_screen: Screen, sample: pd.Series) -> None:
    found = explain(model, tiny_screen, drugs="aspirin", new_drugs={"aspirin": ASPIRIN}, new_lines=sample)
    assert found.contributions is not None
    assert found.contributions.pairs[["cell_line_id", "drug_id"]].to_numpy().tolist() == [["biopsy", "aspirin"]]
    answer = ask_model(model, tiny_screen, new_samples=sample, new_drugs={"aspirin": ASPIRIN})
    assert answer.key == "biopsy" and "aspirin" in answer.pairs["drug_id"].tolist()


def test_a_fit_takes_names() -> None:
    one = bdrp.fit("simulated", "cell_line", method="mean_effects", recalibration="identity")
    assert one.manifest["screen"] == "simulated" and one.manifest["split"]["by"] == "cell_line"
