"""What repeated pairs of a screen say of a model's noise, against screens that are made of a known share."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bdrp.data.sources import simulated
from bdrp.design.repeats import FEWEST, RepeatShare, measure_repeats
from bdrp.predictive import Normal

SD = 0.8


class Model:
    """Predicts a noise SD of 0.8 for every pair."""

    fitted = SimpleNamespace(censoring_aware=False)

    def drugs_of(self, screen):
        return screen.drugs

    def predict(self, drugs, profiles, pairs):
        moments = (np.full(len(pairs), value) for value in (0.0, SD, 0.1))
        pred = Normal.from_std(pairs, "ln_ic50_um", *moments, unit="ln(µM)")
        return SimpleNamespace(distribution=pred)


def repeated(screen, share, rng):
    """400 pairs measured twice, of which a share of the noise variance differs between repeats."""
    lines, drugs = (rng.integers(len(each), size=400) for each in (screen.cell_lines, screen.drugs))
    pairs = pd.DataFrame({"cell_line_id": screen.cell_lines.index[lines], "drug_id": screen.drugs.index[drugs]})
    pairs = pairs.drop_duplicates(ignore_index=True)
    own = rng.normal(2.0, SD * np.sqrt(1 - share), len(pairs))
    twice = [pairs.assign(response=own + rng.normal(0, SD * np.sqrt(share), len(pairs))) for _ in range(2)]
    responses = pd.concat(twice, ignore_index=True).assign(lower_limit=-9.0, upper_limit=9.0, laboratory="here")
    return replace(screen, responses=responses)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_the_share_is_found(tiny_screen, share):
    """Some 300 squared differences: a standard error of 8 % of the share; three of these.

    Shares above 1 count as 1, which takes a little off the mean of draws.
    """
    found = measure_repeats(Model(), repeated(tiny_screen, share, np.random.default_rng(1)))
    assert found.is_known and found.estimate == pytest.approx(min(share, 1.0), rel=0.25)
    drawn = found.draw(np.random.default_rng(0), 2_000, 1)
    assert drawn.mean() == pytest.approx(found.estimate, rel=0.15) and 0.01 < drawn.std() < 0.22 and drawn.max() <= 1
    assert "pairs that the screen measured more than once show" in found.describe()


def test_how_far_pairs_differ_in_their_share_is_found():
    """Log shares of SD 0.7 and 0: squares of one degree of freedom hardly tell SDs below 0.2 from none."""
    rng = np.random.default_rng(4)
    for spread in (0.0, 0.7):
        share = 0.3 * np.exp(spread * rng.standard_normal(2_000))
        drawn = RepeatShare(share * rng.chisquare(1, 2_000), np.ones(2_000)).draw(np.random.default_rng(0), 2_000, 5)
        true = np.clip(0.3 * np.exp(spread * np.array([-1.645, 1.645])), 0, 1)
        np.testing.assert_allclose(np.quantile(drawn, [0.05, 0.95]), true, rtol=0.4)
        shares_differ_within_a_draw = np.log(drawn[:, 0] / drawn[:, 1]).std() / np.sqrt(2)
        assert shares_differ_within_a_draw == pytest.approx(spread, abs=0.25)


def test_two_ids_of_a_compound_are_repeats_but_for_their_mean_difference(tiny_screen):
    screen = repeated(tiny_screen, 0.5, np.random.default_rng(2))
    drugs = pd.concat([screen.drugs, screen.drugs.set_axis(screen.drugs.index + "b")])
    again = screen.responses.duplicated(["cell_line_id", "drug_id"])
    moved = screen.responses.assign(
        drug_id=screen.responses["drug_id"].where(~again, screen.responses["drug_id"] + "b"),
        response=screen.responses["response"] + 3.0 * again,
    )
    found = measure_repeats(Model(), replace(screen, drugs=drugs, responses=moved))
    assert found.estimate == pytest.approx(measure_repeats(Model(), screen).estimate, rel=0.15)


def test_responses_at_a_limit_are_no_repeats(tiny_screen):
    screen = repeated(tiny_screen, 0.5, np.random.default_rng(3))
    capped = screen.responses.assign(upper_limit=screen.responses["response"])
    assert len(measure_repeats(Model(), replace(screen, responses=capped)).squares) == 0


def test_without_repeats_every_share_is_as_likely():
    nothing = RepeatShare(np.full(FEWEST - 1, 0.2), np.ones(FEWEST - 1))
    drawn = nothing.draw(np.random.default_rng(0), 4_000, 1)
    assert not nothing.is_known and 0 < drawn.min() < 0.02 and 0.98 < drawn.max() <= 1
    assert drawn.mean() == pytest.approx(0.5, abs=0.02) and "too few" in nothing.describe()


@pytest.mark.slow
def test_the_simulated_screen_has_repeats():
    assert len(measure_repeats(Model(), simulated.load(seed=0)).squares) > 300
