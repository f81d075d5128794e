"""How a dose-response curve is summarised, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Measure:
    """One way to summarise a dose-response curve; `lowest` and `highest` bound what is plausible."""

    name: str
    label: str
    unit: str
    lowest: float
    highest: float


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        measure.name: measure
        for measure in (
            Measure("ln_ic50_um", "ln IC50", "ln(µM)", -25.0, 25.0),
            Measure("auc_fraction", "AUC", "fraction of full viability", 0.0, 1.0),
        )
    }
)
