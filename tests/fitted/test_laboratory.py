"""What a prediction carries for another laboratory: formulas by hand, coverage by simulation, files."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

import bdrp
from bdrp.data.screen import Screen
from bdrp.errors import DataError, FitError, OutputError
from bdrp.features.batch import Pairs
from bdrp.fitted.laboratory import Laboratories, LaboratoryScales, find_laboratories
from bdrp.fitted.learn_laboratory import learn_laboratory
from bdrp.fitted.predict import predict
from bdrp.fitted.widening import interval_widths, widen
from bdrp.inference.hierarchical.batch_effects import NAMES, VAGUE, BatchEffects
from bdrp.inference.hierarchical.updating import UpdatedFit
from bdrp.predictive import Normal, Predictions, Remapped, load
from bdrp.predictive.distribution import scale_draws

EFFECTS = BatchEffects(epistemic=0.9, noise=1.3, offset=0.3, slope=0.2, by_drug=0.5, by_line=0.2)


def scales(name, measure="ln_ic50_um", **effects):
    found = BatchEffects(**{**dict.fromkeys(NAMES, 1.0), **effects})
    return LaboratoryScales(name, "here", measure, "last_layer", found, 100, 10, 20)


@pytest.fixture(scope="module")
def pred(trained, tiny_screen):
    """Every pair of the tiny screen, as the model's own laboratory would measure it."""
    return predict(trained[0], screen=tiny_screen).distribution


def test_the_variance_is_that_of_the_formula(trained, pred):
    features, wide = trained[0].features, widen(pred, EFFECTS, trained[0].features)
    standardised = (pred.mean - features.response_mean) / features.response_std
    added = 0.3**2 + 0.5**2 + 0.2**2 + (0.2 * standardised) ** 2
    np.testing.assert_allclose(wide.epistemic, 0.81 * pred.epistemic + features.response_std**2 * added)
    np.testing.assert_allclose(wide.aleatoric_std, 1.3 * pred.aleatoric_std)
    np.testing.assert_array_equal(wide.mean, pred.mean)
    assert type(wide) is type(pred)


def test_no_difference_is_the_prediction_itself_and_any_is_wider(trained, pred):
    features = trained[0].features
    assert widen(pred, BatchEffects(), features) is pred
    for name in ("offset", "slope", "by_drug", "by_line"):
        wider = interval_widths(widen(pred, BatchEffects(**{name: 0.3}), features))
        assert (wider >= interval_widths(pred)).all() and (wider > interval_widths(pred)).mean() > 0.95


def test_a_remapped_prediction_keeps_its_map_and_its_joint_draws_their_sds(trained, pred):
    remapped = Remapped(pred, (0.05, 0.5, 0.95), (0.1, 0.5, 0.93))
    same = remapped.with_moments(remapped.mean, remapped.aleatoric_std, remapped.epistemic_std)
    np.testing.assert_allclose(same.interval(0.9), remapped.interval(0.9), rtol=1e-6)
    wide = widen(remapped, EFFECTS, trained[0].features)
    assert (interval_widths(wide) > interval_widths(remapped)).all()
    drawn = wide.joint_draws.draw(np.random.default_rng(0), 4000)
    # the SD of 4,000 normal draws is off by 1.1 %; six of these, for 432 pairs whose draws are shared
    np.testing.assert_allclose(drawn.std(axis=0), wide.epistemic_std, rtol=0.07)


