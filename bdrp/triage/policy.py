"""What counts as a reason for review, and how much each gap in knowledge weighs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from bdrp.errors import DataError


@dataclass(frozen=True)
class Weights:
    """The share of each term in the priority, 0 up; only their ratios matter.

    The defaults are chosen: half for a decision that may be wrong, half for what the model does not know, and of that
    most for the model's own statement (epistemic share), because distances say only where it may be overconfident.

    Attributes:
        wrong_side: chance that acting on the mean alone errs.
        epistemic: share of the variance that is epistemic.
        width: rank of the interval's width.
        drug: Tanimoto distance to the nearest training drug.
        line: percentile of the distance to the nearest training line.
    """

    wrong_side: float = 0.5
    epistemic: float = 0.2
    width: float = 0.1
    drug: float = 0.1
    line: float = 0.1

    def __post_init__(self) -> None:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        bad = [name for name, value in values.items() if not _is_number(value) or value < 0]
        if bad or sum(values.values()) == 0:
            raise DataError(
                f"The weights {values} cannot rank: {', '.join(bad) or 'all'} must be finite and not negative, and one "
                "of them more than 0. Correct these weights."
            )

    def share(self, name: str) -> float:
        """The weight of one term as a share of all, 0 to 1."""
        total = sum(float(getattr(self, each.name)) for each in fields(self))
        return float(getattr(self, name)) / total


@dataclass(frozen=True)
class Policy:
    """Thresholds of the reason codes, and how the queue is kept mixed.

    Attributes:
        level: of the central interval that reasons speak of.
        sensitivity_threshold: responses below it count as sensitive, in the measure's unit. None takes the
            `sensitive_share` quantile of the predicted means, which the queue then states.
        sensitive_share: see above; chosen: a drug is of interest for about one line in ten.
        width_quantile: an interval wider than this quantile of all widths is wide.
        epistemic_share: more than this share of the variance being epistemic is much; chosen: more is unknown to the
            model than is noise.
        tanimoto: a training drug less similar than this is unlike; below 0.4 on Morgan fingerprints two molecules
            are hardly more alike than random drugs (chosen within the 0.3 to 0.5 that are in use).
        line_percentile: a line further from its nearest training line than this share of the training lines are
            from theirs is unlike.
        most_per_drug: largest share of the queue for one drug; chosen: a queue of 50 holds at least 5 drugs.
        most_per_line: largest share of the queue for one cell line.
        weights: of the terms of the priority.

    Raises:
        DataError: an option is out of its range.
    """

    level: float = 0.9
    sensitivity_threshold: float | None = None
    sensitive_share: float = 0.1
    width_quantile: float = 0.9
    epistemic_share: float = 0.5
    tanimoto: float = 0.4
    line_percentile: float = 0.95
    most_per_drug: float = 0.2
    most_per_line: float = 0.2
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        for name in ("level", "sensitive_share", "width_quantile", "epistemic_share", "tanimoto", "line_percentile"):
            _check(name, getattr(self, name), "between 0 and 1", inside=lambda value: 0 < value < 1)
        for name in ("most_per_drug", "most_per_line"):
            _check(name, getattr(self, name), "above 0 and up to 1", inside=lambda value: 0 < value <= 1)
        if self.sensitivity_threshold is not None and not _is_number(self.sensitivity_threshold):
            raise DataError(
                f"sensitivity_threshold is {self.sensitivity_threshold!r}. It must be a finite response in the "
                "measure's unit, or None. Give a number."
            )


def _check(name: str, value: object, allowed: str, *, inside: object) -> None:
    if not _is_number(value) or not inside(value):  # type: ignore[operator]
        raise DataError(f"{name} is {value!r}. It must be a number {allowed}. Correct the policy.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
