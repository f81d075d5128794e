"""Which gene sets a drug's scores stand out in: a mean score against that of the other genes, with its exact null.

For a set of m of G genes with scores t (`association`), the statistic is

    d = mean of t in the set - mean of t outside = w' t,   Var d = w' C w,   C = D^-1/2 Z' A^-1 Z D^-1/2,

D the diagonal of Z' A^-1 Z: C is the correlation of the scores where no gene has an effect, which the mixed model says
exactly. Genes of a set are expressed together, and their scores stray together; a test that permutes genes, as
pre-ranked enrichment does, takes that for a finding (Goeman & Buhlmann 2007, doi:10.1093/bioinformatics/btm051).
`camera` estimates an inflation factor a set for the same reason (Wu & Smyth 2012, doi:10.1093/nar/gks461); here nothing
has to be estimated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from bdrp.errors import DataError
from bdrp.explain.association import Associations
from bdrp.explain.line_covariance import Floats

LEAST_GENES: Final = 5  # chosen: a set of fewer genes is better read gene by gene
COLUMNS: Final = ("drug_id", "gene_set", "genes", "difference", "z", "p", "fdr", "direction", "leading_genes")
LEADING: Final = 5


def enrich(found: Associations, sets: Mapping[str, Collection[str]]) -> pd.DataFrame:
    """Every drug with every set that holds at least five of the genes; a row each, of smallest p first within a drug.

    Columns: drug_id, gene_set, genes (how many of the set have scores), difference (of mean scores), z (over its SD
    without any effect), p, fdr (Benjamini & Hochberg over the sets of a drug), direction (of the drug's effect where
    the set is expressed highly), leading_genes.

    Args:
        found: scores of genes.
        sets: genes by the name of their set, such as `bdrp.explain.gene_sets.read_gmt` gives.

    Raises:
        DataError: no set has enough genes with scores.
    """
    genes = found.score.columns
    inside = {name: np.asarray(genes.isin(list(members))) for name, members in sets.items()}
    kept = {name: member for name, member in inside.items() if LEAST_GENES <= member.sum() < len(genes)}
    if not kept:
        most = max((int(member.sum()) for member in inside.values()), default=0)
        raise DataError(
            f"Of {len(sets)} gene sets the largest has {most} of the {len(genes)} genes with scores. A set needs "
            f"{LEAST_GENES}. Give sets with symbols of the same kind, such as MSigDB's Hallmark."
        )
    member = np.array(list(kept.values()))
    weights = (member / member.sum(1, keepdims=True) - ~member / (~member).sum(1, keepdims=True)).T
    tables = [_one_drug(found, drug, weights, kept) for drug in range(len(found.score))]
    return pd.concat(tables, ignore_index=True)


def _one_drug(found: Associations, drug: int, weights: Floats, sets: Mapping[str, np.ndarray]) -> pd.DataFrame:
    scores = found.score.iloc[drug]
    difference = scores.to_numpy() @ weights
    z = difference / np.sqrt(_null_variance(found, drug, weights).clip(min=1e-12))
    p = 2 * norm.sf(np.abs(z))
    table = pd.DataFrame(
        {
            "drug_id": scores.name,
            "gene_set": list(sets),
            "genes": [int(member.sum()) for member in sets.values()],
            "difference": difference,
            "z": z,
            "p": p,
            "fdr": false_discovery_control(p, method="bh"),
            "direction": np.where(z < 0, "sensitive", "resistant"),
            "leading_genes": [
                ", ".join((np.sign(value) * scores[member]).nlargest(LEADING).index)
                for value, member in zip(z, sets.values(), strict=True)
            ],
        }
    )
    return table.sort_values("p", kind="stable")[list(COLUMNS)]


def _null_variance(found: Associations, drug: int, weights: Floats) -> Floats:
    """(S,) w' C w of S columns of weights (G, S)."""
    score, effect = found.score.iloc[drug].to_numpy(), found.effect.iloc[drug].to_numpy()
    part = found.observed_part(drug)
    ratio = np.divide(score, effect, out=np.zeros_like(score), where=effect != 0)  # sqrt(D) / s
    scale = found.residual_sd.iloc[drug] * ratio
    columns = found.covariance.expression @ np.divide(
        weights, scale[:, None], out=np.zeros_like(weights), where=scale[:, None] > 0
    )
    return np.asarray((columns * part.solve(columns)).sum(0))
