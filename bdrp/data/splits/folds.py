"""Dealing groups into folds and parts by a keyed hash, so that the seed alone decides and row order never does.

A group's place is sha256("seed:by:key"). Even groups are sorted by it and cut into folds of equal counts: one more
cell line moves at most one line across each border and reshuffles nothing. Uneven groups (tissues, scaffolds) are
dealt to the smallest fold so far, the larger first (by octaves of size, the hash within an octave), which keeps folds
of few groups balanced in responses. Either way each group is in exactly one fold.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd


def place(salt: str, key: str) -> str:
    """A group's place in the shuffled order: hexadecimal, the same on every machine."""
    return hashlib.sha256(f"{salt}:{key}".encode()).hexdigest()


def shuffle_by_hash(sizes: pd.Series, salt: str) -> pd.Series:
    """Group sizes in the order of their places; `sizes` is indexed by group key."""
    order = np.argsort(np.array([place(salt, str(key)) for key in sizes.index], dtype=str), kind="stable")
    return sizes.iloc[order]


def deal_into_folds(sizes: pd.Series, folds: int, salt: str, *, even: bool) -> pd.Series:
    """The fold of each group, 0 to folds - 1, indexed by group key."""
    ordered = shuffle_by_hash(sizes, salt)
    if even:
        return pd.Series(np.arange(len(ordered)) * folds // len(ordered), index=ordered.index)
    ordered = ordered.iloc[np.argsort(-np.floor(np.log2(ordered)), kind="stable")]
    return pd.Series(_to_the_smallest(ordered, folds), index=ordered.index)


def published_folds(keys: pd.Series, folds: int, kind: str) -> pd.Series:
    """The fold of each group by the hash of its public key alone, so that others can deal alike without this package.

    int(sha256("v1:<kind>:<key>"), 16) modulo `folds`: no group moves where others come or go, at the price of folds of
    uneven size.

    Args:
        keys: the public key of each group, indexed by group key.
        folds: how many.
        kind: what the keys are of, as "cell".
    """
    return keys.map(lambda key: int(hashlib.sha256(f"v1:{kind}:{key}".encode()).hexdigest(), 16) % folds)


def _to_the_smallest(ordered: pd.Series, folds: int) -> list[int]:
    totals, chosen = [0] * folds, []
    for size in ordered:
        fold = totals.index(min(totals))
        totals[fold] += int(size)
        chosen.append(fold)
    return chosen


def draw_clusters(sizes: pd.Series, share: float, salt: str, *, leave: int) -> list[str]:
    """Groups that together hold nearly `share` of the responses, drawn in shuffled order, at least one.

    A group is taken where it brings the total nearer to the target, so a tissue far larger than the target is passed
    over. The smallest is taken where all are.

    Args:
        sizes: responses a group, indexed by group key; longer than `leave`.
        share: of all responses in `sizes`; 0 draws nothing.
        salt: what keys the hash.
        leave: how many groups to leave for the parts still to be filled.
    """
    if share == 0:
        return []
    ordered, target, total = shuffle_by_hash(sizes, salt), share * float(sizes.sum()), 0
    taken: list[str] = []
    for key, size in ordered.items():
        if len(taken) == len(sizes) - leave:
            break
        if abs(total + size - target) < abs(total - target):
            taken.append(str(key))
            total += size
    return taken or [str(ordered.sort_values(kind="stable").index[0])]
