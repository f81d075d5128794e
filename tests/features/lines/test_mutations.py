from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import BdrpWarning, DataError
from bdrp.features.lines import mutations
from bdrp.features.lines.mutations import CLIP, MutationScaler


def table(values: object, columns: list[str] | None = None) -> pd.DataFrame:
    array = np.asarray(values, dtype=np.float32)
    names = columns or [f"M{at}" for at in range(array.shape[1])]
    return pd.DataFrame(array, index=[f"L{row}" for row in range(len(array))], columns=names)


@pytest.fixture
def carried() -> pd.DataFrame:
    """100 lines x 12 alterations, carried by 2, 4, 8, 12, ... 44 of them."""
    rng = np.random.default_rng(0)
    counts = [2, *range(4, 45, 4)]
    return table(np.stack([rng.permutation(100) < count for count in counts], axis=1))


@pytest.fixture
def scaler(carried: pd.DataFrame) -> MutationScaler:
    return mutations.fit(carried, components=200)


def test_an_alteration_is_centred_on_the_share_of_its_carriers_and_divided_by_its_deviation() -> None:
    fitted = mutations.fit(table([[1, 0], [0, 0], [0, 0], [0, 0]]), components=5)
    assert fitted.mean.tolist() == [0.25, 0]
    assert fitted.scale == pytest.approx([np.sqrt(0.25 * 0.75), 1])
    scaled = fitted.transform(table([[1, 0], [0, 1]]))
    assert scaled == pytest.approx(np.array([[np.sqrt(3), 0, 0], [-np.sqrt(1 / 3), 1, 0]]))
    assert scaled.dtype == np.float32


def test_each_component_is_one_alteration_that_enough_lines_carry_and_has_unit_variance(
    scaler: MutationScaler, carried: pd.DataFrame
) -> None:
    assert scaler.columns == tuple(carried.columns)
    components = scaler.transform(carried) @ scaler.components
    assert components.shape == (100, 10)  # those of 2 and of 4 lines are too rare
    assert components.var(axis=0) == pytest.approx(np.ones(10), rel=1e-5)
    assert (components > 0).sum(axis=0).tolist() == [*range(8, 45, 4)]


def test_the_most_variable_alterations_are_kept_where_components_are_few(carried: pd.DataFrame) -> None:
    few = mutations.fit(carried, components=3)
    assert (few.transform(carried) @ few.components > 0).sum(axis=0).tolist() == [36, 40, 44]
    none = mutations.fit(carried.iloc[:, :1], components=3)
    assert none.components.shape == (2, 0) and none.unknown(carried).shape == (100, 0)


def test_components_have_unit_variance_also_where_a_fifth_of_an_alteration_is_not_known(carried: pd.DataFrame) -> None:
    carried.iloc[::5, 8] = np.nan
    fitted = mutations.fit(carried, components=200)
    assert (fitted.transform(carried) @ fitted.components).var(axis=0) == pytest.approx(np.ones(10), rel=1e-5)


def test_what_is_not_known_stands_at_the_mean_with_the_whole_variance(
    scaler: MutationScaler, carried: pd.DataFrame
) -> None:
    seen = carried.iloc[:3].copy()
    seen.iloc[0, 5] = np.nan
    seen.iloc[1] = np.nan
    scaled, unknown = scaler.transform(seen), scaler.unknown(seen)
    assert scaled[0, 5] == 0 and scaled[:, -1].tolist() == [0, 1, 0] and not scaled[1, :-1].any()
    assert unknown.tolist() == [[float(at == 3) for at in range(10)], [1.0] * 10, [0.0] * 10]


def test_a_rare_alteration_is_clipped() -> None:
    fitted = mutations.fit(table(np.arange(1000)[:, None] < [1, 300]), components=1)
    assert fitted.transform(table([[1, 0]]))[0, 0] == CLIP


def test_a_few_missing_alterations_are_counted_and_named(scaler: MutationScaler, carried: pd.DataFrame) -> None:
    other = carried.drop(columns=["M3", "M7"]).assign(NEW=1.0).iloc[:, ::-1]
    with pytest.warns(BdrpWarning, match=r"2 of the model's 12 mutations \(17%\) are missing: M3, M7. They count as"):
        scaled = scaler.transform(other)
    kept = [at for at in range(12) if at not in (3, 7)]
    assert np.array_equal(scaled[:, kept], scaler.transform(carried)[:, kept])
    assert not scaled[:, [3, 7]].any()
    assert scaler.unknown(other).mean(axis=0).tolist() == [float(at in (3, 7)) for at in range(2, 12)]


def test_a_table_of_other_alterations_is_refused(scaler: MutationScaler, carried: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"3 of the model's 12 mutations \(25%\) are missing: M0, M1, M2. At most 20%"):
        scaler.transform(carried.iloc[:, 3:])
    with pytest.raises(DataError, match=r"12 of the model's 12 mutations \(100%\)"):
        scaler.transform(carried.add_prefix("GENE_"))


def test_lines_without_any_profile_are_warned_of_once_and_a_few_among_others_are_not(
    scaler: MutationScaler, carried: pd.DataFrame
) -> None:
    with pytest.warns(BdrpWarning, match="None of the 3 lines has a profile of mutations, which the model reads"):
        scaled = scaler.transform(pd.DataFrame(index=["x", "y", "z"]))
    assert scaled[:, -1].all() and not scaled[:, :-1].any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaler.transform(carried.reindex([*carried.index, "x"]))
        scaler.transform(carried.iloc[:0])


@pytest.mark.parametrize(
    ("value", "said"),
    [(2, "neither 0 nor 1 (2 for example; M1)"), (-1, "-1 for example"), (np.inf, "inf"), ("mut", "no number")],
)
def test_a_value_that_is_no_alteration_is_refused(
    scaler: MutationScaler, carried: pd.DataFrame, value: object, said: str
):
    carried = carried.astype(object)
    carried.iloc[4, 1] = value
    for read in (scaler.transform, scaler.unknown, lambda one: mutations.fit(one, components=3)):
        with pytest.raises(DataError, match=re.escape(said)):
            read(carried)


def test_an_alteration_that_stands_twice_is_refused(scaler: MutationScaler, carried: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="1 mutations stand twice: M1. Each may stand once"):
        scaler.transform(pd.concat([carried, carried[["M1"]]], axis=1))


def test_a_scaler_is_rebuilt_from_what_it_saved(scaler: MutationScaler, carried: pd.DataFrame) -> None:
    again = mutations.restore(scaler.columns, scaler.arrays())
    assert np.array_equal(again.transform(carried), scaler.transform(carried))
    assert again.width == 13
    with pytest.raises(ValueError, match="it names 3 mutations and scales 12"):
        mutations.restore(("a", "b", "c"), scaler.arrays())
    with pytest.raises(ValueError, match="a scale of 0"):
        mutations.restore(scaler.columns, scaler.arrays() | {"scale": np.zeros(12)})
    with pytest.raises(LookupError):
        mutations.restore(scaler.columns, {})
