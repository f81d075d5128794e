"""Over many generated tables none is read as something that it is not, and few are refused that could be read.

The tables hold simulated curves, written as every quantity, under headers that tell it and headers that do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from bdrp.data.quantities import QUANTITIES, Quantity, Stated, choose_response
from bdrp.errors import DataError

Values = npt.NDArray[np.float64]

POTENCIES = ((-1.0, 1.5), (1.5, 2.5), (3.0, 2.0), (-4.0, 2.0))
"""Mean and SD over drugs of ln IC50 in µM: potent compounds, a mixed library, a weak one, and compounds of some nM."""
TELLING = {
    "ic50": {
        "ic50": ("IC50_{u}", "IC50 ({U})", "ic50 [{U}]", "ic50_{u}_published"),
        "ln": ("ln_ic50_{u}", "LN_IC50 ({U})", "lnIC50_{u}", "natural log IC50 ({U})"),
        "log10": ("log10_ic50_{u}", "Log10 IC50 ({U})", "log10(IC50 {U})"),
        "log2": ("log2_ic50_{u}", "log2(IC50 {U})"),
        "p": ("pIC50", "-log10(IC50)", "-log10(IC50 M)", "neg_log10_ic50_M", "pIC50_published"),
    },
    "auc_fraction": ("auc_fraction", "AUC", "auc", "fit_auc", "area_under_curve", "normalized AUC", "AUC (0-1)"),
    "auc_percent": ("auc_percent", "AUC (%)", "AUC_pct"),
    "aac": ("aac", "AAC", "aac_recomputed", "area_above_curve", "aac_fraction"),
    "aac_percent": ("aac_percent", "AAC (%)"),
}
"""Headers that name a quantity; {u} and {U} are its unit."""
UNITS = {"m": "M", "mm": "mM", "um": "µM", "nm": "nM"}
UNTOLD = ("response", "value", "IC50", "ic50_published", "log2_ic50", "log10_ic50", "log_ic50", "LN_IC50", "AUC")
"""Headers that leave the unit, the base or everything open."""


@dataclass(frozen=True)
class Truth:
    """A small screen: ln IC50 in µM and the AUC as a fraction, over doses of 0.01 to 10 µM."""

    ln_ic50_um: Values
    auc_fraction: Values

    def of(self, measure: str) -> Values:
        """The truth of a measure of this kind; of other concentrations, as of the IC50."""
        return self.auc_fraction if measure == "auc_fraction" else self.ln_ic50_um


def draw_truth(potency: tuple[float, float], seed: int, lines: int = 12, drugs: int = 8) -> Truth:
    """ln IC50 = drug + line + noise; the AUC is the mean of 1 / (1 + dose / IC50) over the log dose, with noise."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(*potency, drugs)[:, None] + rng.normal(0, 0.7, lines) + rng.normal(0, 0.9, (drugs, lines))
    ln_ic50 = levels.ravel()
    doses = np.linspace(np.log(0.01), np.log(10), 9)
    auc = (1 / (1 + np.exp(doses - ln_ic50[:, None]))).mean(axis=1)
    return Truth(ln_ic50, np.clip(auc + rng.normal(0, 0.02, len(auc)), 0, 1))


def written(quantity: Quantity, truth: Truth, digits: int = 6) -> list[str]:
    """The truth as the quantity, as text of so many digits: the inverse of `Quantity.convert`."""
    values = (truth.of(quantity.measure) - quantity.offset) / quantity.slope
    return [f"{one:.{digits}g}" for one in (np.exp(values) if quantity.raw else values)]


def table(header: str, cells: list[str], **more: object) -> pd.DataFrame:
    """A response table of one line and as many drugs as there are cells."""
    ids = {"cell_line_id": [f"L{at}" for at in range(len(cells))], "drug_id": "a"}
    return pd.DataFrame({**ids, header: pd.Series(cells, dtype="str"), **more})


