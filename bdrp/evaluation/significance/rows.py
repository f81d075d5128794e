"""One row a pair: what comparisons of methods are made of."""

from __future__ import annotations

import pandas as pd

from bdrp.evaluation.by_group import score_rows
from bdrp.evaluation.observed import check_observed
from bdrp.predictive import PredictiveDistribution


def pair_rows(pred: PredictiveDistribution, observed: pd.DataFrame) -> pd.DataFrame:
    """Everything that a metric of `METRICS` needs, a row a pair; arguments as in `bdrp.evaluation.score`.

    To compare methods, stack the rows of all of them under a column `method`, and under `split`, `fold` and `seed`
    where there are several: `pair_rows(pred, observed).assign(method="ridge", split="cell_line", fold=0, seed=0)`.

    Raises:
        DataError: the table does not fit the predictions, or a response is not finite.
    """
    seen = check_observed(pred, observed)
    about = pd.DataFrame({"drug_id": seen.drugs, "tissue": seen.tissues, "extrapolated": seen.is_censored})
    numbers = {"response": seen.response, "mean": pred.mean, "mean_effects": seen.mean_effects}
    return pd.concat([score_rows(pred, seen), about.assign(**numbers)], axis=1)