def test_joint_draws_share_the_offsets(trained, pred):
    features = trained[0].features
    wide = widen(pred, EFFECTS, features)
    drawn = wide.joint_draws.draw(np.random.default_rng(1), 4000)
    np.testing.assert_allclose(drawn.std(axis=0), wide.epistemic_std, rtol=0.07)
    known = pred.joint_draws.draw(np.random.default_rng(2), 4000)
    keys = pred.keys
    drug, line = (np.equal.outer(keys[name].to_numpy(), keys[name].to_numpy()) for name in ("drug_id", "cell_line_id"))
    mean = (pred.mean - features.response_mean) / features.response_std
    added = 0.3**2 + 0.2**2 * np.outer(mean, mean) + 0.5**2 * drug + 0.2**2 * line
    expected = 0.81 * np.cov(known.T) + features.response_std**2 * added
    error = np.abs(np.cov(drawn.T) - expected) / np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert error.max() < 0.15  # a correlation of 4,000 draws has a standard error of 0.016, and both sides are drawn


def test_an_updated_fit_without_labelled_pairs_is_the_widened_prediction(trained, tiny_screen):
    model = trained[0]
    inputs, pairs = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, tiny_screen.responses.head(60))
    prior, none = model.fitted.predict(inputs, pairs), pairs.select(torch.arange(0))
    updated = UpdatedFit(model.fitted, inputs, none, prior[:0], scales=VAGUE).predict(inputs, pairs, prior)
    wide = widen(prior, VAGUE.median, model.features)
    for name in ("mean", "aleatoric_std", "epistemic_std"):
        np.testing.assert_allclose(getattr(updated, name), getattr(wide, name), rtol=1e-5)


def test_the_posterior_shrinks_from_the_widened_prediction_as_labels_come(trained, tiny_screen):
    # All of the batch effects known: with more labelled pairs the epistemic SD of the same pairs can only fall.
    model, rows = trained[0], tiny_screen.responses.sample(frac=1.0, random_state=0).reset_index(drop=True)
    inputs, pairs = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, rows)
    prior, asked = model.fitted.predict(inputs, pairs), torch.arange(200, 260)
    before = widen(prior, EFFECTS, model.features).epistemic_std[200:260]
    for count in (1, 20, 200):
        some = torch.arange(count)
        updated = UpdatedFit(model.fitted, inputs, pairs.select(some), prior[:count], EFFECTS)
        after = updated.predict(inputs, pairs.select(asked), prior[200:260]).epistemic_std
        assert (after <= before * (1 + 1e-6)).all() and after.mean() < before.mean()
        before = after


def responses_elsewhere(pred, features, effects, seed, cap=None):
    """Responses drawn from a prediction in a laboratory with these scales."""
    rng = np.random.default_rng(seed)
    std, mean = features.response_std, (pred.mean - features.response_mean) / features.response_std
    drug, drugs = pd.factorize(pred.keys["drug_id"])
    line, lines = pd.factorize(pred.keys["cell_line_id"])
    offsets = effects.offset * rng.standard_normal() + effects.slope * rng.standard_normal() * mean
    offsets = offsets + effects.by_drug * rng.standard_normal(len(drugs))[drug]
    offsets = offsets + effects.by_line * rng.standard_normal(len(lines))[line]
    known = effects.epistemic * pred.joint_draws.draw(rng, 1)[0]
    own = pred.with_moments(pred.mean, effects.noise * pred.aleatoric_std, np.zeros(len(pred)))
    drawn = own.sample(1, seed)[0] + known + std * offsets
    return drawn if cap is None else np.minimum(drawn, cap)


def test_in_simulated_laboratories_intervals_cover_at_zero_labels_and_raw_ones_do_not(trained, pred):
    features = trained[0].features
    wide, covered, raw = widen(pred, EFFECTS, features), [], []
    for seed in range(60):
        drawn = responses_elsewhere(pred, features, EFFECTS, seed)
        for found, one in ((covered, wide), (raw, pred)):
            low, high = one.interval(0.9).T
            found.append(np.mean((low <= drawn) & (drawn <= high)))
    # Of 60 laboratories' coverages, whose SD is some 0.06: a standard error of 0.008, four of which fail one in 16,000.
    assert abs(np.mean(covered) - 0.9) < 0.032
    assert np.mean(raw) < 0.8


