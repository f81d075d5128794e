from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bdrp.errors import DataError
from bdrp.evaluation import score
from bdrp.evaluation.point_metrics import pearson, r_squared
from bdrp.evaluation.resampling import Resampling
from bdrp.evaluation.selective import risk_curve
from bdrp.evaluation.significance import METRICS, pair_rows, tabulate
from bdrp.evaluation.significance.metrics import find_metric


@pytest.fixture(scope="module")
def pair(make_pairs):
    return make_pairs(30, 20)


@pytest.fixture(scope="module")
def rows(pair):
    return pair_rows(*pair).assign(method="a", fold=np.repeat(np.arange(5), 120))


def test_every_figure_equals_that_of_the_scores(pair, rows):
    table = tabulate(rows, METRICS).set_index("figure")["value"]
    found = score(*pair).metrics
    for topic in ("point", "probabilistic", "selective"):
        for name in set(table.index) & set(found[topic]):
            assert table[name] == pytest.approx(found[topic][name]), name
    for level in ("50", "80", "90", "95"):
        ours = [table[f"{name}_{level}"] for name in ("coverage", "width", "interval_score", "miscoverage")]
        theirs = [found["coverage"][level][name] for name in ("coverage", "width", "interval_score")]
        assert ours == pytest.approx([*theirs, abs(theirs[0] - int(level) / 100)])


def test_a_groups_figure_is_what_its_rows_alone_would_give(rows):
    table = tabulate(rows, ["rmse", "aurc", "pearson"], by=["fold"]).set_index(["figure", "fold"])["value"]
    third = rows[rows["fold"] == 3]
    loss = third["squared_error"].to_numpy()
    assert table["rmse", 3] == pytest.approx(np.sqrt(loss.mean()))
    assert table["aurc", 3] == pytest.approx(risk_curve(loss, third["mean_std"].to_numpy()).mean())
    assert table["pearson", 3] == pytest.approx(np.corrcoef(third["mean"], third["response"])[0, 1])


@pytest.mark.parametrize("by", ["tissue", "drug_id", "cell_line_id", "extrapolated"])
def test_figures_are_told_by_whatever_pairs_have_in_common(rows, by):
    table = tabulate(rows, ["rmse"], by=[by])
    assert table["n"].sum() == len(rows)
    assert len(table) == rows[by].nunique()


def test_splits_are_never_pooled(rows):
    both = pd.concat([rows.assign(split="pair"), rows.assign(split="drug")])
    assert tabulate(both, ["rmse"])["split"].tolist() == ["pair", "drug"]


def repeated(rows, resampling, b):
    """The rows of replicate b, each as often as it was drawn."""
    times = resampling.of_line[b][resampling.lines] * resampling.of_drug[b][resampling.drugs]
    return rows.loc[np.repeat(rows.index, times.astype(int))]


@pytest.mark.parametrize(
    "name", ["rmse", "mae", "r2", "pearson", "normalised_pearson", "coverage_90", "miscoverage_50"]
)
def test_a_replicate_is_the_figure_of_the_rows_that_were_drawn(rows, name):
    resampling = Resampling.draw(pd.factorize(rows["cell_line_id"])[0], pd.factorize(rows["drug_id"])[0], 0, 5)
    drawn = find_metric(name).resampled(rows, resampling)
    for b in range(5):
        some = repeated(rows, resampling, b)
        assert drawn[b] == pytest.approx(find_metric(name).by_group(some, np.zeros(len(some), int))[0])


@pytest.mark.parametrize("name", ["aurc", "augrc"])
@pytest.mark.parametrize("ties", [False, True])
def test_a_replicates_risk_area_is_that_of_the_rows_that_were_drawn(rows, name, ties):
    # A pair drawn w times is taken at once, which differs by less than a pair in N.
    if ties:
        rows = rows.assign(mean_std=rows["mean_std"].round(1))
    resampling = Resampling.draw(pd.factorize(rows["cell_line_id"])[0], pd.factorize(rows["drug_id"])[0], 0, 5)
    drawn = find_metric(name).resampled(rows, resampling)
    for b in range(5):
        some = repeated(rows, resampling, b)
        assert drawn[b] == pytest.approx(find_metric(name).by_group(some, np.zeros(len(some), int))[0], rel=0.02)


def test_normalised_figures_take_the_mean_effects_from_both(rows):
    table = tabulate(rows, ["normalised_pearson", "normalised_r2"]).set_index("figure")["value"]
    x, y = (rows["mean"] - rows["mean_effects"]).to_numpy(), (rows["response"] - rows["mean_effects"]).to_numpy()
    assert table["normalised_pearson"] == pytest.approx(pearson(x, y))
    assert table["normalised_r2"] == pytest.approx(r_squared(x, y))


def test_what_cannot_be_told_is_refused_by_name(rows):
    with pytest.raises(DataError, match="no metric 'rsme'.*rmse.*Choose"):
        tabulate(rows, ["rsme"])
    with pytest.raises(DataError, match="lacks lot"):
        tabulate(rows, ["rmse"], by=["lot"])
