"""A profile without a file of its own: standardised features, their components, and what is not known of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import BdrpWarning, DataError
from bdrp.features import lines as scalers
from bdrp.features.lines._linear import LinearScaler, Modality

RNG = np.random.default_rng(5)
LATENT = RNG.normal(size=(50, 3))
TABLE = pd.DataFrame(
    (5 + LATENT @ RNG.normal(size=(3, 12)) + RNG.normal(0, 0.3, (50, 12))).astype(np.float32),
    pd.Index([f"L{at}" for at in range(50)], name="cell_line_id"),
    [f"F{at}" for at in range(12)],
)
FITTED = Modality("copy_number").fit(TABLE, components=8)


def moments(scaler: LinearScaler, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    made = scaler.transform(table) @ scaler.components
    return made, np.zeros_like(made) if scaler.unknown(table) is None else np.asarray(scaler.unknown(table))


def test_components_have_unit_variance_and_the_leading_ones_are_the_latent_ones() -> None:
    made, unknown = moments(FITTED, TABLE)
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made.std(axis=0), 1, rtol=1e-4)
    told = np.linalg.lstsq(np.c_[np.ones(50), LATENT], made[:, :3], rcond=None)[1] / 50
    assert told.max() < 0.1 and not unknown.any()


def test_a_line_without_the_profile_stands_at_the_mean_with_the_whole_variance() -> None:
    made, unknown = moments(FITTED, TABLE.reindex(["L1", "nobody"]))
    np.testing.assert_array_equal(unknown, [[0] * 8, [1] * 8])
    assert not made[1].any()


def test_missing_features_leave_the_variance_of_their_loadings() -> None:
    gaps = TABLE.head(2).copy()
    gaps.loc["L0", ["F1", "F7"]] = np.nan
    _, unknown = moments(FITTED, gaps)
    share = FITTED.components[[1, 7]] ** 2
    np.testing.assert_allclose(unknown[0], share.sum(axis=0) / (FITTED.components**2).sum(axis=0), rtol=1e-5)
    assert 0 < unknown[0].mean() < 0.5 and not unknown[1].any()


def test_features_that_do_not_vary_are_left_out_and_a_profile_of_such_alone_too() -> None:
    flat = TABLE.assign(F3=np.float32(2))
    assert "F3" not in Modality("copy_number").fit(flat, components=8).columns
    none = pd.DataFrame(np.ones((50, 4), np.float32), TABLE.index, list("abcd"))
    assert scalers.fit(["copy_number"], {"copy_number": none}, list(TABLE.index), components=5) == {}


def test_a_scaler_is_rebuilt_from_what_it_saves_under_any_name() -> None:
    held = scalers.fit(["proteomics"], {"proteomics": TABLE}, list(TABLE.index), components=5)
    saved = {"genes": [], **{"profiles": scalers.keys({"expression": FITTED, **held})["profiles"]}}
    state = scalers.state(held) | {name: value for name, value in _expression().items()}
    restored = scalers.restore(saved, state)["proteomics"]
    np.testing.assert_array_equal(restored.transform(TABLE), held["proteomics"].transform(TABLE))
    with pytest.raises(ValueError, match="names 1 features of copy_number"):
        Modality("copy_number").restore(("one",), FITTED.arrays())


def _expression() -> dict[str, object]:
    import torch

    return {
        name: torch.zeros(0) if name != "components" else torch.zeros(0, 0) for name in ("mean", "scale", "components")
    }


def test_what_cannot_be_read_is_refused_and_what_is_lacking_warned_of() -> None:
    for table, words in (
        (TABLE.drop(columns=["F1", "F2", "F3"]), "3 of the model's 12 features of copy_number .25%. are missing"),
        (TABLE.assign(F1="high"), "holds what is no number"),
        (TABLE.assign(F1=np.inf), "50 lines is infinite"),
    ):
        with pytest.raises(DataError, match=words):
            FITTED.transform(table)
    for table, words in (
        (TABLE.drop(columns="F1"), "count as not known, and widen"),
        (pd.DataFrame(index=TABLE.index), "None of the 50 lines has a profile of copy_number"),
        (TABLE * 100, "Is it on another scale"),
    ):
        with pytest.warns(BdrpWarning, match=words):
            FITTED.transform(table)
