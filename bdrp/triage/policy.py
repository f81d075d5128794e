"""What counts as a reason for review, and how much each gap in knowledge weighs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from bdrp.errors import DataError
from bdrp.triage.reasons import CONFIDENT_HIT, REASONS


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
        sensitivity_threshold: responses below it count as sensitive, in the measure's unit; one for all drugs, or one
            by drug_id. None takes the `sensitive_share` quantile of the predicted means, which the queue then states.
        sensitive_share: see above; chosen: a drug is of interest for about one line in ten.
        threshold_by_drug: whether that quantile is of each drug's own predictions.
        hit_chance: a pair that is predicted sensitive with at least this chance is a confident hit; chosen: above 0.95
            the 90 % interval does not hold the threshold.
        width_quantile: an interval wider than this quantile of all widths is wide.
        epistemic_share: more than this share of the variance being epistemic is much; chosen: more is unknown to the
            model than is noise.
        tanimoto: a training drug less similar than this is unlike; below 0.4 on Morgan fingerprints two molecules
            are hardly more alike than random drugs (chosen within the 0.3 to 0.5 that are in use).
        line_percentile: a line further from its nearest training line than this share of the training lines are
            from theirs is unlike.
        most_per_drug: largest share of the queue for one drug; chosen: a queue of 50 holds at least 5 drugs.
        most_per_line: largest share of the queue for one cell line.
        quotas: least share of the queue by reason, as far as there are such pairs; chosen: a fifth of what a reviewer
            sees are confident hits, to be confirmed before anybody acts on them.
        weights: of the terms of the priority.

    Raises:
        DataError: an option is out of its range.
    """

    level: float = 0.9
    sensitivity_threshold: float | Mapping[str, float] | None = None
    sensitive_share: float = 0.1
    threshold_by_drug: bool = False
    hit_chance: float = 0.95
    width_quantile: float = 0.9
    epistemic_share: float = 0.5
    tanimoto: float = 0.4
    line_percentile: float = 0.95
    most_per_drug: float = 0.2
    most_per_line: float = 0.2
    quotas: Mapping[str, float] = field(default_factory=lambda: {CONFIDENT_HIT: 0.2})
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        for name in (*("level", "sensitive_share", "hit_chance", "width_quantile"), *_GAPS):
            _check(name, getattr(self, name), "between 0 and 1", inside=lambda value: 0 < value < 1)
        for name in ("most_per_drug", "most_per_line"):
            _check(name, getattr(self, name), "above 0 and up to 1", inside=lambda value: 0 < value <= 1)
        _check_thresholds(self.sensitivity_threshold)
        if self.sensitivity_threshold is not None and self.threshold_by_drug:
            raise DataError(
                "sensitivity_threshold is given, and threshold_by_drug asks for each drug's own quantile. Thresholds "
                "come from one of the two. Leave one out."
            )
        _check_quotas(self.quotas)


_GAPS: Final = ("epistemic_share", "tanimoto", "line_percentile")


def _check_thresholds(given: object) -> None:
    values = given if isinstance(given, Mapping) else {} if given is None else {"": given}
    for drug, value in values.items():
        if not _is_number(value):
            raise DataError(
                f"sensitivity_threshold {f'of {drug} ' if drug else ''}is {value!r}. It must be a finite response in "
                "the measure's unit, or None. Give a number."
            )


def _check_quotas(quotas: Mapping[str, float]) -> None:
    unknown = [code for code in quotas if code not in REASONS]
    bad = [code for code, share in quotas.items() if not _is_number(share) or not 0 <= share <= 1]
    if unknown or bad or sum(quotas.values()) > 1 + 1e-9:
        raise DataError(
            f"The quotas {dict(quotas)} cannot be kept. Allowed are shares of the queue, from 0 to 1 and together no "
            f"more than 1, of {', '.join(REASONS)}. Correct the quotas."
        )


def _check(name: str, value: object, allowed: str, *, inside: object) -> None:
    if not _is_number(value) or not inside(value):  # type: ignore[operator]
        raise DataError(f"{name} is {value!r}. It must be a number {allowed}. Correct the policy.")


def _is_number(value: object) -> bool:
    """Whether it is a number that a float can be: no infinity, and no whole number of hundreds of digits."""
    largest = sys.float_info.max
    return isinstance(value, int | float) and not isinstance(value, bool) and -largest <= value <= largest
