"""Predictions and posterior draws as ArviZ sees them, for its own checks."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import check_observed
from bdrp.predictive import Parameter, PosteriorDraws, PredictiveDistribution

if TYPE_CHECKING:
    import arviz

CHAINS = 4  # chosen: ArviZ expects several; independent draws may be dealt out to any number


def inference_data(
    pred: PredictiveDistribution, observed: pd.DataFrame, *, draws: int = 100, most_pairs: int = 2000, seed: int = 0
) -> arviz.InferenceData:
    """Posterior predictive draws beside the observed responses, ready for `arviz.plot_ppc`, `plot_bpv` and the like.

    There is no posterior group: the weights are integrated out in closed form, and no weight was ever drawn. For a
    model in memory `posterior_data` has one.

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
    seen = check_observed(pred, observed)
    check_counts(draws, most_pairs)
    rng = np.random.default_rng(seed)
    rows = choose_rows(len(pred), most_pairs, rng)
    some = pred[rows]
    sampled = split_into_chains(some.sample(CHAINS * draws, int(rng.integers(2**32))))
    names = ["cell_line_id", "drug_id", "mean", "std", "aleatoric_std", "epistemic_std"]
    return _assembled(
        {
            "posterior_predictive": {"response": sampled},
            "observed_data": {"response": seen.response[rows]},
            "constant_data": {name: _plain(column) for name, column in some.to_frame()[names].items()},
        },
        coords={"pair": rows},
        dims={name: ["pair"] for name in ("response", *names)},
        attrs={"measure": pred.measure, "unit": pred.unit, "seed": seed},
    )


def posterior_data(
    drawn: PosteriorDraws, pred: PredictiveDistribution, observed: pd.DataFrame, *, seed: int = 0
) -> arviz.InferenceData:
    """Posterior draws, with what they predict and how likely they make the responses, ready for `arviz.loo` and others.

    Args:
        drawn: S draws that know N pairs; S is a multiple of four, for they are dealt out to four chains.
        pred: the predictions of the same pairs by the same posterior.
        observed: the same pairs in the same order: cell_line_id, drug_id, response. The index names them.
        seed: what the draws were drawn with; kept as an attribute.

    Returns:
        Groups posterior (chain, draw, ...), posterior_predictive and log_likelihood (chain, draw, pair), observed_data
        (pair), and constant_data with keys, predicted mean and SDs (pair), and what was estimated and not drawn.
        The coordinate `pair` is the index of `observed`.

    Raises:
        DataError: the tables and draws are not of the same pairs, or the draws cannot be dealt out.
    """
    seen = check_observed(pred, observed)
    if len(drawn) != len(pred) or drawn.draws % CHAINS or not drawn.draws:
        raise DataError(
            f"{drawn.draws} draws know {len(drawn)} pairs, of which {len(pred)} are predicted. "
            f"Allowed: the same pairs, and a multiple of {CHAINS} draws. Draw again."
        )
    names = ["cell_line_id", "drug_id", "mean", "std", "aleatoric_std", "epistemic_std"]
    constant = {name: _plain(column) for name, column in pred.to_frame()[names].items()}
    everything = {**drawn.parameters, **drawn.estimates}
    return _assembled(
        {
            "posterior": {name: split_into_chains(parameter.values) for name, parameter in drawn.parameters.items()},
            "posterior_predictive": {"response": split_into_chains(drawn.response)},
            "log_likelihood": {"response": split_into_chains(drawn.log_likelihood)},
            "observed_data": {"response": seen.response},
            "constant_data": constant | {name: estimate.values for name, estimate in drawn.estimates.items()},
        },
        coords={"pair": observed.index.to_numpy()} | _labels(everything),
        dims={name: ["pair"] for name in ("response", *names)}
        | {name: list(parameter.dims) for name, parameter in everything.items()},
        attrs={"measure": pred.measure, "unit": pred.unit, "seed": seed},
    )


def check_counts(draws: int, most_pairs: int) -> None:
    """Refuse to look at nothing.

    Raises:
        DataError: no draw or no pair is asked for.
    """
    if draws < 1 or most_pairs < 1:
        raise DataError(
            f"{draws} draws of at most {most_pairs} pairs leave nothing to look at. "
            "Allowed: 1 or more of each. Leave them out to get 100 draws of 2000 pairs."
        )


def choose_rows(n: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """At most `most` of n rows, in order."""
    return np.sort(rng.choice(n, min(most, n), replace=False))


def split_into_chains(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(S, ...) independent draws as (4, S / 4, ...): one long chain would be warned of as a mistake."""
    return values.reshape(CHAINS, -1, *values.shape[1:])


def _labels(parameters: dict[str, Parameter]) -> dict[str, npt.NDArray[Any]]:
    """Coordinates of all axes that have labels."""
    return {
        axis: np.asarray(labels, dtype=object)
        for parameter in parameters.values()
        for axis, labels in parameter.labels.items()
    }


def _plain(column: pd.Series) -> npt.NDArray[Any]:
    """Text as objects, which netCDF can hold; numbers as they are."""
    return column.to_numpy() if column.dtype.kind == "f" else column.to_numpy(dtype=object)


def _assembled(groups: dict[str, Any], **about: Any) -> arviz.InferenceData:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ announces its own future when it is imported
        import arviz

        return arviz.from_dict(**groups, **about)
