"""What nobody sees in a real screen: what repeated experiments on every pair would report.

For pair (l, d), R experiments are run in each laboratory k that screens the drug, as `laboratories.run` runs those of
the screen, with draws of their own. With w_k the drug's share of experiments in k, m_k and s_k^2 their mean and
variance,

    mean = sum_k w_k m_k,        noise_sd^2 = sum_k w_k (s_k^2 + (m_k - mean)^2),

the moments of one reported response whose laboratory falls by lot. The Monte Carlo error of noise_sd is about
1 / sqrt(2 (R - 1)) of it: 9 % at R = 64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.data.simulation.laboratories import Design, Pairs, simulate_assays
from bdrp.data.simulation.pharmacology import Pharmacology

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The truth behind a simulated screen.

    Attributes:
        pairs: every line with every drug, measured or not: cell_line_id, drug_id, true_ln_ic50 (of the generative
            curve, ln(µM)), mean (expected reported response, in the screen's measure) and noise_sd (standard deviation
            of one reported response over repeated experiments: laboratory, plate and wells).
        causal_genes: of each drug_id, the genes whose expression changes its ln IC50, strongest first.
        pathway_activity: one row a cell_line_id, one column a pathway, unit variance.
    """

    pairs: pd.DataFrame
    causal_genes: Mapping[str, tuple[str, ...]]
    pathway_activity: pd.DataFrame


def moments(
    measure: str, pharmacology: Pharmacology, plan: Design, repeats: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Mean and standard deviation (L, D) of one reported response, in the measure."""
    shape = pharmacology.ln_ic50.shape
    mean, square = np.zeros(shape), np.zeros(shape)
    for laboratory in range(plan.shares.shape[1]):
        drugs = np.flatnonzero(plan.shares[:, laboratory] > 0)
        values = _repeated(measure, pharmacology, plan, laboratory, drugs, repeats, rng)
        share = plan.shares[drugs, laboratory]
        centre = values.mean(0)
        mean[:, drugs] += share * centre
        square[:, drugs] += share * (values.var(0, ddof=1) + centre**2)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def _repeated(
    measure: str,
    pharmacology: Pharmacology,
    plan: Design,
    laboratory: int,
    drugs: npt.NDArray[np.intp],
    repeats: int,
    rng: np.random.Generator,
) -> Floats:
    """Responses (R, L, drugs) of R experiments of one laboratory on each of its pairs."""
    lines = len(pharmacology.line_noise)
    line, drug = (values.ravel() for values in np.meshgrid(np.arange(lines), drugs, indexing="ij"))
    pairs = Pairs(line, drug, np.full(len(line), laboratory))
    reported = [simulate_assays(pairs, pharmacology, plan, rng).response(measure) for _ in range(repeats)]
    return np.stack(reported).reshape(repeats, lines, len(drugs))
