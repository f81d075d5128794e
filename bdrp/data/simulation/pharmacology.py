"""What each drug does to each line before anyone measures it: the true ln IC50 of every pair.

    theta_ld = mu_d + sum_p B_dp A_lp + sum_g C_dg f(z_lg) + gamma_l + delta_ld               in ln(µM)

mu_d = ln(top dose of d) + family part + own part. B_dp is mostly the family's: a main slope on the drug's pathway, one
on a second pathway, and the drug's own change of both. C_dg acts through z_lg, the expression of a causal gene
standardised over lines, and f(z) = 2 tanh(z / 2), since an effect of expression saturates. gamma_l is the line's
sensitivity to everything: the faster it divides the more sensitive, blood more than solid tissue, and something of its
own. delta_ld belongs to the pair alone: no model can know it from expression and structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.simulation import facts
from bdrp.data.simulation.biology import Cells

Floats = npt.NDArray[np.float64]

ABOVE_TOP: Final = 0.35
"""Mean of mu_d - ln(top dose), ln units; chosen: about half of all ln IC50 lie beyond the highest dose, between CCLE's
56 % at its cap and a comfortable screen's third."""
FAMILY_POTENCY: Final = 0.9
"""SD of the family part of mu_d, ln units; chosen: as large as the own part, so that structure says half of potency."""
OWN_POTENCY: Final = 0.8
"""SD of the own part of mu_d, ln units; chosen: drugs of one class differ by a factor of two or three."""
MAIN_SLOPE: Final = (0.80, 0.15)
"""Mean and SD over families of -B on the drug's own pathway, ln units a unit; chosen: the largest effect."""
SECOND_SLOPE: Final = 0.35
"""SD over families of B on one other pathway; chosen: under half of the main slope."""
DRUG_CHANGE: Final = 0.2
"""Relative SD of a drug's slopes about its family's; chosen: siblings stay recognisable."""
GENE_EFFECT: Final = (0.45, 0.35, 0.30)
"""|C| of a drug's first, second and third causal gene, ln units a unit of f; chosen: below the pathway, not far."""
DIVISION: Final = -0.30
"""gamma_l a unit of cell-cycle activity, ln units; chosen: fast-dividing lines are more sensitive to most drugs."""
BLOOD: Final = -0.6
"""gamma_l of blood lines, ln units; chosen: less than half of GDSC2's 1.5 below other lines, partly division."""
TISSUE_SENSITIVITY: Final = 0.15
"""SD of gamma_l over other tissues; chosen: small."""
LINE_SENSITIVITY: Final = 0.15
"""SD of the part of gamma_l that expression does not show; chosen: small, a new line should be predictable."""
PAIR_SENSITIVITY: Final = 0.20
"""SD of delta_ld; chosen: below the noise of one measurement, which is what should limit a prediction."""
FAMILY_SLOPE: Final = 0.20
"""SD over families of ln h; chosen: Hill slopes mostly between 0.6 and 1.6."""
OWN_SLOPE: Final = 0.10
"""SD over drugs of ln h within a family; chosen: half of the family's."""
FAMILY_NOISE: Final = 0.35
"""SD over families of ln kappa_d, how badly a drug behaves in plates; chosen: solubility goes with chemistry."""
OWN_NOISE: Final = 0.25
"""SD over drugs of ln kappa_d within a family; chosen: less than the family's."""
SLOW_NOISE: Final = -0.25
"""ln q_l a unit of cell-cycle activity, q_l how badly a line behaves; chosen: few cells count less exactly."""
LINE_NOISE: Final = 0.12
"""SD of the part of ln q_l that expression does not show; chosen: smaller than the part that it does."""


@dataclass(frozen=True)
class Pharmacology:
    """L lines by D drugs.

    Attributes:
        ln_ic50: (L, D), theta in ln(µM).
        hill: (D,), slope of each drug's curves.
        drug_noise: (D,), kappa: how much a drug's wells scatter, 1 is usual.
        line_noise: (L,), q: the same of a line.
        causal_genes: of each drug, its one to three causal genes, strongest first.
    """

    ln_ic50: Floats
    hill: Floats
    drug_noise: Floats
    line_noise: Floats
    causal_genes: Mapping[str, tuple[str, ...]]


