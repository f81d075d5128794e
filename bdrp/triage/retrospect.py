"""What a review queue would have bought: errors of what is accepted without a look, where responses are known.

Of held-out pairs, a share goes into the queue, is measured, and errs no more; the rest is accepted as predicted. How
much of the error is left in the rest is compared with queues that are drawn at random, that an oracle fills with the
largest errors, and that go by each drug's residual SD alone, which knows no pair but which drugs are hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import Floats, check_observed
from bdrp.evaluation.point_metrics import nan_mean
from bdrp.evaluation.selective import drug_sd, mse_of_retained, mse_of_retained_within
from bdrp.predictive import PredictiveDistribution
from bdrp.triage.facts import compute_facts
from bdrp.triage.policy import Policy
from bdrp.triage.predictions import check_predictions

LOSSES: Final = ("squared_error", "wrong_call")
COLUMNS: Final = ("ranking", "loss", "queued", "accepted", "expected", "relative", "relative_within_drug")


def simulate_review(
    pred: PredictiveDistribution,
    observed: pd.DataFrame,
    policy: Policy | None = None,
    queued: Sequence[float] = (0.2, 0.5),
    seed: int = 0,
) -> pd.DataFrame:
    """Errors of the accepted pairs, by how the queue is filled and how large it is.

    Args:
        pred: of N held-out pairs, each once.
        observed: their responses in the same order; see `bdrp.evaluation.score` for the columns.
        policy: of the queue; its quotas and limits are not kept, for a queue of such a size holds everything.
        queued: shares of the pairs that are reviewed.
        seed: deals the lines into halves, of which each gives the other's residual SDs of drugs.

    Returns:
        A row a ranking, loss and size, with `COLUMNS`. ranking is `queue` (the priority of `rank`), `sd` (predictive
        SD), `wrong_side` (its chance), `drug_sd`, `random` or `oracle`; loss is the squared error, or 1 for a wrong
        call of sensitive or not. accepted is the mean loss of the accepted, expected what the predictions themselves
        say it is; relative is accepted as a share of all pairs' loss, and relative_within_drug the same where each drug
        has a queue of its own, averaged over drugs with at least 20 pairs and some loss.

    Raises:
        DataError: a share is no share, or see `rank` and `bdrp.evaluation.score`.
    """
    if not all(0 < share < 1 for share in queued):
        raise DataError(f"queued is {tuple(queued)}. Shares of the pairs are needed, between 0 and 1. Correct them.")
    check_observed(pred, observed)
    once = ~pred.keys.duplicated().to_numpy()
    pred = pred[once]
    responses = check_observed(pred, observed[once].reset_index(drop=True))
    facts = compute_facts(*check_predictions(pred), policy or Policy())
    called, found = facts["mean"] < facts["threshold"], responses.response < facts["threshold"]
    squared = np.square(responses.response - pred.mean), pred.variance
    wrong = (called != found).to_numpy(dtype=np.float64), facts["wrong_side"].to_numpy()
    nothing = np.zeros(len(pred))
    rows = []
    for loss, (values, expected) in zip(LOSSES, (squared, wrong), strict=True):
        rankings = {
            "queue": facts["priority"].to_numpy(),
            "sd": pred.std,
            "wrong_side": wrong[1],
            "drug_sd": drug_sd(values, responses, seed),
            "random": nothing,
            "oracle": values,
        }
        for ranking, by in rankings.items():
            within = nothing if ranking == "drug_sd" else by  # the halves apart, it is one number a drug
            for share in queued:
                overall = _left(values, expected, by, 1 - share)
                relative = mse_of_retained_within(values, within, responses.drug_codes, 1 - share)
                rows.append((ranking, loss, share, *overall, nan_mean(relative)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _left(loss: Floats, expected: Floats, by: Floats, share: float) -> tuple[float, float, float]:
    """What is left in the accepted share: mean loss, mean expected loss, and the first as a share of all pairs'."""
    relative, expected_share = mse_of_retained(loss, by, share), mse_of_retained(expected, by, share)
    return relative * float(loss.mean()), expected_share * float(expected.mean()), relative
