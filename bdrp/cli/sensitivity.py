"""What counts as sensitive, of all drugs or of each: the flags that say it, and the policy that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bdrp.cli.options import drop_unset
from bdrp.errors import DataError

if TYPE_CHECKING:
    from bdrp.triage import Policy

Threshold = Annotated[
    float | None, typer.Option(help="Responses below it count as sensitive; without it, the predicted lowest tenth.")
]
Thresholds = Annotated[
    Path | None, typer.Option(help="Table of drug_id and threshold, or threshold_um: one for each drug instead.")
]
ThresholdByDrug = Annotated[
    bool, typer.Option("--threshold-by-drug", help="The lowest tenth of each drug's own predictions is sensitive.")
]


def make_policy(threshold: float | None, thresholds: Path | None, by_drug: bool, **limits: Any) -> Policy:
    """The policy of a queue; `limits` are others of its attributes, None where a flag was left out.

    Raises:
        DataError: both a number and a table are given, or the table cannot be read.
    """
    from bdrp import triage

    if threshold is not None and thresholds is not None:
        raise DataError("--threshold and --thresholds both say what is sensitive. Give one of them.")
    sensitive = threshold if thresholds is None else triage.read_thresholds(thresholds)
    return triage.Policy(threshold_by_drug=by_drug, **drop_unset(sensitivity_threshold=sensitive, **limits))
