"""Why an interval is as wide as it is: what the predictive variance of a pair consists of.

The epistemic variance is an exact sum over what is not known (`hierarchical.pair_posterior`); each part belongs to
one of these:

    noise            of the assay, and what stays unexplained by all that the model reads
    unseen_drug      level, slopes and loadings of a drug id that was not trained on
    unseen_line      deviations of a line that was not trained on
    missing_profile  a modality that the line has no profile of
    drug_data        the same coefficients of a trained drug: measured on few lines, or lines unlike this one
    line_data        of a trained line: measured with few drugs
    weights          of the network's last layer, which all pairs share

What line and drug are jointly not known for is halved between them, unless one alone is unseen, which then has it.
Recalibration scales noise and the rest as it scales them in the prediction; what was measured since the fit scales all
but the noise by one factor, for it tells of all of them together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
import torch

from bdrp.explain.pair_terms import PairTerms
from bdrp.predictive import PairMoments, PredictiveDistribution

SHARES: Final = {
    "noise": "noise of the assay, and what stays unexplained",
    "unseen_drug": "a drug that was not trained on",
    "unseen_line": "a line that was not trained on",
    "missing_profile": "a profile that the line lacks",
    "drug_data": "few or other lines measured with the drug",
    "line_data": "few drugs measured on the line",
    "weights": "the network's last layer",
}
"""What a variance consists of, in words."""


@torch.no_grad()
def variance_shares(read: PairTerms, predicted: PredictiveDistribution, moments: PairMoments) -> pd.DataFrame:
    """(N, shares) parts of the predictive variance, in the measure's unit squared; rows sum to it.

    Args:
        read: the parts of the linear predictor.
        predicted: the recalibrated distributions.
        moments: of the pairs before recalibration.
    """
    known, pairs = read.known, read.pairs
    drug, line = (effect >= 0 for effect in (read.inputs.drug_effect[pairs.drug], read.inputs.line_effect[pairs.line]))
    missing = (read.unknown * (known.v[pairs.drug] ** 2 + known.v_variance[pairs.drug])).sum(1)
    of_drug = known.v_variance[pairs.drug, 0] + read.variance_of_slopes() - missing + read.variance_of_loadings()
    of_line = torch.einsum("nr,nrs,ns->n", read.by_line, known.u_covariance[pairs.line], read.by_line)
    share = torch.where(drug == line, 0.5, torch.where(drug, 0.0, 1.0)).double()  # the drug's, of what is of both
    of_drug, of_line = of_drug + share * read.variance_of_both(), of_line + (1 - share) * read.variance_of_both()
    parts = {
        "unseen_drug": torch.where(drug, 0.0, of_drug),
        "unseen_line": torch.where(line, 0.0, of_line),
        "missing_profile": missing,
        "drug_data": torch.where(drug, of_drug, 0.0),
        "line_data": torch.where(line, of_line, 0.0),
        "weights": read.variance_of_network(),
    }
    unit = read.layer.features.response_std
    table = pd.DataFrame({name: unit**2 * part.cpu().numpy() for name, part in parts.items()})
    scale = np.divide(predicted.epistemic, moments.epistemic, out=np.zeros(len(table)), where=moments.epistemic > 0)
    table = table.mul(scale, axis=0)
    table.insert(0, "noise", predicted.aleatoric)
    return table
