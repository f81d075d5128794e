"""What a number of a response table can be, and how it becomes one of bdrp's measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating[Any]]

PER_UM: Final[Mapping[str, float]] = MappingProxyType({"m": 1e6, "mm": 1e3, "um": 1.0, "nm": 1e-3, "pm": 1e-6})
"""µM in one of each unit of concentration."""
CONCENTRATIONS: Final = ("ic50", "ec50", "gi50", "gr50")
_SYMBOLS: Final = {"m": "M", "mm": "mM", "um": "µM", "nm": "nM", "pm": "pM"}
_BASES: Final = {"ln": np.e, "log10": 10.0, "log2": 2.0}


@dataclass(frozen=True)
class Quantity:
    """One way to write a response.

    The measure is `offset + slope * x`, of ln(x) where `raw`: every quantity here is one or the other.

    Attributes:
        name: as `--unit` takes it.
        measure: the measure that it becomes.
        label: in words.
        formula: of the conversion; "" where nothing is converted.
        kind: ic50, ec50, gi50, gr50, area, emax, gr_aoc, dss or own.
        slope: see above; negative where the quantity is high in sensitive lines.
        offset: see above.
        raw: whether it is a concentration and not its logarithm.
    """

    name: str
    measure: str
    label: str
    formula: str
    kind: str
    slope: float = 1.0
    offset: float = 0.0
    raw: bool = False

    @property
    def rises(self) -> bool:
        """Whether the measure rises with the quantity."""
        return self.slope > 0

    def convert(self, values: Values) -> Values:
        """Values of the quantity (N,) as the measure, float64; NaN where a concentration is not above 0."""
        x = np.asarray(values, dtype=float)
        if self.raw:
            with np.errstate(divide="ignore", invalid="ignore"):
                x = np.log(np.where(x > 0, x, np.nan))
        return self.offset + self.slope * x

    def convert_sd(self, sd: Values, response: Values) -> Values:
        """SDs of values (N,) that became `response` (N,); of a concentration to first order, its SD over itself."""
        return np.abs(self.slope) * sd / (np.exp(response - self.offset) if self.raw else 1.0)


def _concentrations(kind: str) -> Iterator[Quantity]:
    """A concentration, its logarithms and its p-scale; the ic50's logarithms are named without it."""
    measure, name = f"ln_{kind}_um", kind.upper()
    infix = "" if kind == "ic50" else f"{kind}_"
    for unit, per_um in PER_UM.items():
        symbol, shift = _SYMBOLS[unit], float(np.log(per_um))
        ratio = "" if per_um == 1 else f" * {per_um:g}" if per_um > 1 else f" / {1 / per_um:g}"
        yield Quantity(f"{kind}_{unit}", measure, f"{name} in {symbol}", f"ln({name}{ratio})", kind, 1, shift, raw=True)
        for word, base in _BASES.items():
            scale = float(np.log(base))
            formula = "" if (word, unit) == ("ln", "um") else f"{_times(word)}x{_plus(shift)}"
            yield Quantity(f"{word}_{infix}{unit}", measure, f"{word} {name} in {symbol}", formula, kind, scale, shift)
    ten = float(np.log(10))
    yield Quantity(f"p{kind}", measure, f"p{name} (-log10 of M)", f"ln(10) * (6 - p{name})", kind, -ten, 6 * ten)


def _times(word: str) -> str:
    return "" if word == "ln" else f"ln({word.removeprefix('log')}) * "


def _plus(shift: float) -> str:
    return "" if not shift else f" {'+' if shift > 0 else '-'} {abs(shift):.4g}"


def _every() -> Iterator[Quantity]:
    for kind in CONCENTRATIONS:
        yield from _concentrations(kind)
    auc = "auc_fraction"
    yield Quantity(auc, auc, "AUC as a fraction (1 = no effect)", "", "area")
    yield Quantity("auc_percent", auc, "AUC in percent (100 = no effect)", "AUC / 100", "area", 0.01)
    yield Quantity("aac", auc, "AAC, area above the curve (0 = no effect)", "AUC = 1 - AAC", "area", -1, 1)
    yield Quantity("aac_percent", auc, "AAC in percent (0 = no effect)", "AUC = 1 - AAC / 100", "area", -0.01, 1)
    emax = "emax_fraction"
    yield Quantity(emax, emax, "viability left at the highest dose, as a fraction", "", "emax")
    yield Quantity("emax_percent", emax, "viability left at the highest dose, in percent", "Emax / 100", "emax", 0.01)
    yield Quantity("max_inhibition", emax, "inhibition at the highest dose", "Emax = 1 - inhibition", "emax", -1, 1)
    yield Quantity(
        "max_inhibition_percent",
        emax,
        "inhibition at the highest dose in percent",
        "Emax = 1 - inhibition / 100",
        "emax",
        -0.01,
        1,
    )
    yield Quantity("gr_aoc", "gr_aoc", "GR_AOC (0 = no effect)", "-GR_AOC", "gr_aoc", -1)
    yield Quantity("dss", "dss", "DSS, drug sensitivity score (0 = no effect)", "-DSS", "dss", -1)
    yield Quantity("own_low", "own", "a measure of your own, low = sensitive", "", "own")
    yield Quantity("own_high", "own", "a measure of your own, high = sensitive", "-x", "own", -1)


QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType({one.name: one for one in _every()})
"""Every quantity by its name."""

BASE: Final[Mapping[str, str]] = MappingProxyType(
    {measure: name for name, measure in ((one.name, one.measure) for one in QUANTITIES.values() if not one.formula)}
)
"""The quantity that each measure is itself; what is always turned round has none."""
