"""How a dose-response curve is summarised, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Measure:
    """One way to summarise a dose-response curve; `lowest` and `highest` bound what is plausible.

    Low is sensitive in each: a summary that is high where a line is sensitive is turned round (see `data.quantities`).
    """

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
            Measure("ln_ec50_um", "ln EC50", "ln(µM)", -25.0, 25.0),
            Measure("ln_gi50_um", "ln GI50", "ln(µM)", -25.0, 25.0),
            Measure("ln_gr50_um", "ln GR50", "ln(µM)", -25.0, 25.0),
            Measure("emax_fraction", "Emax", "fraction of full viability", -1.0, 2.0),
            Measure("gr_aoc", "-GR_AOC", "GR value, sign turned", -2.0, 1.0),
            Measure("dss", "-DSS", "points, sign turned", -100.0, 0.0),
            Measure("own", "response", "own unit", float("-inf"), float("inf")),
        )
    }
)

PUBLISHED: Final = ("ln_ic50_um", "auc_fraction")
"""The measures that a source offers where it does not say which: those of the public screens."""
LN_CONCENTRATIONS: Final = frozenset({"ln_ic50_um", "ln_ec50_um", "ln_gi50_um", "ln_gr50_um"})
"""Measures that are the natural logarithm of a concentration in µM, so that doses are limits of them."""