def telling() -> Iterator[tuple[Quantity, str]]:
    """Every quantity with each of the headers that name it."""
    for word, headers in TELLING["ic50"].items():  # type: ignore[union-attr]
        for (unit, symbol), header in product(UNITS.items(), headers):
            if word == "p":
                if unit == "m":
                    yield QUANTITIES["pic50"], header
            elif (name := f"{word}_{unit}") in QUANTITIES:
                yield QUANTITIES[name], header.format(u=unit, U=symbol)
    for name, headers in TELLING.items():
        if name != "ic50":
            yield from ((QUANTITIES[name], header) for header in headers)


def quantities() -> list[Quantity]:
    """The quantities that are written, each once."""
    return list(dict.fromkeys(quantity for quantity, _ in telling()))


PATH = Path("r.csv")
TRUTHS = [draw_truth(potency, seed) for seed, potency in enumerate(POTENCIES)]


def outcome(raw: pd.DataFrame, truth: Truth, stated: Stated) -> str:
    """What becomes of a table: right, refused, silently wrong, or told what it was taken for, which is wrong."""
    try:
        chosen = choose_response(raw, stated, PATH)
    except DataError:
        return "refused"
    if np.allclose(chosen.response, truth.of(chosen.quantity.measure), atol=2e-3):
        return "right"
    return "told" if any("is taken for" in notice for notice in chosen.notices) else "wrong"


def test_headers_that_tell_are_read_right_and_seldom_refused() -> None:
    seen = Counter(
        outcome(table(header, written(quantity, truth)), truth, Stated(measure=quantity.measure))
        for quantity, header in telling()
        for truth in TRUTHS
    )
    assert seen.total() >= 250
    assert seen["wrong"] == seen["told"] == 0
    assert seen["refused"] <= 0.06 * seen.total()  # AUC of compounds so potent that they pass for AAC


def test_headers_that_do_not_tell_are_refused_or_read_right() -> None:
    seen = Counter(
        outcome(table(header, written(quantity, truth)), truth, Stated())
        for quantity in quantities()
        for header in UNTOLD
        if quantity.kind == ("area" if header == "AUC" else "ic50") or header in ("response", "value")
        if not lies(header, quantity)
        for truth in TRUTHS
    )
    assert seen.total() >= 200
    assert seen["wrong"] == 0
    assert seen["told"] <= 1  # compounds of some nM as ln(nM) under LN_IC50


def lies(header: str, quantity: Quantity) -> bool:
    """Whether a header says something else than the quantity, rather than nothing."""
    word = header.lower().partition("_")[0]
    log = quantity.name.partition("_")[0]
    return (
        (word in ("ln", "log2", "log10") and word != log)
        or (word == "ic50" and not quantity.raw)
        or (word == "log" and (quantity.raw or log == "pic50"))
    )


def test_a_name_of_one_unit_over_values_of_another_kind_is_refused() -> None:
    seen = Counter(
        outcome(table(header, written(quantity, truth)), truth, Stated(measure=measure))
        for quantity in quantities()
        for header, measure in (("ln_ic50_um", "ln_ic50_um"), ("auc", "auc_fraction"), ("response", "auc_fraction"))
        if quantity.measure != measure
        for truth in TRUTHS
    )
    assert seen.total() >= 80
    assert set(seen) == {"refused"}


@pytest.mark.parametrize("name", ["pic50", "log10_m", "ic50_nm", "log2_m"])
def test_ln_ic50_by_name_that_is_another_unit_is_refused(name: str) -> None:
    found = {outcome(table("ln_ic50_um", written(QUANTITIES[name], one)), one, Stated()) for one in TRUTHS[:3]}
    assert found == {"refused"}


@pytest.mark.parametrize("header", ["response", "value"])
def test_what_is_stated_is_read_right(header: str) -> None:
    seen = Counter(
        outcome(table(header, written(quantity, truth)), truth, Stated(unit=quantity.name))
        for quantity in quantities()
        for truth in TRUTHS
    )
    assert set(seen) == {"right"}


def test_a_response_that_only_a_measure_names_is_read_right_refused_or_told() -> None:
    seen = Counter(
        outcome(table("response", written(quantity, truth)), truth, Stated(measure=quantity.measure))
        for quantity in quantities()
        for truth in TRUTHS
    )
    assert seen.total() >= 80
    assert seen["wrong"] == 0
    assert seen["told"] <= 13  # log10 and log2 of µM as ln(µM), and AAC about one half as AUC: the user has said so
