"""How often the answers of a model were right about responses that it had not seen."""

from __future__ import annotations

from dataclasses import dataclass

from bdrp.fitted.model import TrainedModel
from bdrp.report.answers import groups
from bdrp.report.answers.yardsticks import Yardstick, find_chances


@dataclass(frozen=True)
class TrackRecord:
    """How often such answers were right about responses that the model had not seen.

    Attributes:
        sensitive, sensitive_right: held-out pairs that would have been called sure and sensitive; of these, those
            whose measured response was active.
        others, others_right: likewise for sure and not.
        held_out: what was held out, such as "cell line".
    """

    sensitive: int
    sensitive_right: int
    others: int
    others_right: int
    held_out: str


def measure_track_record(model: TrainedModel, yardstick: Yardstick, sure: float) -> TrackRecord | None:
    """What the model would have answered for its held-out part, and what was measured; None where it has none."""
    if model.held_out_part is None:
        return None
    observed, chance = model.held_out(), find_chances(model.held_out_predictions(), yardstick)
    thresholds = yardstick.thresholds.reindex(observed["drug_id"]).to_numpy(dtype=float)
    active, group = observed["response"].to_numpy() < thresholds, groups.assign(chance, sure)
    yes, no = group == groups.SENSITIVE, group == groups.NOT
    held_out = str(model.manifest.get("split", {}).get("by", "pair")).replace("_", " ")
    return TrackRecord(int(yes.sum()), int((active & yes).sum()), int(no.sum()), int((~active & no).sum()), held_out)