def elsewhere(screen, response, name="there", cap=np.nan):
    rows = screen.responses.assign(response=response, lower_limit=np.nan, upper_limit=cap)
    return Screen(name, screen.measure, rows, screen.drugs, screen.cell_lines, screen.expression)


def test_scales_are_learned_from_laboratories_and_cover_one_more(trained, tiny_screen):
    model = trained[0]
    inputs, pairs = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, tiny_screen.responses)
    own, features = model.fitted.predict(inputs, pairs), model.features
    # Scales are factors on what the model says after recalibration, so laboratories are drawn about that.
    calibrated = model.recalibration(own)
    draws = scale_draws(own.joint_draws, calibrated.epistemic_std / own.epistemic_std)
    home = own.with_moments(calibrated.mean, calibrated.aleatoric_std, calibrated.epistemic_std, draws)
    screens = [
        elsewhere(tiny_screen, responses_elsewhere(home, features, EFFECTS, seed), f"lab {seed}") for seed in range(4)
    ]
    known = Laboratories(tuple(learn_laboratory(model, screen) for screen in screens))
    found = known.prior("ln_ic50_um").median
    # Twelve drugs and one offset a laboratory: each scale is known to about a fifth, over four of them to a tenth.
    assert 0.25 < found.by_drug < 0.9 and 1.05 < found.noise < 1.6
    wide, covered = widen(home, found, features), []
    for seed in range(100, 140):
        low, high = wide.interval(0.9).T
        drawn = responses_elsewhere(home, features, EFFECTS, seed)
        covered.append(np.mean((low <= drawn) & (drawn <= high)))
    # scales that are off by a fifth move coverage by four points
    assert 0.83 < np.mean(covered) < 0.97


def test_a_laboratory_that_does_not_differ_is_learned_to_differ_little(trained, tiny_screen):
    model = trained[0]
    inputs, pairs = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, tiny_screen.responses)
    home = model.fitted.predict(inputs, pairs)
    same = learn_laboratory(model, elsewhere(tiny_screen, responses_elsewhere(home, model.features, BatchEffects(), 0)))
    assert same.effects.by_drug < 0.2 and same.effects.offset < 0.3 and 0.85 < same.effects.noise < 1.15
    assert same.laboratory == "there" and same.drugs == len(tiny_screen.drugs)


def test_capped_responses_are_caps_to_what_is_learned(trained, tiny_screen):
    # A third of the responses at the cap: taken for measurements they would be a laboratory of lower responses.
    model = trained[0]
    inputs, pairs = model.prepared(model.drugs_of(tiny_screen), tiny_screen.profiles, tiny_screen.responses)
    home, features = model.fitted.predict(inputs, pairs), model.features
    cap = float(np.quantile(home.mean, 0.6))
    drawn = responses_elsewhere(home, features, BatchEffects(), 3, cap)
    assert 0.25 < np.mean(drawn == cap) < 0.6

    def updated(limit):
        limits = torch.full((len(pairs),), limit, dtype=torch.float64)
        unknown = torch.full_like(limits, np.nan)
        there = Pairs(pairs.line, pairs.drug, torch.as_tensor(drawn), unknown, limits, unknown)
        found = UpdatedFit(model.fitted, inputs, there, home)
        return found.predict(inputs, pairs, home).mean - home.mean

    high = home.mean > cap + features.response_std / 2
    assert high.sum() > 20
    assert np.mean(updated(np.nan)[high]) < -0.4 * features.response_std
    assert abs(np.mean(updated(cap)[high])) < 0.25 * features.response_std


def test_a_prior_is_the_root_mean_square_over_laboratories():
    known = Laboratories((scales("a", by_drug=0.3), scales("b", by_drug=0.4), scales("c", "auc_fraction", by_drug=0.5)))
    found = known.prior("ln_ic50_um")
    assert found.median.by_drug == pytest.approx(np.sqrt((0.09 + 0.16 + 0.25) / 3))
    apart = np.log([0.3, 0.4, 0.5]) - np.log(found.median.by_drug)
    assert found.deviation.by_drug == pytest.approx(np.sqrt((2 * 1.0**2 + (apart**2).sum()) / 5))


