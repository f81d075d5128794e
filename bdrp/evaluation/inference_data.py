"""Predictions as ArviZ sees them, for its own posterior predictive checks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import check
from bdrp.predictive import PredictiveDistribution

if TYPE_CHECKING:
    import arviz

CHAINS = 4  # chosen: ArviZ expects several; independent draws may be dealt out to any number


def inference_data(
    pred: PredictiveDistribution, observed: pd.DataFrame, *, draws: int = 100, most_pairs: int = 2000, seed: int = 0
) -> arviz.InferenceData:
    """Posterior predictive draws beside the observed responses, ready for `arviz.plot_ppc`, `plot_bpv` and the like.

    There is no posterior group: the weights are integrated out in closed form, and no weight was ever drawn.

    Args:
        pred: the predictions of N pairs.
        observed: the same pairs in the same order: cell_line_id, drug_id, response.
        draws: responses a pair in each of four chains; all are independent.
        most_pairs: a random part of this size is taken of more pairs, since ArviZ holds every draw in memory.
        seed: decides which pairs and which draws.

    Returns:
        Groups posterior_predictive (chain, draw, pair), observed_data (pair), and constant_data (pair) with the keys
        and the predicted mean and SDs. The coordinate `pair` is the row in `observed`.

    Raises:
        DataError: the table does not fit the predictions, or no draw or pair is asked for.
    """
    seen = check(pred, observed)
    if draws < 1 or most_pairs < 1:
        raise DataError(
            f"{draws} draws of at most {most_pairs} pairs leave nothing to look at. "
            "Allowed: 1 or more of each. Leave them out to get 100 draws of 2000 pairs."
        )
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(pred), min(most_pairs, len(pred)), replace=False))
    some = pred[rows]
    sampled = some.sample(CHAINS * draws, int(rng.integers(2**32))).reshape(CHAINS, draws, len(rows))
    names = ["cell_line_id", "drug_id", "mean", "std", "aleatoric_std", "epistemic_std"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

        return arviz.from_dict(
            posterior_predictive={"response": sampled},
            observed_data={"response": seen.response[rows]},
            constant_data={name: column.to_numpy(dtype=object) for name, column in some.to_frame()[names].items()},
            coords={"pair": rows},
            dims={name: ["pair"] for name in ("response", *names)},
            attrs={"measure": pred.measure, "unit": pred.unit, "seed": seed},
        )
