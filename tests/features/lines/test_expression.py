from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import BdrpWarning, DataError
from bdrp.features.lines import expression
from bdrp.features.lines.expression import CLIP


def table(values: object, genes: str = "ABCDEFGHIJ") -> pd.DataFrame:
    array = np.asarray(values, dtype=np.float32)
    index = pd.Index([f"L{row}" for row in range(len(array))], name="cell_line_id")
    return pd.DataFrame(array, index=index, columns=list(genes[: array.shape[1]]))


@pytest.fixture
def noise() -> pd.DataFrame:
    """30 lines x 10 genes, three of them nearly one."""
    values = np.random.default_rng(0).normal(size=(30, 10))
    values[:, 1:3] += 2 * values[:, :1]
    return table(values)


def test_a_gene_is_centred_and_divided_by_its_population_deviation() -> None:
    scaler = expression.fit(table([[1, 10], [2, 10], [3, 40]]), components=1)
    assert scaler.mean == pytest.approx([2, 20])
    assert scaler.scale == pytest.approx([np.sqrt(2 / 3), np.sqrt(200)])
    scaled = scaler.transform(table([[2, 20], [3, 20 + np.sqrt(200)]]))
    assert scaled == pytest.approx(np.array([[0, 0], [np.sqrt(1.5), 1]]))
    assert scaled.dtype == np.float32


def test_a_missing_value_takes_the_training_mean() -> None:
    scaler = expression.fit(table([[1, 0, 0, 0, 0], [3, 4, 0, 0, 0], [np.nan, 8, 0, 0, 0]]), components=1)
    assert scaler.mean.tolist() == [2, 4, 0, 0, 0]
    assert scaler.transform(table([[np.nan, 4, 0, 0, 0], [3, 4, 0, 0, 0]]))[0].tolist() == [0, 0, 0, 0, 0]


def test_a_constant_gene_says_nothing_and_breaks_nothing(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise.assign(C=5.0), components=4)
    assert scaler.scale[2] == 1
    assert not scaler.transform(noise.assign(C=5.0))[:, 2].any()
    assert np.isfinite(scaler.components).all()


def test_outliers_are_clipped() -> None:
    scaler = expression.fit(table([[0.0], [1.0]]), components=1)
    assert scaler.transform(table([[1e6], [-1e6]])).ravel().tolist() == [CLIP, -CLIP]


def test_components_have_unit_variance_on_the_training_lines(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise, components=5)
    scores = scaler.transform(noise) @ scaler.components
    assert scaler.components.shape == (10, 5)
    assert np.cov(scores.T, bias=True) == pytest.approx(np.eye(5), abs=1e-5)


def test_components_come_in_the_order_of_what_they_explain(noise: pd.DataFrame) -> None:
    loadings = np.linalg.norm(expression.fit(noise, components=9).components, axis=0)
    assert (np.diff(loadings) > 0).all()  # whitening divides by the deviation


@pytest.mark.parametrize(("lines", "genes", "wanted", "got"), [(30, 10, 200, 10), (4, 10, 200, 3), (30, 10, 2, 2)])
def test_components_are_capped_by_lines_and_genes(
    noise: pd.DataFrame, lines: int, genes: int, wanted: int, got: int
) -> None:
    assert expression.fit(noise.iloc[:lines, :genes], components=wanted).components.shape == (genes, got)


def test_one_training_line_gives_a_component_of_zeros(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise[:1], components=8)
    assert scaler.components.shape == (10, 1) and not scaler.components.any()
    assert not scaler.transform(noise[:1]).any()


def test_identical_lines_give_finite_components(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise.iloc[[0, 0, 0]], components=8)
    assert np.isfinite(scaler.components).all() and (scaler.scale == 1).all()


def test_the_order_of_genes_does_not_matter_and_further_genes_are_ignored(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise, components=4)
    shuffled = noise[noise.columns[::-1]].assign(ZZZ=1.0)
    assert np.array_equal(scaler.transform(shuffled), scaler.transform(noise))


def test_rows_keep_their_order(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise, components=4)
    assert np.array_equal(scaler.transform(noise[::-1]), scaler.transform(noise)[::-1])


def test_no_line_gives_no_row(noise: pd.DataFrame) -> None:
    assert expression.fit(noise, components=4).transform(noise[:0]).shape == (0, 10)


@pytest.mark.parametrize("how", ["no column", "an empty column"])
def test_missing_genes_are_counted_named_and_replaced_by_training_means(noise: pd.DataFrame, how: str) -> None:
    scaler = expression.fit(noise, components=4)
    gone = noise.drop(columns=["B", "G"]) if how == "no column" else noise.assign(B=np.nan, G=np.nan)
    with pytest.warns(BdrpWarning, match=r"2 of the model's 10 genes \(20%\) are missing: B, G\. .*training means"):
        scaled = scaler.transform(gone)
    assert not scaled[:, [1, 6]].any()
    kept = [0, 2, 3, 4, 5, 7, 8, 9]
    assert np.array_equal(scaled[:, kept], scaler.transform(noise)[:, kept])


def test_more_than_a_fifth_of_the_genes_missing_is_refused_by_name(noise: pd.DataFrame) -> None:
    scaler = expression.fit(noise, components=4)
    with pytest.raises(DataError, match=r"3 of the model's 10 genes \(30%\) are missing: A, B, C\. At most 20%"):
        scaler.transform(noise.drop(columns=["A", "B", "C"]))


def test_a_sample_without_any_value_is_refused(noise: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"10 of the model's 10 genes \(100%\) are missing: .* and 2 more"):
        expression.fit(noise, components=4).transform(noise[:1] * np.nan)


def test_a_line_with_many_gaps_is_named(noise: pd.DataFrame) -> None:
    sparse = noise.copy()
    sparse.iloc[4, :3] = np.nan
    sparse.iloc[5, :2] = np.nan
    with pytest.warns(BdrpWarning, match="1 lines lack more than 20% of the model's genes: L4"):
        expression.fit(noise, components=4).transform(sparse)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_expression_is_refused_by_line(noise: pd.DataFrame, value: float) -> None:
    spoiled = noise.copy()
    spoiled.iloc[3, 3] = value
    with pytest.raises(DataError, match="Expression of 1 lines is infinite: L3"):
        expression.fit(noise, components=4).transform(spoiled)


def test_text_among_the_expression_is_refused(noise: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="Expression holds what is no number .*'high'"):
        expression.fit(noise, components=4).transform(noise.astype(object).assign(C="high"))


def test_a_gene_that_stands_twice_is_refused(noise: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="1 genes stand twice: C"):
        expression.fit(noise, components=4).transform(pd.concat([noise, noise[["C"]]], axis=1))


def test_a_gene_that_no_training_line_has_is_fitted_in_silence() -> None:
    values = table([[1, np.nan], [2, np.nan], [4, np.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaler = expression.fit(values, components=1)
    assert (scaler.mean[1], scaler.scale[1]) == (0, 1)
