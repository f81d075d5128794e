"""What a reviewer can say of a pair, and when two records say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bdrp.files import strict_json

DECISIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accept": "the prediction is good enough to act on",
        "reject": "the prediction is not to be acted on",
        "assay": "this pair is to be measured",
        "skip": "no decision yet: others may be asked",
    }
)
"""Every decision with what it means."""

SETTLING: Final = ("accept", "reject", "assay")
"""Decisions after which a pair is not asked again; a measured value settles it too."""

ANSWER: Final = ("decision", "reviewer", "time", "comment", "measured", "measured_unit")
"""What a reviewer writes beside a pair."""

FIELDS: Final = (
    *("reviewer", "time", "model", "cell_line_id", "drug_id"),
    *("decision", "comment", "measured", "measured_unit"),
)
"""A decision: who, when, which model version, which pair, what; all of it text, as it was written down.

`time` is ISO 8601 in UTC or "" where it was not noted, `model` the digest of a model folder or "".
"""


def identity(decision: Mapping[str, str]) -> str:
    """The SHA-256 of all that a decision says; two records with the same are one decision.

    >>> one = dict.fromkeys(FIELDS, "") | {"decision": "accept"}
    >>> identity(one) == identity(dict(reversed(one.items()))), identity(one) == identity(one | {"comment": "sure"})
    (True, False)
    """
    text = strict_json.text([decision[name] for name in FIELDS], indent=None, ascii_only=True)
    return hashlib.sha256(text.encode()).hexdigest()
