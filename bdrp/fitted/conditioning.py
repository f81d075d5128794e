"""A model's recalibrated predictions conditioned on what was measured since its fit, in closed form.

The prior is what the model predicts, recalibrated: its means, its noise and the covariance of its posterior, scaled to
the recalibrated epistemic SDs. The layer is updated as a whole (`bdrp.inference.hierarchical.updating`): all rows
of all updates are conditioned on at once, so that their order tells nothing and undoing one leaves no trace.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from bdrp.errors import BdrpWarning, FitError
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.measurements import UPDATE, Measurements, TargetLaboratory
from bdrp.fitted.widening import require_rescalable, widen
from bdrp.inference.hierarchical.batch_effects import BatchEffects, ScalePrior
from bdrp.inference.hierarchical.updating import UpdatedFit
from bdrp.inference.method import Fitted
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats, Scalable

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel

FAR: Final = 3.0
"""Predictive SDs that measurements may lie from their predictions in the median; chosen: of calibrated ones it is 0.7,
and a wrong unit (a factor of 1,000 is 6.9 in ln) or a wrong sign of the measure lies beyond."""

ENOUGH: Final = 3
"""Measurements that a median is taken of; fewer are surprises before they are a wrong unit. Chosen."""


@dataclass(frozen=True, eq=False)
class MeasuredPairs:
    """The pairs of all measurements as the method takes them.

    Attributes:
        inputs: their drugs and lines.
        pairs: N of them, in the order of the rows.
        prior: what the fit predicts for them, recalibrated.
    """

    inputs: Inputs
    pairs: Pairs
    prior: Scalable


def prepare_measured(model: TrainedModel, measured: Measurements) -> MeasuredPairs:
    """Encode what was measured, and predict it as if it had not been."""
    elsewhere = measured.laboratory is not None
    inputs, pairs = model.prepared(measured.drugs, measured.profiles, measured.rows, elsewhere=elsewhere)
    own = model.fitted.predict(inputs, pairs)
    return MeasuredPairs(inputs, pairs, calibrated_moments(own, model.recalibration(own)))


def condition(fitted: Fitted, measured: Measurements, found: MeasuredPairs) -> UpdatedFit:
    """The posterior of a fit given all measurements, in the laboratory that they are of."""
    laboratory = measured.laboratory
    effects = BatchEffects() if laboratory is None else laboratory.effects
    return UpdatedFit(fitted, found.inputs, found.pairs, found.prior, effects)


def without_measurements(fitted: Fitted, inputs: Inputs, pairs: Pairs) -> UpdatedFit:
    """The posterior of a fit as it is, in the form of one that was conditioned; `pairs` are any."""
    none = pairs.select(torch.arange(0))
    prior = fitted.predict(inputs, none)
    return UpdatedFit(fitted, inputs, none, prior, BatchEffects())


def find_effects(fitted: Fitted, measured: Measurements, found: MeasuredPairs) -> Measurements:
    """The same measurements, with the scales of their laboratory that are most likely after all of them."""
    laboratory = measured.laboratory
    if laboratory is None:
        return measured
    posterior = UpdatedFit(fitted, found.inputs, found.pairs, found.prior, scales=laboratory.prior)
    last = replace(measured.history[-1], laboratory=replace(laboratory, effects=posterior.batch_effects))
    return replace(measured, history=(*measured.history[:-1], last))


def refuse_method(model: TrainedModel) -> None:
    """Refuse a model whose posterior cannot be conditioned.

    Raises:
        FitError: saying which can.
    """
    if not model.fitted.can_update:
        raise FitError(
            f"A model of {model.manifest['method']} cannot be updated: its posterior has no covariance between pairs "
            "in closed form, so that a measurement says nothing exact of other pairs. Allowed: models of last_layer. "
            "Fit one of these, or fit this method again on the screen and the measurements together."
        )


def warn_if_far(model: TrainedModel, measured: Measurements, found: MeasuredPairs) -> None:
    """Warn where the last measurements lie far from what was predicted for them before.

    Warns:
        BdrpWarning: their median distance is beyond `FAR` predictive SDs.
    """
    pairs, laboratory = found.pairs, measured.laboratory
    pred: PredictiveDistribution = found.prior
    if len(measured.history) > 1:
        last = np.flatnonzero(measured.rows[UPDATE] == len(measured.history) - 1)
        pairs, pred = pairs.select(torch.as_tensor(last)), found.prior[last]
    if model.posterior is not None:
        pred = model.posterior.predict(found.inputs, pairs, require_rescalable(pred))
    elif laboratory is not None:  # else the prediction is of that laboratory already
        pred = widen(pred, laboratory.effects, model.features)
    deviation = np.hypot(pred.std, np.nan_to_num(pairs.response_sd.numpy()))
    score = float(np.median(np.abs(_residual(pairs, pred.mean) / deviation)))
    if score > FAR and len(pairs) >= ENOUGH:
        warnings.warn(
            f"In the median the measurements lie {score:.1f} predictive SDs from what the model predicts for them. Are "
            f"they in {model.features.measure.unit or model.features.measure.name}, and of the model's own laboratory? "
            "Check the unit; of another laboratory say so.",
            BdrpWarning,
            stacklevel=4,
        )


def calibrated_moments(own: Scalable, calibrated: PredictiveDistribution) -> Scalable:
    """A method's own family with recalibrated moments, as an update takes it for a prior."""
    return own.with_moments(calibrated.mean, calibrated.aleatoric_std, calibrated.epistemic_std)


def _residual(pairs: Pairs, mean: Floats) -> Floats:
    return np.asarray(pairs.response.numpy() - mean)


def new_laboratory(learned_from: str, prior: ScalePrior) -> TargetLaboratory:
    """A laboratory of which nothing was measured yet."""
    return TargetLaboratory(learned_from, prior, prior.median)
