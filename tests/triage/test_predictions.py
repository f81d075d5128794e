"""A queue is made of the distributions themselves, in memory or in files; a table of quantiles says what it loses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, t

from bdrp.errors import BdrpWarning, DataError
from bdrp.predictive import Normal, Predictions, PredictiveDistribution, Remapped, StudentT
from bdrp.predictive.readable import ReadableUnit, write_number
from bdrp.triage import Policy, rank, read_predictions
from bdrp.triage.quantile_table import QuantileTable

LOSES = "predictions are quantiles without a distribution"
below_minus_3 = Policy(sensitivity_threshold=-3.0, level=0.99)


def pairs(size: int) -> pd.DataFrame:
    return pd.DataFrame({"cell_line_id": [f"L{i}" for i in range(size)], "drug_id": "D"})


def heavy(size: int = 1) -> StudentT:
    """Noise of SD 1 from a t with three degrees of freedom, about a mean that is known to 0.3."""
    return StudentT.from_std(pairs(size), "m", np.zeros(size), np.ones(size), np.full(size, 0.3), 3.0, unit="ln(µM)")


def normal(mean: list[float]) -> Normal:
    return Normal.from_std(pairs(len(mean)), "m", mean, np.full(len(mean), 0.6), np.full(len(mean), 0.8))


def table(pred: PredictiveDistribution) -> QuantileTable:
    with pytest.warns(BdrpWarning, match=LOSES):
        return QuantileTable.from_frame(pred.to_frame())


def exact_chance(y: float) -> float:
    scale = 1 / np.sqrt(3)
    return float(quad(lambda deviation: norm.pdf(deviation, 0, 0.3) * t.cdf((y - deviation) / scale, 3), -4, 4)[0])


def test_the_chance_of_the_wrong_side_is_that_of_the_heavy_tailed_distribution() -> None:
    found = rank(heavy(), below_minus_3, budget=1)["wrong_side_probability"].iloc[0]
    assert exact_chance(-3) == pytest.approx(0.0073, abs=5e-5)
    assert found == pytest.approx(exact_chance(-3), rel=1e-3)


def test_a_table_of_its_quantiles_gives_a_tenth_of_that_chance_and_says_so() -> None:
    with pytest.warns(BdrpWarning, match="1 predictions are quantiles .* small chances come out several"):
        queue = rank(heavy().to_frame(), below_minus_3, budget=1)
    assert queue["wrong_side_probability"].iloc[0] == pytest.approx(0.0006, abs=5e-5)


def test_the_interval_is_that_of_the_heavy_tailed_distribution() -> None:
    low, high = heavy().interval(0.99)[0]
    assert high == pytest.approx(3.42, abs=0.01)
    ends = [write_number(end) for end in ReadableUnit("ln(µM)").read([low, high])]
    assert f"99% interval {ends[0]} to {ends[1]}" in rank(heavy(), below_minus_3, budget=1)["explanation"].iloc[0]


def test_a_recalibrated_distribution_is_ranked_as_recalibrated() -> None:
    base = heavy(5).with_moments([-4.0, -3.2, -2.0, 0.0, 3.0], np.ones(5), np.full(5, 0.3))
    pred = Remapped(base, [0.1, 0.4, 0.9], [0.05, 0.5, 0.95])
    queue = rank(pred, below_minus_3, budget=5).set_index("cell_line_id").loc[pred.keys["cell_line_id"]]
    wrong = np.where(pred.mean < -3, pred.survival(-3.0), pred.cdf(-3.0))
    np.testing.assert_array_equal(queue["wrong_side_probability"], wrong)
    np.testing.assert_allclose(queue[["q05", "q95"]], pred.interval(0.9), rtol=1e-12)
    assert np.abs(wrong - np.where(base.mean < -3, base.survival(-3.0), base.cdf(-3.0))).max() > 0.02


@pytest.mark.parametrize("remapped", [False, True])
def test_a_file_gives_the_same_queue_as_the_predictions_that_it_was_written_from(
    tmp_path: Path, remapped: bool
) -> None:
    pred: PredictiveDistribution = heavy(9).with_moments(np.linspace(-5, 1, 9), np.ones(9), np.full(9, 0.3))
    if remapped:
        pred = Remapped(pred, [0.2, 0.8], [0.1, 0.9])
    context = pd.DataFrame({"drug_similarity": np.linspace(0, 1, 9), "tissue": list("abcabcabc")})
    predictions = Predictions(pred, context)
    predictions.save(tmp_path / "p.parquet")
    queues = [rank(one, below_minus_3, budget=9) for one in (predictions, read_predictions(tmp_path / "p.parquet"))]
    pd.testing.assert_frame_equal(*queues, rtol=1e-9)
    assert queues[0].attrs == queues[1].attrs
    assert (queues[0].attrs["measure"], queues[0].attrs["unit"]) == ("m", "ln(µM)")


def test_a_file_of_bdrp_that_was_altered_is_refused(tmp_path: Path) -> None:
    heavy(3).save(tmp_path / "p.parquet")
    saved = pq.read_table(tmp_path / "p.parquet")
    altered = saved.set_column(saved.column_names.index("q05"), "q05", pa.array([-9.0, -9.0, -9.0]))
    pq.write_table(altered, tmp_path / "p.parquet")
    with pytest.raises(DataError, match="q05 contradicts the moments"):
        read_predictions(tmp_path / "p.parquet")


def test_a_table_of_others_is_read_with_the_measure_and_unit_that_it_tells(tmp_path: Path) -> None:
    foreign = pa.Table.from_pandas(normal([0.0, 1.0]).to_frame(), preserve_index=False)
    note = json.dumps({"measure": "ln_ic50_um", "unit": "ln(µM)"}).encode()
    pq.write_table(foreign.replace_schema_metadata({b"bdrp": note}), tmp_path / "p.parquet")
    frame = read_predictions(tmp_path / "p.parquet")
    assert isinstance(frame, pd.DataFrame)
    assert frame.attrs == {"measure": "ln_ic50_um", "unit": "ln(µM)"}
    with pytest.warns(BdrpWarning, match=LOSES):
        assert " µM for " in rank(frame, budget=1)["explanation"][0]


@pytest.mark.parametrize("note", [b"not json", b"[1]", b"{}"])
def test_a_table_of_others_with_strange_metadata_is_read_without_a_unit(note: bytes, tmp_path: Path) -> None:
    foreign = pa.Table.from_pandas(normal([0.0]).to_frame(), preserve_index=False)
    pq.write_table(foreign.replace_schema_metadata({b"bdrp": note}), tmp_path / "p.parquet")
    frame = read_predictions(tmp_path / "p.parquet")
    assert isinstance(frame, pd.DataFrame) and frame.attrs["unit"] == ""


def test_a_missing_or_foreign_predictions_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no predictions at .*gone.parquet. Seen: nothing"):
        read_predictions(tmp_path / "gone.parquet")
    with pytest.raises(DataError, match=r"Seen: a folder"):
        read_predictions(tmp_path)
    (tmp_path / "p.parquet").write_text("cell_line_id,drug_id\n")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_predictions(tmp_path / "p.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "q.parquet")
    with pytest.raises(DataError, match="lack cell_line_id, drug_id"):
        read_predictions(tmp_path / "q.parquet")


def test_the_chances_of_a_table_of_normal_quantiles_are_the_normal_ones() -> None:
    mean = [0.0, 1.0, -1.0, 4.0, -9.0]
    found = table(normal(mean))
    assert found.cdf(0.5) == pytest.approx(norm.cdf(0.5, mean, 1.0), abs=1e-12)
    assert found.survival(0.5) == pytest.approx(norm.sf(0.5, mean, 1.0), rel=1e-9)


@given(level=st.floats(0.01, 0.995))
def test_the_interval_of_a_table_of_normal_quantiles_is_the_normal_one(level: float) -> None:
    found = table(normal([0.3, -2.0])).quantile(np.array([(1 - level) / 2, (1 + level) / 2]))
    np.testing.assert_allclose(found.T, norm.interval(level, [0.3, -2.0], 1.0), atol=1e-9)


def test_equal_quantiles_give_a_chance() -> None:
    with pytest.warns(BdrpWarning, match=LOSES):
        found = QuantileTable.from_frame(normal([0.0, 0.0]).to_frame().assign(q25=0.0, q50=0.0, q75=0.0))
    assert np.isfinite(found.cdf(0.0)).all() and np.isfinite(found.cdf(1e-300)).all()
    assert found.cdf(-0.5)[0] < 0.25 < 0.75 < found.cdf(0.5)[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mean": np.nan}, r"mean is not finite in 1 of 4 predictions \(rows 2\)"),
        ({"std": np.inf}, "std is not finite"),
        ({"std": 0.0}, "std is not above 0"),
        ({"epistemic_std": -1.0}, "standard deviation is negative"),
        ({"q25": 99.0}, "not ascending"),
        ({"drug_similarity": 82.0}, "drug_similarity is not between 0 and 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*quantiles without a distribution")
def test_a_row_of_a_table_that_cannot_be_ranked_is_refused(change: dict[str, float], said: str) -> None:
    frame = normal([0.0, 1.0, 2.0, 3.0]).to_frame().assign(drug_similarity=0.5)
    ((name, value),) = change.items()
    frame.loc[2, name] = value
    with pytest.raises(DataError, match=said):
        rank(frame, budget=2)


@pytest.mark.filterwarnings("ignore:.*quantiles without a distribution")
def test_missing_columns_text_and_repeats_of_a_table_are_told() -> None:
    frame = normal([0.0, 1.0]).to_frame()
    with pytest.raises(DataError, match="lack std, q95; they have cell_line_id"):
        rank(frame.drop(columns=["std", "q95"]))
    with pytest.raises(DataError, match="mean holds text"):
        rank(frame.assign(mean="high"))
    with pytest.warns(BdrpWarning, match="1 rows of the predictions repeat a pair .L0 with D"):
        assert len(rank(pd.concat([frame, frame[:1]]), budget=2)) == 2
