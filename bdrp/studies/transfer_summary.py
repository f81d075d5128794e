"""What a kept summary of a transfer's target holds: whatever differs is no summary, and is made again."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from bdrp.data.agreement import AgreementMetrics
from bdrp.data.overlap import SEEN
from bdrp.data.shift import ExpressionShift
from bdrp.files.json_shape import NUMBER, Shape

_FIGURE: Final = (*NUMBER, None)
"""None where it is undefined."""
_COUNTS: Final = dict.fromkeys(SEEN, int)
_AGREED: Final = {each.name: _FIGURE for each in fields(AgreementMetrics)}
_UNSEEN: Final = ("auroc", "auroc_null_lower", "auroc_null_upper")
_SEEN_COUNTS: Final = ("unseen_pairs", "seen_pairs", "unseen_groups", "seen_groups")

HOME: Final[Shape] = {"target": str, "measure": str, "notes": [str]}
"""Of the source screen's own held-out part."""
TARGET: Final[Shape] = HOME | {
    "unit": str,
    "pairs": {"of": _COUNTS, "scored": _COUNTS, "labelled": _COUNTS},
    "capped": NUMBER,
    "draws": int,
    "labelling": str,
    "left_out": [int],
    "agreement": (
        {"first": str, "second": str, "measure": str, "unit": str, "every": _AGREED, "observed": (_AGREED, None)},
        None,
    ),
    "expression": {each.name: _FIGURE for each in fields(ExpressionShift)},
    "unseen?": {"*": dict.fromkeys(_UNSEEN, _FIGURE) | dict.fromkeys(_SEEN_COUNTS, int)},
    "found": {"*": [{"*": _FIGURE}]},
}
"""Of a target; see `bdrp.studies.transfer_scores.TargetScores`. Earlier versions wrote no `unseen`."""
