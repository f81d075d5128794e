"""A screen: what was measured, on which cell lines, with which drugs, and what the assay could see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Measure:
    """One way to summarise a dose-response curve; `lowest` and `highest` bound what is plausible."""

    name: str
    label: str
    unit: str
    lowest: float
    highest: float


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("ln_ic50_um", "ln IC50", "ln(µM)", -25.0, 25.0),
        Measure("auc_fraction", "AUC", "fraction of full viability", 0.0, 1.0),
    )
}


@dataclass(frozen=True)
class Screen:
    """Responses, drugs, cell lines and expression, checked once."""

    name: str
    measure: Measure
    responses: pd.DataFrame
    drugs: pd.DataFrame
    cell_lines: pd.DataFrame
    expression: pd.DataFrame
    checksums: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
