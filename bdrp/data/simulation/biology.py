"""Cell lines, the activities of their pathways, and the expression that these make.

    A_lp = w T_tp + sqrt(1 - w^2) (r P_lp + sqrt(1 - r^2) e_lp)          T, P, e ~ N(0, 1) of tissue, patient, line
    E_lg = soft(b_g + m_tg + s_tg + W_gp A_lp + sd_g (r P'_lg + sqrt(1 - r^2) e'_lg))      in log2 units, as RMA gives

`w` and `r` are `TISSUE_SHARE` and `PATIENT_SHARE`; b_g is the gene's base, m_tg its rise in the tissue that it marks,
s_tg the small change of any gene with tissue, W_gp its loading on its pathway (none for genes without one; negative for
a repressor), and soft(x) = floor + ln(1 + exp(x - floor)) the array's background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.simulation import facts

Floats = npt.NDArray[np.float64]

LINES: Final[Mapping[str, int]] = {
    "Lung": 30,
    "Blood": 24,
    "Breast": 19,
    "Colon": 18,
    "Skin": 15,
    "Brain": 14,
    "Ovary": 12,
    "Pancreas": 11,
    "Kidney": 9,
    "Liver": 8,
}
"""Lines a tissue; chosen: the order of sizes of the large public screens, at a sixth of their number."""

TWINS: Final = 12
"""Patients with two lines (say, of the tumour and of a metastasis); chosen: about one patient in twelve, as in GDSC."""

TISSUE_SHARE: Final = 0.55
"""w, so that a tissue explains w^2 = 30 % of a pathway's variance; chosen: well above nothing, well below all."""
PATIENT_SHARE: Final = 0.80
"""r, so that two lines of one patient share r^2 = 64 % of what their tissue leaves; chosen: they must look related."""
PROLIFERATION: Final = 0.45
"""Correlation of mitosis and of DNA repair with the cell cycle; chosen: dividing cells run all three."""

BASE: Final = (7.0, 1.6)
"""Mean and SD of b_g over genes, log2; chosen: RMA arrays centre near 7 and span 3 to 13."""
MARKER_RISE: Final = (3.0, 5.0)
"""Range of m_tg, log2; chosen: a lineage marker is 8 to 32 times as high in its own tissue."""
TISSUE_CHANGE: Final = 0.35
"""SD of s_tg, log2; chosen: about half of a gene's own spread."""
LOADING: Final = (0.5, 1.1)
"""Range of |W_gp|, log2 a unit of activity; chosen: a module's genes correlate 0.5 to 0.9 with their pathway."""
FLIPPED: Final = 0.12
"""Share of pathway genes, repressors apart, with a negative loading; chosen: most module genes rise together."""
OWN_SPREAD: Final = (0.35, 0.70)
"""Range of sd_g, log2; chosen: what is left of a gene's spread when its module is known."""
CAUSAL_SPREAD: Final = 0.9
"""sd_g of genes that cause responses, log2; chosen: enough to tell a causal gene from its module."""
BACKGROUND: Final = 2.5
"""floor of the array, log2; chosen: the lowest values that RMA reports."""


@dataclass(frozen=True)
class Cells:
    """L lines. `lines`: name, tissue, patient_id; `activity`: (L, 16), unit variance; `expression`: (L, G), log2."""

    lines: pd.DataFrame
    activity: pd.DataFrame
    expression: pd.DataFrame


def simulate_cells(rng: np.random.Generator) -> Cells:
    """All lines of the screen, indexed by cell_line_id."""
    lines = _lines(rng)
    activity = _activity(lines, rng)
    return Cells(lines, activity, _expression(lines, activity, rng))


