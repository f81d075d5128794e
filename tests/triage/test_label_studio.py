"""A queue goes to Label Studio as tasks with their interface, and what it exports comes back as decisions."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from bdrp.data.measures import MEASURES
from bdrp.errors import DataError, OutputError
from bdrp.files import strict_json
from bdrp.fitted.identity import ModelIdentity
from bdrp.predictive import Normal, Predictions
from bdrp.triage import DECISIONS, export_tasks, rank
from bdrp.triage.review import Asked, read_decisions

DIGEST = "a" * 64
ASKED = Asked(ModelIdentity(DIGEST, MEASURES["ln_ic50_um"], frozenset({"L0", "L1"}), frozenset({"D"})))


@pytest.fixture
def queue() -> pd.DataFrame:
    keys = pd.DataFrame({"cell_line_id": ["L0", "L1"], "drug_id": "D"})
    pred = Normal.from_std(keys, "ln_ic50_um", [-1.0, 0.0], np.ones(2), np.ones(2), unit="ln(µM)")
    return rank(Predictions(pred, pd.DataFrame({"drug_name": '<b>"A&B'}, index=[0, 1]), model=DIGEST), budget=2)


def annotation(decision: str, who: object = 7, **more: object) -> dict[str, object]:
    """A finished annotation in the form of https://labelstud.io/guide/task_format."""
    chosen = {"from_name": "decision", "to_name": "pair", "type": "choices", "value": {"choices": [decision]}}
    texts = [
        {"from_name": name, "to_name": "pair", "type": "textarea", "value": {"text": [value]}}
        for name, value in more.items()
    ]
    when = {"created_at": "2026-03-01T09:00:00.5Z", "updated_at": "2026-03-01T10:00:00.123456Z"}
    return {"id": 1, "completed_by": who, "was_cancelled": False, "result": [chosen, *texts], **when}


def exported(tasks: list[dict[str, object]], *annotations: list[object]) -> list[dict[str, object]]:
    """Tasks as Label Studio exports them: with its own keys, and annotations."""
    both = enumerate(zip(tasks, annotations, strict=True))
    return [{"id": at, **task, "annotations": notes, "project": 1} for at, (task, notes) in both]


def test_a_task_holds_the_pair_what_is_shown_of_it_and_its_priority_as_a_score(
    queue: pd.DataFrame, tmp_path: Path
) -> None:
    tasks, interface = export_tasks(queue, tmp_path / "tasks.json")
    read = strict_json.read(tasks)
    assert [task["data"]["rank"] for task in read] == [1, 2]
    first, pair = read[0], queue.iloc[0]
    assert first["data"]["pair"] == f'<b>"A&B on {pair["cell_line_id"]}'
    assert first["data"]["explanation"] == pair["explanation"] and first["data"]["upper_limit"] is None
    assert first["predictions"] == [{"model_version": DIGEST, "score": pair["priority"], "result": []}]
    assert not {"decision", "reviewer", "comment", "measured"} & set(first["data"])
    assert interface == tmp_path / "tasks.xml"


def test_the_interface_asks_for_every_answer_and_shows_fields_that_tasks_have(
    queue: pd.DataFrame, tmp_path: Path
) -> None:
    tasks, interface = export_tasks(queue, tmp_path / "tasks.json")
    view = ElementTree.parse(interface).getroot()
    data = strict_json.read(tasks)[0]["data"]
    shown = [tag.get("value", "") for tag in view.iter() if tag.get("value", "").startswith("$")]
    assert len(shown) == 2 and {value[1:] for value in shown} <= set(data)
    assert [choice.get("value") for choice in view.iter("Choice")] == list(DECISIONS)
    named = {tag.get("name") for tag in view.iter("Text")}
    assert {tag.get("toName") for tag in view.iter() if tag.get("toName")} == named
    assert {tag.get("name") for tag in view.iter() if tag.get("toName")} == {"decision", "measured", "comment"}


def test_what_label_studio_exports_is_read_as_decisions(queue: pd.DataFrame, tmp_path: Path) -> None:
    tasks, _ = export_tasks(queue, tmp_path / "tasks.json")
    notes = (
        [
            annotation("assay", measured=">10 µM", comment="again"),
            annotation("reject", {"id": 3, "email": "ben@lab.org"}),
            annotation("accept") | {"was_cancelled": True},
        ],
        [],
    )
    path = tmp_path / "export.json"
    path.write_text(json.dumps(exported(strict_json.read(tasks), *notes)))
    ann, ben = read_decisions(path, ASKED).to_dict(orient="records")
    assert ann == {
        **{"reviewer": "7", "time": "2026-03-01T10:00:00.123456Z", "model": DIGEST, "comment": "again"},
        **{"cell_line_id": queue["cell_line_id"][0], "drug_id": "D", "decision": "assay"},
        **{"measured": ">10", "measured_unit": "µM"},
    }
    assert (ben["reviewer"], ben["decision"], ben["measured_unit"]) == ("ben@lab.org", "reject", "")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("0.8 µM", "0.8", "µM"), ("1e3nM", "1e3", "nM"), ("-1.5 ln(µM)", "-1.5", "ln(µM)"), ("> 10 uM", "> 10", "uM")],
)
def test_a_value_is_told_from_its_unit(queue: pd.DataFrame, tmp_path: Path, text: str, value: str, unit: str) -> None:
    tasks, _ = export_tasks(queue, tmp_path / "tasks.json")
    path = tmp_path / "export.json"
    path.write_text(json.dumps(exported(strict_json.read(tasks), [annotation("assay", measured=text)], [])))
    (read,) = read_decisions(path, ASKED).to_dict(orient="records")
    assert (read["measured"], read["measured_unit"]) == (value, unit)


def test_tasks_that_are_no_export_of_it_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    for task in ({"data": {}, "annotations": [{"result": []}]}, {"data": 3, "annotations": [annotation("accept")]}):
        path.write_text(json.dumps([task]))
        with pytest.raises(DataError, match="not as Label Studio exports them"):
            read_decisions(path, ASKED)


def test_tasks_replace_tasks_and_nothing_else(queue: pd.DataFrame, tmp_path: Path) -> None:
    tasks, interface = export_tasks(queue, tmp_path / "tasks.json")
    export_tasks(queue, tasks)
    annotated = exported(strict_json.read(tasks), [annotation("accept")], [])
    tasks.write_text(json.dumps(annotated))
    with pytest.raises(OutputError, match="tasks.json .there is something else"):
        export_tasks(queue, tasks)
    tasks.unlink()
    interface.write_text("<View/>")
    with pytest.raises(OutputError, match="tasks.xml .there is something else"):
        export_tasks(queue, tasks)
    with pytest.raises(OutputError, match="Allowed is .json"):
        export_tasks(queue, tmp_path / "tasks.csv")