def test_each_laboratory_counts_once_in_the_measure_that_is_asked_for_if_it_has_it():
    known = Laboratories((scales("a"), scales("a", "auc_fraction"), scales("b", "auc_fraction")))
    assert [(one.laboratory, one.measure) for one in known.in_measure("ln_ic50_um")] == [
        ("a", "ln_ic50_um"),
        ("b", "auc_fraction"),
    ]
    assert [one.laboratory for one in known.without("a").in_measure("ln_ic50_um")] == ["b"]
    assert not known.without("a", "b").scales


def test_what_is_learned_anew_replaces_what_was_known():
    known = Laboratories((scales("a", by_drug=0.1), scales("b"))).updated([scales("a", by_drug=0.7)])
    assert [(one.laboratory, one.effects.by_drug) for one in known.scales] == [("a", 0.7), ("b", 1.0)]


def test_the_shipped_scales_are_of_three_laboratories_and_none_is_nothing():
    shipped = Laboratories.shipped()
    for measure in ("ln_ic50_um", "auc_fraction"):
        assert {one.laboratory for one in shipped.in_measure(measure)} == {"gdsc1", "ccle", "ctrp"}
        median = shipped.prior(measure).median
        assert median.noise > 1 and min(median.offset, median.slope, median.by_drug, median.by_line) > 0.02
        assert all(one.source == "gdsc2" for one in shipped.scales)
    assert "bdrp transfer" in shipped.made_by


def test_a_file_holds_what_was_learned(tmp_path):
    known = Laboratories((scales("a", by_drug=0.3), scales("b", "auc_fraction")), "by hand")
    known.save(tmp_path / "laboratory.json")
    assert Laboratories.load(tmp_path / "laboratory.json") == known
    assert find_laboratories(tmp_path / "laboratory.json") == known
    assert find_laboratories("same") is None
    assert find_laboratories("other") is Laboratories.shipped()


