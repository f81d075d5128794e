from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from bdrp.data.measures import MEASURES
from bdrp.fitted.identity import ModelIdentity
from bdrp.triage.decision import FIELDS
from bdrp.triage.review import Asked

DIGEST, EARLIER = "a" * 64, "b" * 64


@pytest.fixture
def asked() -> Asked:
    """A model of lines L1, L2, 0012, MAR-1 and drugs D1, D2, 1003, =D; and one that it was updated from."""
    lines, drugs = frozenset({"L1", "L2", "0012", "MAR-1", "700000"}), frozenset({"D1", "D2", "1003", "=D"})
    return Asked(ModelIdentity(DIGEST, MEASURES["ln_ic50_um"], lines, drugs), earlier=(EARLIER,))


@pytest.fixture
def decisions() -> Callable[..., pd.DataFrame]:
    """`decisions({...}, {...})`: a row each, of L1 with D1, accepted by Ann on the first of March unless told."""

    def build(*rows: dict[str, str]) -> pd.DataFrame:
        usual = {"reviewer": "Ann", "time": "2026-03-01T10:00:00Z", "model": DIGEST, "cell_line_id": "L1"}
        usual |= {"drug_id": "D1", "decision": "accept", "comment": "", "measured": "", "measured_unit": ""}
        return pd.DataFrame([usual | row for row in rows], columns=list(FIELDS), dtype="str")

    return build
