"""What a trained model says of itself in a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel


def facts_of(model: TrainedModel) -> Mapping[str, object]:
    """Method, screen, measure, what was learned from, split, recalibration and updates, in words by their names."""
    said, split, features = model.manifest, model.manifest.get("split") or {}, model.features
    known = len(features.lines), len(features.drugs.ids), len(features.genes)
    facts: dict[str, object] = {
        "method": f"{said['method']}, seed {said['seed']}",
        "screen": said["screen"],
        "predicts": f"{features.measure.label}, {features.measure.unit}",
        "learned from": "{:,} lines, {:,} drugs, {:,} genes".format(*known),
        "split": f"by {split.get('by')}, fold {split.get('fold')} of {split.get('folds')}",
        "recalibration": said.get("recalibrator", model.recalibration.kind),
    }
    if model.held_out_part is not None:
        facts["held out"] = f"{len(model.held_out_part.observed):,} responses"
    return facts | {f"update {at}": text for at, text in enumerate(model.updates, start=1)}