def test_a_file_of_something_else_is_not_replaced(tmp_path):
    path = tmp_path / "laboratory.json"
    path.write_text('{"address": "my own"}')
    with pytest.raises(OutputError, match="an earlier result of its kind"):
        Laboratories((scales("a"),)).save(path)
    path.unlink()
    for name in ("a", "b"):
        Laboratories((scales(name),)).save(path)
    assert [one.laboratory for one in Laboratories.load(path).scales] == ["b"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 99}, "that this version reads"),
        ({"scales": [{"laboratory": "a"}]}, "Allowed: its drugs, effects"),
        ({"scales": [{**scales("a").to_json(), "effects": {"noise": 1.0}}]}, "a number for each of epistemic"),
        (
            {"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "noise": -1.0}}]},
            "'noise': -1.0}. Allowed: 0 to",
        ),
        ({"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "noise": 0}}]}, "of the noise above 0"),
        ({"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "slope": 1e200}}]}, "Allowed: 0 to"),
        (
            {"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "slope": 10**400}}]},
            "too large a number",
        ),
        ({"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "slope": True}}]}, "a number for each"),
        ({"scales": [{**scales("a").to_json(), "effects": {**EFFECTS.to_json(), "slope": np.nan}}]}, "holds NaN"),
        ({"scales": [{**scales("a").to_json(), "pairs": -3}]}, "A laboratory is"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, change, said):
    path = tmp_path / "laboratory.json"
    path.write_text(json.dumps({"format": 1, "made_by": "", "scales": []} | change))
    with pytest.raises(DataError, match=said) as refused:
        Laboratories.load(path)
    assert str(path) in str(refused.value)


def test_what_is_no_laboratory_is_refused(trained, tiny_screen, tmp_path, fit, tiny_split):
    with pytest.raises(DataError, match="'moon' is no laboratory. Allowed: same"):
        predict(trained[0], screen=tiny_screen, laboratory="moon")
    with pytest.raises(DataError, match="is no laboratory"):
        find_laboratories("moon" * 2000)
    with pytest.raises(DataError, match="At least one is needed"):
        predict(trained[0], screen=tiny_screen, laboratory=Laboratories())
    few = dataclasses.replace(tiny_screen, responses=tiny_screen.responses.head(20))
    with pytest.raises(DataError, match="has 20 responses to learn from"):
        learn_laboratory(trained[0], few)
    ridge = fit(tiny_screen, tiny_split, method="ridge", options={})
    with pytest.raises(FitError, match="no posterior that can be updated"):
        learn_laboratory(ridge, tiny_screen)
    assert predict(ridge, screen=tiny_screen, laboratory="other").laboratory is not None  # any method can be widened


def test_in_another_laboratory_a_known_compound_is_known_under_any_id(trained, tiny_screen):
    model, drugs = trained[0], tiny_screen.drugs
    renamed = drugs.set_axis(pd.Index([f"their {drug}" for drug in drugs.index], name="drug_id"))
    ours = predict(model, screen=tiny_screen, laboratory="other").distribution
    theirs, at_home = (
        predict(
            model, drugs=renamed, expression=tiny_screen.expression, profiles=tiny_screen.profiles, laboratory=name
        ).distribution
        for name in ("other", "same")
    )
    once = drugs["structure_key"].map(pd.Series(model.features.compounds).value_counts()) == 1
    known = ours.keys["drug_id"].isin(drugs.index[once]).to_numpy()
    assert known.mean() > 0.8
    np.testing.assert_allclose(theirs.mean[known], ours.mean[known], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(theirs.std[known], ours.std[known], rtol=1e-5)
    # at home another id is another assay, which borrows from its compound and is less sure
    assert np.abs(at_home.mean - ours.mean)[known].max() > 0.01


def test_predictions_say_whose_they_are(trained, tiny_screen, tmp_path):
    same, other = (predict(trained[0], screen=tiny_screen, laboratory=name) for name in ("same", "other"))
    assert same.laboratory is None
    assert other.laboratory["width_ratio"] == pytest.approx(
        np.median(interval_widths(other.distribution) / interval_widths(same.distribution))
    )
    assert other.laboratory["width_ratio"] > 1.1
    assert "gdsc1" in other.laboratory["from"]
    other.save(tmp_path / "other.parquet")
    same.save(tmp_path / "same.parquet")
    assert Predictions.load(tmp_path / "other.parquet").laboratory == other.laboratory
    assert Predictions.load(tmp_path / "same.parquet").laboratory is None
    np.testing.assert_allclose(load(tmp_path / "other.parquet").interval(0.9), other.distribution.interval(0.9))


def test_the_report_of_held_out_pairs_as_anothers_is_wider_and_says_so(trained, tmp_path):
    at_home = bdrp.evaluate(trained[1], tmp_path / "same")
    other = bdrp.evaluate(trained[1], tmp_path / "other", laboratory="other")
    assert other.metrics["coverage"]["90"]["width"] > 1.1 * at_home.metrics["coverage"]["90"]["width"]
    assert "Predicted as if for another laboratory" in (tmp_path / "other" / "report.html").read_text()
    assert "Predicted as if for another laboratory" not in (tmp_path / "same" / "report.html").read_text()
    assert json.loads((tmp_path / "other" / "scores.json").read_text())["model"]["laboratory"]["by_drug"] > 0


def test_a_normal_stays_one(trained):
    keys = pd.DataFrame({"cell_line_id": ["a", "b"], "drug_id": "d"})
    wide = widen(Normal(keys, "ln_ic50_um", [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]), EFFECTS, trained[0].features)
    assert isinstance(wide, Normal) and wide.joint_draws is None
