from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.data.profiles import of_tissues
from bdrp.features import lines as scalers
from bdrp.features.lines import tissue
from bdrp.inference.initialisation.ridge import SlopePrior

TISSUES = pd.Series(
    ["Lung", "Skin", "Lung", "unknown", "Lung", "Bone", None, " ", "Skin"],
    index=pd.Index(list("abcdefghi"), name="cell_line_id"),
)


@pytest.fixture
def table() -> pd.DataFrame:
    return of_tissues(TISSUES)


def test_lines_have_a_row_where_somebody_told_their_tissue(table: pd.DataFrame) -> None:
    assert table.columns.tolist() == ["Bone", "Lung", "Skin"] and table.index.tolist() == list("abcefi")
    assert (table.sum(axis=1) == 1).all() and table.loc["f", "Bone"] == 1 and set(table.dtypes) == {np.dtype("float32")}
    assert of_tissues(TISSUES.map(lambda _: "unknown")).empty


def test_components_have_unit_variance_on_the_lines_that_were_fitted(table: pd.DataFrame) -> None:
    scaler = tissue.fit(table, components=200)
    made = scaler.transform(table) @ scaler.components
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made.std(axis=0), 1, rtol=1e-6)
    assert scaler.unknown(table) is None


def test_every_tissues_own_effect_has_the_same_prior_however_many_lines_are_of_it(table: pd.DataFrame) -> None:
    """An effect b of an indicator x is a slope of b s on the component (x - p) / s, s^2 = p (1 - p)."""
    scaler = tissue.fit(table, components=200)
    prior = SlopePrior.of_scalers([scaler]).deviation.numpy()
    np.testing.assert_allclose(prior * scaler.components.diagonal(), prior[0] * scaler.components[0, 0], rtol=1e-6)


def test_a_tissue_that_nobody_told_or_trained_on_stands_at_the_mean_with_the_whole_variance(
    table: pd.DataFrame,
) -> None:
    scaler = tissue.fit(table.drop("f"), components=200)
    assert scaler.columns == ("Lung", "Skin")
    rows = table.reindex(["a", "d", "f"])
    np.testing.assert_allclose(scaler.transform(rows), [[0.4, -0.4], [0, 0], [0, 0]], atol=1e-6)
    unknown = scaler.unknown(rows)
    assert unknown is not None and unknown.tolist() == [[0, 0], [1, 1], [1, 1]]
    nothing = pd.DataFrame(index=rows.index)
    absent = scaler.unknown(nothing)
    assert absent is not None and absent.min() == 1 and not scaler.transform(nothing).any()


def test_tissues_of_another_table_match_in_any_case(table: pd.DataFrame) -> None:
    scaler = tissue.fit(table, components=200)
    shouted = table.rename(columns=str.upper)[["SKIN", "BONE", "LUNG"]]
    np.testing.assert_array_equal(scaler.transform(shouted), scaler.transform(table))


def test_lines_of_one_tissue_or_of_none_tell_nothing(table: pd.DataFrame) -> None:
    for few in (table.loc[["a", "c", "e"], ["Lung"]], table.iloc[:0], pd.DataFrame(index=["a", "b"])):
        scaler = tissue.fit(few, components=200)
        assert scaler.columns == () and scaler.transform(table).shape == (6, 0) and scaler.unknown(table) is None


def test_the_commonest_tissues_count_where_there_are_too_many(table: pd.DataFrame) -> None:
    assert tissue.fit(table, components=2).columns == ("Lung", "Skin")


def test_a_scaler_is_restored_from_what_it_saved_and_foreign_arrays_are_refused(table: pd.DataFrame) -> None:
    scaler = tissue.fit(table, components=200)
    again = tissue.restore(scaler.columns, scaler.arrays())
    np.testing.assert_array_equal(again.transform(table), scaler.transform(table))
    with pytest.raises(ValueError, match="names 2 tissues and has the shares of 3"):
        tissue.restore(scaler.columns[:2], scaler.arrays())


def test_a_screen_that_tells_no_tissue_or_one_alone_is_read_without_it(table: pd.DataFrame) -> None:
    assert scalers.fit(["tissue"], {}, ["a", "b"], components=200) == {}
    assert scalers.fit(["tissue"], {"tissue": table}, ["a", "c"], components=200) == {}
    assert list(scalers.fit(["tissue"], {"tissue": table}, ["a", "b"], components=200)) == ["tissue"]
