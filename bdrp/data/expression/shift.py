"""How far a cohort's expression is from what a model was trained on, told without any response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from bdrp.data.expression.odd_lines import UNLIKE, correlate_with
from bdrp.data.expression.reference import Floats, Reference, rank_values
from bdrp.data.expression.scale import HIGHEST_LOG, Scale, column_moments, describe_values, tell_scale

FEWEST_LINES: Final = 5
"""Lines from which the SD of a gene says something; chosen."""
ENOUGH_LINES: Final = 20
"""Lines from which the skewness of a gene says something; of 20 of GDSC's or CCLE's it correlates by 0.63 or more."""
ENOUGH_GENES: Final = 100
"""Genes whose skewness is compared; chosen: chance correlates them by 0.1."""
FEWEST_GENES: Final = 10
"""Genes from which a shift is judged; chosen: of fewer, one odd gene is the median."""
FEW_GENES: Final = 500
"""Genes by which lines are told that run along the training means; chosen: a correlation of 0 is then 7 standard errors
from one of -0.3."""
MOST_LINES: Final = 200
"""Lines that are looked at."""
PERMUTATIONS: Final = 20
BEYOND: Final = 6.0
"""SDs at which the scaler of expression clips."""

OTHER_FORMS: Final[Mapping[str, tuple[str, Callable[[Floats], Floats]]]] = MappingProxyType(
    {
        "tpm": ("log2(x + 1)", lambda x: np.log2(np.maximum(x, 0) + 1)),
        "ln": ("x / ln(2)", lambda x: x / np.log(2)),
        "log10": ("x / log10(2)", lambda x: x / np.log10(2)),
        "from log2": ("x * ln(2)", lambda x: x * np.log(2)),
        "before a logarithm": ("2 ** x - 1", lambda x: np.exp2(np.minimum(x, HIGHEST_LOG)) - 1),
    }
)
"""What values would be if they were on another scale, by what they then are: a formula, and the map."""


@dataclass(frozen=True)
class Shift:
    """A cohort beside the training lines, in SDs of each training gene.

    Attributes:
        lines: L of the cohort. genes: those that both have and that vary.
        scale: what the cohort's values look like. seen: their range in words.
        distance: median over genes of |mean over lines|; `by_chance` what as many training lines would have.
        far_genes: genes whose mean is more than 2 SDs away.
        spread: median over genes of the cohort's SD; NaN of few lines.
        beyond: share of values more than `BEYOND` SDs away.
        level: Pearson correlation of the genes' means with the training means; NaN where these hardly differ.
        structure: how much of the training lines' correlation of genes the cohort has: 1 all, 0 as after shuffling
            the names of the genes; NaN where that cannot be seen.
        remedies: by formula, the distance that would be left.
        slope: of the cohort's means on the training means.
        negated: lines whose levels run against the training means; none where these hardly differ.
        asymmetry: correlation of the genes' skewness with that of the training lines: negated values have a negative
            one, whatever their level; NaN of few lines or genes.
    """

    lines: int
    genes: int
    scale: Scale
    seen: str
    distance: float
    by_chance: float
    far_genes: int
    spread: float
    beyond: float
    level: float
    structure: float
    remedies: Mapping[str, float]
    slope: float
    negated: tuple[str, ...] = ()
    asymmetry: float = float("nan")


def measure_shift(table: pd.DataFrame, reference: Reference) -> Shift:
    """Compare a cohort (lines, genes) with the training lines; genes go by the reference's names."""
    every = reference.values_of(table)
    values = every[:: max(1, len(table) // MOST_LINES)]
    varies = np.isfinite(reference.sd)
    known = np.asarray(np.isfinite(values[:, varies]).any(axis=0))
    held = np.flatnonzero(varies)[known]
    part, values = reference.varying.select(known), values[:, held]
    scaled = part.standardise(values)
    centre, spread = column_moments(scaled)
    means, level = column_moments(values)[0], float("nan")
    if _means_differ(part):
        level = float(np.corrcoef(rank_values(means), part.mean_ranks)[0, 1]) if means.std() > 0 else 0.0
    return Shift(
        lines=len(table),
        genes=len(held),
        scale=tell_scale(values),
        seen=describe_values(values),
        distance=_distance(centre),
        by_chance=0.674 / np.sqrt(max(len(table), 1)),
        far_genes=int((np.abs(centre) > 2).sum()),
        spread=float(np.nanmedian(spread)) if len(values) >= FEWEST_LINES and len(held) else float("nan"),
        beyond=_share_beyond(scaled),
        level=level,
        structure=_structure(part, values),
        remedies={
            name: _distance(column_moments(part.standardise(to(values)))[0]) for name, (_, to) in OTHER_FORMS.items()
        },
        slope=float("nan") if np.isnan(level) else _slope(part, means),
        negated=_list_negated(part, every[:, held], table.index),
        asymmetry=_asymmetry(part, values),
    )


def _distance(centre: Floats) -> float:
    return float(np.nanmedian(np.abs(centre))) if len(centre) else float("nan")


def _share_beyond(scaled: Floats) -> float:
    seen = scaled[np.isfinite(scaled)]
    return float((np.abs(seen) > BEYOND).mean()) if len(seen) else 0.0


def _means_differ(part: Reference) -> bool:
    """Whether the training means differ by more than lines do: else their order says nothing."""
    return len(part.genes) >= FEWEST_GENES and bool(part.mean.std() >= np.median(part.sd))


def _list_negated(part: Reference, values: Floats, lines: pd.Index) -> tuple[str, ...]:
    if not _means_differ(part):
        return ()
    below = -max(UNLIKE, 4 / np.sqrt(len(part.genes)))  # beyond what shuffled names of genes give
    step = -(-len(part.genes) // FEW_GENES)
    doubtful = np.flatnonzero(~(correlate_with(values[:, ::step], part.mean[::step]) > 0))
    against = doubtful[correlate_with(values[doubtful], part.mean) < below]
    return tuple(map(str, lines[against]))


def _asymmetry(part: Reference, values: Floats) -> float:
    if part.skewness is None or len(values) < ENOUGH_LINES or len(part.genes) < ENOUGH_GENES:
        return float("nan")
    clipped = np.clip(_own_scale(values), -BEYOND, BEYOND)
    own = (clipped * clipped * clipped).mean(axis=0)
    if not own.std() or not part.skewness.std():
        return float("nan")
    return float(np.corrcoef(own, part.skewness)[0, 1])


def _slope(part: Reference, means: Floats) -> float:
    centred = part.mean - part.mean.mean()
    return float(centred @ (means - means.mean()) / (centred @ centred))


def _structure(part: Reference, values: Floats) -> float:
    """Share of the training correlation of genes that the cohort has, see `Shift.structure`.

    The cohort's standardised lines lie along the training components v_k, of variance λ_k, by T = Σ λ_k |Z v_k|². If
    genes go together as in training, T is n Σ λ_k²; the mean over shuffled names says what chance gives.
    """
    if len(values) < FEWEST_LINES or len(part.genes) < FEWEST_GENES or not part.directions[0].shape[1]:
        return float("nan")
    (directions, variance), scaled = part.directions, _own_scale(values)
    rng = np.random.default_rng(0)

    def along(names: Any) -> float:
        return float((((scaled @ directions[names]) ** 2).sum(axis=0) * variance).sum())

    shuffled = [along(rng.permutation(len(directions))) for _ in range(PERMUTATIONS)]
    chance, noise = float(np.mean(shuffled)), float(np.std(shuffled))
    whole = len(scaled) * float((variance**2).sum())
    if whole - chance < 8 * noise:  # too few lines or genes to see it
        return float("nan")
    return (along(slice(None)) - chance) / (whole - chance)


def _own_scale(values: Floats) -> Floats:
    """(L', G) standardised by the cohort's own means and SDs; 0 where missing, without genes that do not vary."""
    centre, spread = column_moments(values)
    return np.nan_to_num((values - centre) / np.where(spread > 0, spread, np.inf))
