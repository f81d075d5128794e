"""Which quantity the header of a column names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bdrp.data.delimited import plain
from bdrp.data.quantities.quantity import CONCENTRATIONS, PER_UM, QUANTITIES

_UNITS: Final = {
    "m": "m",
    "molar": "m",
    "mm": "mm",
    "millimolar": "mm",
    "um": "um",
    "micromolar": "um",
    "nm": "nm",
    "nanomolar": "nm",
    "pm": "pm",
    "picomolar": "pm",
    "moll": "m",
    "mmoll": "mm",
    "umoll": "um",
    "nmoll": "nm",
    "pmoll": "pm",
}
_ASIDE: Final = r"(?:published|recomputed|curvecurator|fitted|fit|value|values|mean|median|avg|absolute|abs|estimate)*"
_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_CONCENTRATION: Final = re.compile(
    rf"{_ASIDE}(?P<sign>neg|minus|negative|n(?=log))?(?P<scale>p|ln|loge|naturallog|log10|lg10|lg|log2|log)?(?P<unit0>um|nm)?"
    rf"(?P<kind>{'|'.join(CONCENTRATIONS)}){_ASIDE}(?:in)?(?P<inner>ln|log10|log2)?(?P<unit>{_UNIT})?{_ASIDE}"
)
_SCALES: Final = {"loge": "ln", "naturallog": "ln", "lg": "log10", "lg10": "log10"}
_AREA: Final = re.compile(
    rf"(?:normali[sz]ed|norm)?{_ASIDE}(?P<kind>auc|aac|aoc|areaunder(?:the)?curve|areaabove(?:the)?curve){_ASIDE}"
    rf"(?P<unit>fraction|frac|01|percent|pct|perc)?{_ASIDE}1?"
)
_EMAX: Final = re.compile(r"(?P<kind>emax|amax|maxinhibition|maximalinhibition)(?P<unit>fraction|frac|percent|pct)?")
_NAMED: Final = {"graoc": "gr_aoc", "dss": "dss", "dss1": "dss", "dss2": "dss", "dss3": "dss"}
GENERIC: Final = frozenset({"response", "responses", "value", "values", "y", "label", "sensitivity", "activity"})
"""Headers that say that a column is the response, and not which."""
POINTS: Final = frozenset(
    {
        *("viability", "cellviability", "percentviability", "viabilitypercent", "relativeviability", "survival"),
        *("inhibition", "percentinhibition", "inhibitionpercent", "cpdavgpv", "intensity", "cellcount", "signal"),
    }
)
"""Headers of a single dose's effect."""
SCORES: Final = frozenset({"zscore", "z", "zscores", "zscorelnic50", "robustzscore"})
"""Headers of z-scores: each drug's own scale is lost in them."""
CURVE: Final = frozenset(
    {
        *("slope", "hillslope", "hill", "hs", "curveslope", "r2", "rsquared", "r2fit", "rss", "einf", "inflection"),
        *("ec50", "pec50", "logec50", "xmid", "top", "bottom", "curvefront", "curveback"),
    }
)
"""Headers of the parameters of a fitted curve: beside them, upper_limit and lower_limit are its plateaus."""
_DOSE: Final = re.compile(
    r"(?:log|log10|ln|log2)?(?:cpd|drug|compound|treatment|tested)?(?:dose|doses|conc|concentration|dosage)"
    r"(?:um|nm|mm|m|umol|micromolar|nanomolar|molar|log10m)?\d?"
)


@dataclass(frozen=True)
class Named:
    """A column that a header names: the quantities that it can be; `doubt` says why there are several."""

    column: str
    quantities: tuple[str, ...]
    doubt: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the header says which quantity it is."""
        return len(self.quantities) == 1

    @property
    def kind(self) -> str:
        """What it is of: ic50, area and so on."""
        return QUANTITIES[self.quantities[0]].kind


def recognise(column: str) -> Named | None:
    """The quantities that a column's header names; None where it names none.

    >>> recognise("LN_IC50").quantities, recognise("IC50 (nM)").quantities, recognise("pIC50").quantities
    (('ln_um', 'ln_m', 'ln_nm'), ('ic50_nm',), ('pic50',))
    >>> recognise("AUC").quantities, recognise("cell_line_id")
    (('auc_fraction', 'auc_percent'), None)
    """
    text = plain(column)
    if text in _NAMED:
        return Named(column, (_NAMED[text],))
    if found := _CONCENTRATION.fullmatch(text):
        return _concentration(column, found)
    if found := _AREA.fullmatch(text):
        return _area(column, text, found)
    if found := _EMAX.fullmatch(text):
        return _emax(column, found)
    return None


def is_dose(column: str) -> bool:
    """Whether the header names the dose of a well or of a point of a curve.

    >>> is_dose("dose"), is_dose("cpd_conc_umol"), is_dose("max_conc_um")
    (True, True, False)
    """
    return _DOSE.fullmatch(plain(column)) is not None


def _concentration(column: str, found: re.Match[str]) -> Named | None:
    kind, unit, scale = found["kind"], _UNITS.get(found["unit"] or found["unit0"] or "", ""), found["scale"] or ""
    scale = _SCALES.get(scale, scale)
    inner = found["inner"]
    if inner and scale not in ("", "log", inner):
        return None
    scale = inner or scale
    negative = bool(found["sign"]) or column.strip()[:1] in "-−"
    infix = "" if kind == "ic50" else f"{kind}_"
    if scale == "p" or (negative and scale in ("log10", "log") and unit in ("", "m")):
        return Named(column, (f"p{kind}",))
    if negative:
        return None
    if not scale:
        return Named(
            column, _in_units(f"{kind}_", unit, ("um", "nm", "m", "mm")), "" if unit else "its header has no unit"
        )
    if scale == "log":
        names = [name for word in ("ln", "log10", "log2") for name in _in_units(f"{word}_{infix}", unit)]
        return Named(column, tuple(names), "its header does not say of which base the logarithm is")
    return Named(column, _in_units(f"{scale}_{infix}", unit), "" if unit else "its header has no unit")


def _in_units(prefix: str, unit: str, units: tuple[str, ...] = ("um", "m", "nm")) -> tuple[str, ...]:
    return tuple(f"{prefix}{one}" for one in ((unit,) if unit in PER_UM else units))


def _area(column: str, text: str, found: re.Match[str]) -> Named:
    above = found["kind"] in ("aac", "aoc") or "above" in found["kind"]
    fraction, percent = ("aac", "aac_percent") if above else ("auc_fraction", "auc_percent")
    if (found["unit"] or "").startswith("p") or "%" in column:
        return Named(column, (percent,))
    if (found["unit"] or "").startswith(("frac", "01")):  # such as AUC (0-1)
        return Named(column, (fraction,))
    if not above and re.search("published|recomputed", text):
        either = (fraction, "aac", percent, "aac_percent")
        return Named(column, either, "PharmacoGx has written the area above the curve under this name")
    return Named(column, (fraction, percent), "its header does not say fraction or percent")


def _emax(column: str, found: re.Match[str]) -> Named:
    inhibition = found["kind"] != "emax"
    fraction, percent = (
        ("max_inhibition", "max_inhibition_percent") if inhibition else ("emax_fraction", "emax_percent")
    )
    if found["unit"] or "%" in column:
        return Named(column, (percent if (found["unit"] or "p").startswith("p") else fraction,))
    doubt = "some write under this name what is left, others what is gone, and in percent or not"
    return Named(column, tuple(name for name, one in QUANTITIES.items() if one.kind == "emax"), doubt)
