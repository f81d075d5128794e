"""What a kept summary of a transfer's target holds: whatever differs is no summary, and is made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from bdrp.data.agreement import AgreementMetrics
from bdrp.data.overlap import SEEN
from bdrp.data.shift import ExpressionShift
from bdrp.files.json_schema import NUMBER, TEXT, WHOLE, Schema, entries, items, or_none, record

_FIGURE: Final = or_none(NUMBER)
"""None where it is undefined."""
_COUNTS: Final = record(dict.fromkeys(SEEN, WHOLE))
_AGREED: Final = record({each.name: _FIGURE for each in fields(AgreementMetrics)})
_AGREEMENT: Final = record(
    {"first": TEXT, "second": TEXT, "measure": TEXT, "unit": TEXT, "every": _AGREED, "observed": or_none(_AGREED)}
)
_UNSEEN: Final = dict.fromkeys(("auroc", "auroc_null_lower", "auroc_null_upper"), _FIGURE)
_SEEN_COUNTS: Final = dict.fromkeys(("unseen_pairs", "seen_pairs", "unseen_groups", "seen_groups"), WHOLE)
_WHERE: Final[Mapping[str, Schema]] = {"target": TEXT, "measure": TEXT, "notes": items(TEXT)}

HOME: Final = record(_WHERE)
"""Of the source screen's own held-out part."""
TARGET: Final = record(
    {
        **_WHERE,
        "unit": TEXT,
        "pairs": record(dict.fromkeys(("of", "scored", "labelled"), _COUNTS)),
        "capped": NUMBER,
        "draws": WHOLE,
        "labelling": TEXT,
        "left_out": items(WHOLE),
        "agreement": or_none(_AGREEMENT),
        "expression": record({each.name: _FIGURE for each in fields(ExpressionShift)}),
        "found": entries(items(entries(_FIGURE))),
    },
    {"unseen": entries(record(_UNSEEN | _SEEN_COUNTS))},
)
"""Of a target; see `bdrp.studies.transfer_scores.TargetScores`. Earlier versions wrote no `unseen`."""