def simulate_pharmacology(cells: Cells, drugs: pd.DataFrame, rng: np.random.Generator) -> Pharmacology:
    """The true response of every line of `cells` to every drug of `drugs` (`facts.drugs()`, indexed by drug_id)."""
    family = pd.factorize(drugs["family"])[0]
    mean = np.log(drugs["top_dose_um"].to_numpy()) + ABOVE_TOP + _shared(family, FAMILY_POTENCY, OWN_POTENCY, rng)
    pathway = cells.activity.to_numpy() @ _pathway_slopes(drugs, cells.activity.columns, rng).T
    gene = _saturated(cells.expression) @ _gene_effects(drugs, cells.expression.columns, rng).T
    pair = PAIR_SENSITIVITY * rng.standard_normal(pathway.shape)
    division = cells.activity["Cell cycle"].to_numpy()
    return Pharmacology(
        ln_ic50=mean + pathway + gene + _line_sensitivity(cells, rng)[:, None] + pair,
        hill=np.exp(_shared(family, FAMILY_SLOPE, OWN_SLOPE, rng)),
        drug_noise=np.exp(_shared(family, FAMILY_NOISE, OWN_NOISE, rng)),
        line_noise=np.exp(SLOW_NOISE * division + LINE_NOISE * rng.standard_normal(len(division))),
        causal_genes={drug: tuple(facts.markers(listed)) for drug, listed in drugs["genes"].items()},
    )


def _shared(family: npt.NDArray[np.intp], between: float, within: float, rng: np.random.Generator) -> Floats:
    """Normal draws (D,) of which drugs of one family share a part; the family part is centred over drugs."""
    common = rng.standard_normal(family.max() + 1)[family]
    return np.asarray(between * (common - common.mean()) + within * rng.standard_normal(len(family)), dtype=float)


def _pathway_slopes(drugs: pd.DataFrame, names: pd.Index, rng: np.random.Generator) -> Floats:
    """B, (D, pathways)."""
    slopes = np.zeros((len(drugs), len(names)))
    for _, rows in drugs.reset_index().groupby("family", sort=False):
        main = int(names.get_loc(rows["pathway"].iloc[0]))
        second = (main + rng.integers(1, len(names))) % len(names)
        slopes[rows.index, main] = -rng.normal(*MAIN_SLOPE)
        slopes[rows.index, second] = rng.normal(0.0, SECOND_SLOPE)
    return slopes * (1 + DRUG_CHANGE * rng.standard_normal(slopes.shape))


def _gene_effects(drugs: pd.DataFrame, names: pd.Index, rng: np.random.Generator) -> Floats:
    """C, (D, G)."""
    effects = np.zeros((len(drugs), len(names)))
    for row, listed in enumerate(drugs["genes"]):
        for size, (gene, sign) in zip(GENE_EFFECT, facts.markers(listed).items(), strict=False):
            effects[row, names.get_loc(gene)] = sign * size
    return effects * (1 + DRUG_CHANGE * rng.standard_normal(effects.shape))


def _saturated(expression: pd.DataFrame) -> Floats:
    """f(z), (L, G)."""
    standard = (expression - expression.mean()) / expression.std(ddof=0)
    return np.asarray(2 * np.tanh(standard.to_numpy() / 2), dtype=float)


def _line_sensitivity(cells: Cells, rng: np.random.Generator) -> Floats:
    """gamma, (L,)."""
    codes, tissues = pd.factorize(cells.lines["tissue"])
    tissue = np.where(tissues == "Blood", BLOOD, TISSUE_SENSITIVITY * rng.standard_normal(len(tissues)))
    own = LINE_SENSITIVITY * rng.standard_normal(len(codes))
    return np.asarray(DIVISION * cells.activity["Cell cycle"].to_numpy() + tissue[codes] + own, dtype=float)
