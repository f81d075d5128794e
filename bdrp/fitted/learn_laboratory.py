"""Learning how a laboratory differs: a model's predictions beside the responses of a target screen."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.conditioning import calibrated_moments
from bdrp.fitted.laboratory import LaboratoryScales
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.batch_effects import VAGUE, BatchEffects, ScalePrior
from bdrp.inference.hierarchical.updating import UpdatedFit

PAIRS_A_CLASS: Final = 150  # chosen: scales are then known to a fifth or so, in ten seconds
FEWEST: Final = 50  # chosen: of fewer pairs six scales are not to be told from their priors
WIDE: Final = ScalePrior(VAGUE.median, BatchEffects(1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
"""What a laboratory is learned under; chosen: to a seventh or sevenfold of the vague medians, so that data decide."""


def learn_laboratory(model: TrainedModel, screen: Screen, *, seed: int = 0) -> LaboratoryScales:
    """The scales of batch effects that make a screen's responses most likely, given what a model predicts for them.

    They have the highest posterior density on up to `PAIRS_A_CLASS` pairs of each class: line and compound known to
    the model, either new, both new. So that the scales serve all classes, none counts for more because a screen holds
    more of it. Capped responses count as caps.

    Args:
        model: of a method whose fits can be updated, trained on another screen.
        screen: in the model's measure; its lines known by the model's ids, as `harmonise` makes them.
        seed: decides which pairs are taken.

    Raises:
        FitError: the method's posterior cannot be updated.
        DataError: the screen is in another measure, or has too few pairs.
    """
    if screen.measure.name != model.features.measure.name:
        raise DataError(
            f"{screen.name} is in {screen.measure.name}, the model in {model.features.measure.name}. One measure is "
            "needed; load the screen in the model's."
        )
    inputs, pairs = _choose_pairs(model, screen, seed)
    own = model.fitted.predict(inputs, pairs)
    updated = UpdatedFit(model.fitted, inputs, pairs, calibrated_moments(own, model.recalibration(own)), scales=WIDE)
    return LaboratoryScales(
        screen.name,
        str(model.manifest["screen"]),
        screen.measure.name,
        str(model.manifest["method"]),
        updated.batch_effects,
        len(pairs),
        len(pairs.drug.unique()),
        len(pairs.line.unique()),
    )


def _choose_pairs(model: TrainedModel, screen: Screen, seed: int) -> tuple[Inputs, Pairs]:
    rows = screen.responses
    classes = _classes(model, screen, rows)
    order = np.random.default_rng([seed, len(rows)]).permutation(len(rows))
    each = [order[classes[order] == one][:PAIRS_A_CLASS] for one in np.unique(classes)]
    chosen = np.sort(np.concatenate(each)) if each else order
    if len(chosen) < FEWEST:
        raise DataError(
            f"{screen.name} has {len(chosen)} responses to learn from. At least {FEWEST} are needed to tell how a "
            "laboratory differs. Take a larger screen."
        )
    some = rows.iloc[chosen].reset_index(drop=True)
    return model.prepared(model.drugs_of(screen), screen.profiles, some, elsewhere=True)


def _classes(model: TrainedModel, screen: Screen, rows: pd.DataFrame) -> np.ndarray:
    """(N,) 0 to 3: whether the line and whether the compound is new to the model."""
    compound = rows["drug_id"].map(screen.drugs["structure_key"])
    new_line = ~rows["cell_line_id"].isin(model.features.lines).to_numpy()
    new_drug = ~compound.isin(model.features.compounds).to_numpy()
    return np.asarray(new_line + 2 * new_drug)
