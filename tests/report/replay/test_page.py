"""The page of a replay: what it draws, and what it claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bdrp.report.replay.figures import draw_curves
from bdrp.report.replay.page import render_page, tell
from bdrp.studies.replay import Protocol, gather_curves
from bdrp.studies.replay.rounds import Run

LABELS = np.arange(100, 300, 50)


@pytest.fixture
def make_replayed(small_screen):
    """Runs of three seeds, in which epig is better than random by so much, give or take."""

    def make(better, scatter=0.01):
        rng, runs = np.random.default_rng(0), {}
        for seed in range(3):
            random = 1.0 - 0.1 * np.arange(4) + 0.05 * seed
            for by, less in (("random", 0.0), ("epig", better)):
                rmse = random - less * np.arange(4) / 3 + scatter * rng.standard_normal(4) * (by == "epig")
                found = np.minimum(np.arange(4) * (0.1 + less), 1.0)
                runs[Run(by, seed)] = pd.DataFrame(
                    {"labels": LABELS, "rmse": rmse, "coverage_90": 0.9, "hits_found": found, "batch_hits": np.nan}
                )
        return gather_curves(runs, Protocol(by=("epig",), seeds=3, start=100, rounds=3), small_screen)

    return make


def test_a_line_with_its_band_is_drawn_for_each_and_random_is_told_apart(make_replayed):
    found = make_replayed(0.2)
    axes = draw_curves(found.curves[found.curves["figure"] == "rmse"], Figure().subplots())
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"random", "epig"} and len(axes.collections) == 2
    assert lines["random"].get_color() != lines["epig"].get_color() and lines["random"].is_dashed()
    np.testing.assert_allclose(lines["random"].get_ydata(), [1.05, 0.95, 0.85, 0.75])


def test_what_beats_random_is_claimed_with_the_labels_it_needs(make_replayed):
    assert "epig has a mean RMSE" in tell(make_replayed(0.2), "rmse")
    assert "of random's labels" in tell(make_replayed(0.2), "rmse")
    assert tell(make_replayed(0.2), "hits_found").startswith("epig finds")


def test_what_chance_may_have_done_is_not_claimed(make_replayed):
    assert tell(make_replayed(0.0, scatter=0.05), "rmse").startswith("No acquisition function is shown to beat random")


def test_the_page_holds_both_curves_and_their_tables(make_replayed):
    page = render_page(make_replayed(0.2))
    assert (
        page.count("<svg") == 2 and "Extra batches of random" in page and "90 % coverage" in page.replace("\u202f", " ")
    )
