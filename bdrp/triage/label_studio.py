"""Label Studio: a queue as tasks that it imports, the interface that shows them, and its export as decisions.

The formats are those of its guide: https://labelstud.io/guide/predictions and https://labelstud.io/guide/task_format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import pandas as pd

from bdrp.errors import DataError
from bdrp.files import strict_json
from bdrp.triage.decision import ANSWER, DECISIONS

SHOWN: Final = "pair"
"""The text of a task that its answers belong to."""
BEGIN: Final = f'<View>\n  <Header value="${SHOWN}"/>\n'
"""How an interface begins, by which an earlier one is known."""


def tabulate_tasks(queue: pd.DataFrame) -> list[dict[str, Any]]:
    """A task a pair: its columns as `data`, with a line to read, and the priority as score of an empty prediction.

    Label Studio can sort tasks by that score; no decision is filled in for the reviewer.
    """
    tasks = []
    for record in strict_json.plain(queue.drop(columns=[*ANSWER], errors="ignore").to_dict(orient="records")):
        line = record.get("line_name") or record["cell_line_id"]
        record[SHOWN] = f"{record['drug_name'] or record['drug_id']} on {line}"
        version = str(record.get("model") or "") or "bdrp"
        tasks.append(
            {"data": record, "predictions": [{"model_version": version, "score": record["priority"], "result": []}]}
        )
    return tasks


def build_interface(unit: str = "") -> str:
    """The labelling interface for such tasks, as XML: the pair, why it is asked, and a field for each answer."""
    measured = f"measured value with its unit, such as 0.8 µM, >10 µM or 0.3 {unit}".rstrip()
    choices = "\n".join(
        f"    <Choice value={quoteattr(word)} hotkey={quoteattr(str(at))} hint={quoteattr(meaning)}/>"
        for at, (word, meaning) in enumerate(DECISIONS.items(), 1)
    )
    return f"""{BEGIN}  <Text name="{SHOWN}" value="$explanation"/>
  <Choices name="decision" toName="{SHOWN}" choice="single" required="true">
{choices}
  </Choices>
  <TextArea name="measured" toName="{SHOWN}" maxSubmissions="1" placeholder={quoteattr(measured)}/>
  <TextArea name="comment" toName="{SHOWN}" maxSubmissions="1" placeholder="comment"/>
</View>
"""


def is_export(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether records are tasks of Label Studio and no decisions."""
    return bool(records) and all("data" in one and "annotations" in one for one in records)


def read_export(tasks: Sequence[Mapping[str, Any]], path: Path) -> list[dict[str, Any]]:
    """A record a finished annotation: the pair and the model of its task, who, when, and every answer.

    Raises:
        DataError: a task has not the form that Label Studio exports.
    """
    try:
        return [
            _answer(task["data"], note)
            for task in tasks
            for note in task["annotations"]
            if not note.get("was_cancelled")
        ]
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise DataError(
            f"{path.name} has tasks and annotations, but not as Label Studio exports them ({error!r}). Allowed: its "
            "export as JSON (not JSON-MIN) of tasks that bdrp wrote. Export the project again."
        ) from error


def _answer(data: Mapping[str, Any], annotation: Mapping[str, Any]) -> dict[str, Any]:
    answers = {result["from_name"]: _read_value(result["value"]) for result in annotation["result"]}
    who = annotation.get("completed_by") or ""
    value, unit = _split_unit(answers.get("measured", ""))
    return {
        "cell_line_id": data["cell_line_id"],
        "drug_id": data["drug_id"],
        "model": data.get("model") or "",
        "reviewer": str(who.get("email") or who["id"]) if isinstance(who, Mapping) else str(who),
        "time": annotation.get("updated_at") or annotation.get("created_at") or "",
        "decision": answers.get("decision", ""),
        "comment": answers.get("comment", ""),
        "measured": value,
        "measured_unit": unit,
    }


def _read_value(value: Mapping[str, Any]) -> str:
    texts = value["choices"] if "choices" in value else value["text"]
    return " ".join(map(str, texts)) if isinstance(texts, list) else str(texts)


def _split_unit(text: str) -> tuple[str, str]:
    """`">10 µM"` as `(">10", "µM")`."""
    at = next((i for i, char in enumerate(text) if char.isalpha() and char not in "eE"), len(text))
    return text[:at].strip(), text[at:].strip()
