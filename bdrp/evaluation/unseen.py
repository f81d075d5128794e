"""Does the model know what it has never seen? The epistemic SD as a detector of unseen drugs, lines or tissues."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bdrp.errors import DataError
from bdrp.evaluation.observed import Bools, Floats, encode_labels

TRIALS = 1000  # chosen: 2.5 % quantiles then rest on 25 shuffles each


def unseen_metrics(
    epistemic: npt.ArrayLike, unseen: npt.ArrayLike, groups: npt.ArrayLike, seed: int
) -> dict[str, float]:
    """The AUROC of the epistemic SD for telling pairs of unseen drugs (or lines, or tissues) from the others.

    It is the probability that a pair of an unseen group has a larger SD than a pair of a seen one, ties counting half.
    `auroc_null_lower` and `_upper` hold 95 % of what labels shuffled over whole groups give: all pairs of one drug are
    unseen together, so a few drugs stray far from 0.5 by chance, however many pairs they have.

    Args:
        epistemic: epistemic SDs or variances of N pairs.
        unseen: whether the pair's group was absent from training, (N,).
        groups: the drug, line or tissue that is unseen or not, (N,).
        seed: of the shuffles.

    Returns:
        auroc, auroc_null_lower, auroc_null_upper (nan if all pairs are of one kind), unseen_pairs, seen_pairs,
        unseen_groups, seen_groups.

    Raises:
        DataError: lengths differ, an SD is not finite, or a group is both seen and unseen.
    """
    from scipy.stats import rankdata

    epistemic_std, labels, names = np.asarray(epistemic, float), np.asarray(unseen, bool), pd.Series(np.asarray(groups))
    _check(epistemic_std, labels, names)
    member = encode_labels(names)
    size = np.bincount(member)
    rank_sum = np.asarray(np.bincount(member, weights=rankdata(epistemic_std)), dtype=np.float64)
    absent = np.bincount(member, weights=labels) > 0
    shuffled = np.random.default_rng(seed).permuted(np.tile(absent, (TRIALS, 1)), axis=1)
    low, high = np.quantile(_auroc(shuffled, rank_sum, size), [0.025, 0.975])
    counts = {"unseen_pairs": labels.sum(), "seen_pairs": (~labels).sum(), "unseen_groups": absent.sum()}
    return {
        "auroc": float(_auroc(absent[None], rank_sum, size)[0]),
        "auroc_null_lower": float(low),
        "auroc_null_upper": float(high),
        **{name: int(count) for name, count in counts.items()},
        "seen_groups": int((~absent).sum()),
    }


def _auroc(absent: Bools, rank_sum: Floats, size: npt.NDArray[np.intp]) -> Floats:
    """Mann and Whitney's U over the number of pairs of pairs, a value for each row of labels (S, groups)."""
    some = (absent @ size).astype(np.float64)
    possible = some * (size.sum() - some)
    wins = absent @ rank_sum - some * (some + 1) / 2
    return np.where(possible > 0, wins / np.where(possible > 0, possible, 1), np.nan)


def _check(epistemic_std: Floats, labels: Bools, names: pd.Series) -> None:
    if not (epistemic_std.ndim == 1 and epistemic_std.shape == labels.shape == names.shape and epistemic_std.size):
        raise DataError(
            f"SDs, labels and groups do not line up: {epistemic_std.shape}, {labels.shape} and {names.shape} were "
            "given. Allowed: one of each for every pair, at least one pair. Take all three from the same rows."
        )
    if not np.all(np.isfinite(epistemic_std)):
        raise DataError(
            f"{int(np.sum(~np.isfinite(epistemic_std)))} of {epistemic_std.size} epistemic SDs are not finite. "
            "Allowed: finite numbers. Check the model's predictions for these pairs."
        )
    mixed = pd.Series(labels).groupby(names).nunique()
    if (mixed > 1).any():
        raise DataError(
            f"{', '.join(map(str, mixed.index[mixed > 1][:5]))}: marked both as seen and as unseen. Allowed: one label "
            "for all pairs of a group. Mark a group as unseen only if no pair of it was in training."
        )