def _lines(rng: np.random.Generator) -> pd.DataFrame:
    tissue = np.repeat(list(LINES), list(LINES.values()))
    names = [f"{name.upper()}-{i + 1:02d}" for name, count in LINES.items() for i in range(count)]
    patient = np.arange(len(tissue))
    same_tissue = np.flatnonzero(tissue[1:] == tissue[:-1])[::2]  # every second, so that no patient has three lines
    first = rng.choice(same_tissue, TWINS, replace=False)
    patient[first + 1] = patient[first]
    ids = pd.Index([f"SIM{i + 1:04d}" for i in range(len(tissue))], name="cell_line_id")
    return pd.DataFrame({"name": names, "tissue": tissue, "patient_id": [f"PT{p + 1:04d}" for p in patient]}, index=ids)


def _activity(lines: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    names = facts.pathways()
    own = _per(lines["tissue"], len(names), rng) * TISSUE_SHARE
    own += np.sqrt(1 - TISSUE_SHARE**2) * _patient_and_line(lines["patient_id"], len(names), rng)
    own = (own - own.mean(0)) / own.std(0)
    activity = pd.DataFrame(own, index=lines.index, columns=list(names))
    for follower in ("Mitosis", "DNA repair"):
        kept = np.sqrt(1 - PROLIFERATION**2)
        activity[follower] = PROLIFERATION * activity["Cell cycle"] + kept * activity[follower]
    return activity / activity.std(ddof=0)


def _expression(lines: pd.DataFrame, activity: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    genes = facts.genes()
    signal = rng.normal(*BASE, len(genes)) + TISSUE_CHANGE * _per(lines["tissue"], len(genes), rng)
    signal += _marker_rise(lines["tissue"], genes, rng)
    signal += activity.to_numpy() @ _loadings(genes, rng)
    causal = {gene for listed in facts.drugs()["genes"] for gene in facts.markers(listed)}
    spread = np.where(genes["symbol"].isin(causal), CAUSAL_SPREAD, rng.uniform(*OWN_SPREAD, len(genes)))
    signal += spread * _patient_and_line(lines["patient_id"], len(genes), rng)
    observed = BACKGROUND + np.logaddexp(0.0, signal - BACKGROUND)
    return pd.DataFrame(observed, index=lines.index, columns=genes["symbol"].tolist()).rename_axis(columns=None)


def _loadings(genes: pd.DataFrame, rng: np.random.Generator) -> Floats:
    """W, (pathways, G): one loading a pathway gene, on its own pathway."""
    size = rng.uniform(*LOADING, len(genes))
    flipped = np.where(rng.random(len(genes)) < FLIPPED, -1.0, 1.0)
    causal = {gene for listed in facts.drugs()["genes"] for gene in facts.markers(listed)}
    flipped = np.where(genes["symbol"].isin(causal), 1.0, flipped)
    sign = np.where(genes["symbol"].isin(facts.repressors()), -1.0, flipped)
    member = np.array([(genes["role"] == "pathway") & (genes["module"] == name) for name in facts.pathways()])
    return np.asarray(member * sign * size, dtype=float)


def _marker_rise(tissue: pd.Series, genes: pd.DataFrame, rng: np.random.Generator) -> Floats:
    marks = genes["module"].where(genes["role"] == "marker", "").to_numpy()
    own = tissue.to_numpy()[:, None] == marks[None, :]
    return np.asarray(own * rng.uniform(*MARKER_RISE, len(genes)), dtype=float)


def _per(groups: pd.Series, columns: int, rng: np.random.Generator) -> Floats:
    """Standard normal draws (rows, columns) that are equal within a group."""
    codes, found = pd.factorize(groups)
    return np.asarray(rng.standard_normal((len(found), columns))[codes], dtype=float)


def _patient_and_line(patients: pd.Series, columns: int, rng: np.random.Generator) -> Floats:
    """Unit normal draws (rows, columns), correlated by r^2 within a patient."""
    own = rng.standard_normal((len(patients), columns))
    shared = _per(patients, columns, rng)
    return np.asarray(PATIENT_SHARE * shared + np.sqrt(1 - PATIENT_SHARE**2) * own, dtype=float)
