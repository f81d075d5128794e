"""A trained model: features, fitted method and recalibration together, as a folder and as a predictor."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from bdrp.calibration import Recalibration
from bdrp.data.expression import Reference, admit
from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION, Profiles, name_profiles
from bdrp.data.screen import Screen
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning, DataError, FitError
from bdrp.evaluation import PosteriorCheck, posterior_data
from bdrp.evaluation.inference_data import CHAINS, check_counts, choose_rows
from bdrp.features.applicability_domain import ApplicabilityDomain
from bdrp.features.batch import Features, Inputs, Pairs
from bdrp.features.batch import pairs as as_pairs
from bdrp.files import sealed_json
from bdrp.fitted import given, model_folder, updates
from bdrp.fitted.asked import check_tables
from bdrp.fitted.conditioning import (
    MeasuredPairs,
    condition,
    prepare_measured,
    refuse_method,
    without_measurements,
)
from bdrp.fitted.facts import facts_of
from bdrp.fitted.held_out import HasHeldOut, HeldOut
from bdrp.fitted.known_variance import KNOWN_VARIANCES
from bdrp.fitted.laboratory import SAME, Laboratories, find_laboratories
from bdrp.fitted.measurements import Measurements, keep_rows
from bdrp.fitted.question import Question
from bdrp.fitted.updates import Source
from bdrp.fitted.widening import interval_widths, require_rescalable, widen
from bdrp.inference.hierarchical.conditioned_covariance import ConditionedCovariance
from bdrp.inference.hierarchical.updating import UpdatedFit
from bdrp.inference.method import Fitted, require_weight_draws
from bdrp.predictive import Predictions, PredictiveDistribution

if TYPE_CHECKING:
    import arviz


@dataclass(frozen=True, repr=False)
class TrainedModel(HasHeldOut, Displayed):
    """Everything that predicting needs; no training response is among it, but summaries of them are.

    What was measured since the fit is among it, row by row; see `update`.

    Example:
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> sample = tiny_screen().expression.iloc[0].rename("biopsy")
        >>> tiny_model().predict({"ethanol": "CCO"}, sample).distribution
        StudentT(1 pairs, ln_ic50_um in ln(µM))

    Attributes:
        manifest: what was fitted, on what, how, and with which versions.
        features: how tables become tensors.
        fitted: the method's fit.
        recalibration: fitted on rows that the weights had not seen.
        applicability_domain: the trained drugs and lines, which others are compared with.
        limits: index drug_id; lower_limit and upper_limit of the doses that each trained drug was tested at.
        held_out_part: the test part, None for a model without one.
        posterior_check: of the posterior on its training rows, None for a method without a posterior.
        measurements: what it was updated with since the fit, None where it never was.
        measured_pairs: the same as the method takes it, where an update has made it already.
    """

    manifest: Mapping[str, Any]
    features: Features
    fitted: Fitted
    recalibration: Recalibration
    applicability_domain: ApplicabilityDomain
    limits: pd.DataFrame
    held_out_part: HeldOut | None = None
    posterior_check: PosteriorCheck | None = None
    measurements: Measurements | None = None
    measured_pairs: MeasuredPairs | None = field(default=None, repr=False)

    def predict(
        self,
        drugs: Given,
        profiles: Profiles | Given,
        pairs: Given | None = None,
        cell_lines: pd.DataFrame | None = None,
        laboratory: str | Path | Laboratories = SAME,
        match: str | None = None,
    ) -> Predictions:
        """Calibrated distributions for pairs of any drugs and lines, measured or not.

        Args:
            drugs: as `bdrp.predict` takes them. New structures are welcome, and better predicted with `upper_limit`,
                the highest dose that each is to be tested at, in the measure's unit.
            profiles: tables by modality, or that of expression alone; index cell_line_id; one column a gene or other
                feature. New lines are welcome; all need expression, and may lack the rest. Of expression alone, all
                that `bdrp.predict` takes.
            pairs: cell_line_id and drug_id of N pairs; every line with every drug if None.
            cell_lines: index cell_line_id; tissue and, where known, name, shown beside the predictions.
            laboratory: whose responses are predicted. "same" is the one that the model learned from; "other" any
                other, with what bdrp knows of how laboratories differ; or the path of a laboratory.json that
                `bdrp transfer` wrote, or what it holds. A model that was updated with measurements of another
                laboratory predicts for that one alone, which then is "same".
            match: how expression is mapped onto the training lines, see `bdrp.data.expression.admit`.

        Raises:
            DataError: a structure cannot be read, genes are missing or on another scale than in training, a pair names
                an unknown line or drug, or there is no such laboratory.

        Warns:
            BdrpWarning: genes are missing, expression is unlike that of training lines or of the line of that id, or a
                drug is of none of the laboratories that the model learned from, where it learned from several.
        """
        asked = None if pairs is None else given.read_pairs(pairs)
        known, lines = given.read_drugs(drugs, self), given.read_profiles(profiles, self)
        return Question.of(self, known, lines, asked, cell_lines, laboratory, match).answer()

    def _facts(self) -> Mapping[str, object]:
        return facts_of(self)

    @property
    def digest(self) -> str:
        """That of the folder that the model was read from; "" for one that was fitted and never read."""
        return str(self.manifest.get(sealed_json.DIGEST, ""))

    def predictive(self, inputs: Inputs, pairs: Pairs) -> PredictiveDistribution:
        """The recalibrated distributions of N pairs, conditioned on what was measured since the fit."""
        pred = self.recalibration(self.fitted.predict(inputs, pairs))
        return pred if self.posterior is None else self.posterior.predict(inputs, pairs, require_rescalable(pred))

    def joint(self, inputs: Inputs, pairs: Pairs) -> tuple[PredictiveDistribution, ConditionedCovariance]:
        """The distributions of N pairs, as `predictive` has them, and the covariance of their expected responses.

        Raises:
            FitError: the method's posterior has no covariance in closed form.
        """
        refuse_method(self)
        before = require_rescalable(self.recalibration(self.fitted.predict(inputs, pairs)))
        posterior = self.posterior or without_measurements(self.fitted, inputs, pairs)
        return posterior.predict(inputs, pairs, before), posterior.covariance(inputs, pairs, before)

    @cached_property
    def posterior(self) -> UpdatedFit | None:
        """The posterior given what was measured since the fit; None where nothing was."""
        if self.measurements is None:
            return None
        found = self.measured_pairs or prepare_measured(self, self.measurements)
        return condition(self.fitted, self.measurements, found)

    @property
    def updates(self) -> tuple[str, ...]:
        """What the model was updated with since its fit, in words; empty where it never was."""
        return () if self.measurements is None else tuple(each.describe() for each in self.measurements.history)

    def update(
        self,
        measured: pd.DataFrame,
        *,
        drugs: Given | None = None,
        profiles: Profiles | Given | None = None,
        laboratory: str | Path | Laboratories = SAME,
        source: Source | None = None,
    ) -> TrainedModel:
        """A model that knows further measurements too, in closed form; this one stays as it is.

        Args:
            measured: cell_line_id, drug_id and response, and where known lower_limit and upper_limit, in the model's
                measure; `bdrp.update` reads other units and forms. A response at a limit is known to lie there or
                beyond. Lines and drugs may be new.
            drugs: as in `predict`, at least those that are measured and were not in an earlier update.
            profiles: likewise of the lines.
            laboratory: whose measurements they are, as in `predict`; all updates of a model are of one laboratory.
            source: the table's file, for the history.

        Raises:
            FitError: the method's posterior cannot be updated.
            DataError: a row cannot be used; see `bdrp.fitted.measured_checks`.

        Warns:
            BdrpWarning: the measurements lie far from what is predicted for them.
        """
        tables = {} if profiles is None else name_profiles(given.read_profiles(profiles, self))
        known = None if drugs is None else given.read_drugs(drugs, self)
        return updates.add(self, measured, (known, tables), find_laboratories(laboratory), source)

    def undo(self) -> TrainedModel:
        """The model before its last update, with equal predictions.

        Raises:
            DataError: it was never updated.
        """
        return updates.undo(self)

    def in_laboratory(
        self, pred: PredictiveDistribution, laboratories: Laboratories
    ) -> tuple[PredictiveDistribution, Mapping[str, Any]]:
        """A recalibrated prediction as it is for one laboratory more of that kind, and what it carries.

        Raises:
            DataError: no laboratory is known, or the model was updated with the measurements of one.
        """
        if self.measurements is not None and self.measurements.laboratory is not None:
            raise DataError(
                "This model was updated with measurements of another laboratory, and predicts for that one alone. "
                "Allowed: the laboratory same, which means that one; for yet another, the model before its updates."
            )
        measure = self.features.measure.name
        effects = laboratories.prior(measure).median
        widened = widen(pred, effects, self.features)
        ratio = float(np.median(interval_widths(widened) / interval_widths(pred)))
        return widened, {**effects.to_json(), "from": laboratories.describe(measure), "width_ratio": ratio}

    def prepared(
        self,
        drugs: pd.DataFrame,
        profiles: Profiles | pd.DataFrame,
        pairs: pd.DataFrame,
        *,
        elsewhere: bool = False,
        match: str | None = None,
    ) -> tuple[Inputs, Pairs]:
        """What the fitted method takes: the drugs and lines that pairs name, and the pairs.

        Args:
            drugs: as in `predict`.
            profiles: as in `predict`.
            pairs: as in `predict`.
            elsewhere: the pairs are of another laboratory; see `Inputs.with_known_assays`.
            match: as in `predict`; the cohort is all lines of `profiles`.

        Raises:
            DataError: as in `predict`.

        Warns:
            BdrpWarning: as in `predict`.
        """
        lines = self.prepared_lines(profiles, pairs["cell_line_id"].unique(), match)
        named = keep_rows(drugs, drugs.index.isin(pairs["drug_id"].unique()))
        inputs = self.with_drugs(lines, named, elsewhere=elsewhere)
        return inputs, as_pairs(pairs, inputs)

    def prepared_lines(
        self, profiles: Profiles | pd.DataFrame, named: Sequence[str] | pd.Index, match: str | None = None
    ) -> Inputs:
        """Inputs of the lines that are named, without a drug; see `prepared`.

        Raises:
            DataError: as in `predict`.

        Warns:
            BdrpWarning: as in `predict`.
        """
        profiles = name_profiles(profiles)
        profiles[EXPRESSION] = admit(profiles[EXPRESSION], self.training_expression, match)
        needed = {name: keep_rows(table, table.index.isin(named)) for name, table in profiles.items()}
        return self._without_id_collisions(self.features.lines_alone(needed))

    def with_drugs(self, lines: Inputs, drugs: pd.DataFrame, *, elsewhere: bool = False) -> Inputs:
        """Inputs of the same lines with these drugs; see `prepared`.

        Raises:
            DataError: a structure cannot be read.
        """
        inputs = self.features.with_drugs(lines, drugs)
        elsewhere = elsewhere or (self.measurements is not None and self.measurements.laboratory is not None)
        return inputs.with_known_assays() if elsewhere else inputs

    @property
    def knows_variances(self) -> bool:
        """Whether the noise is without the known variances of measurements, some of the fitted rows having had them."""
        return bool(self.manifest.get(KNOWN_VARIANCES))

    @property
    def training_expression(self) -> Reference:
        """What new expression is held against; of a folder that recorded no scale, the scale is told by the scaler."""
        return self.features.training_expression(self.manifest.get("expression_scale"))

    def drugs_of(self, screen: Screen) -> pd.DataFrame:
        """A screen's drugs, with their doses if the model was trained on that screen.

        How doses are chosen is custom of a laboratory: what was learned of them on one screen says nothing on another.
        """
        return screen.tested_drugs() if screen.name == self.manifest["screen"] else screen.drugs

    def to_arviz(
        self,
        drugs: pd.DataFrame,
        profiles: Profiles | pd.DataFrame,
        observed: pd.DataFrame | None = None,
        *,
        draws: int = 100,
        most_pairs: int = 2000,
        seed: int = 0,
        match: str | None = None,
    ) -> arviz.InferenceData:
        """Joint draws of the weights, what they predict, and how likely they make observed responses.

        They are the method's own, before recalibration, so that all groups speak of one posterior. See
        `bdrp.evaluation.posterior_data` for the groups.

        Args:
            drugs: as in `predict`.
            profiles: as in `predict`.
            observed: cell_line_id, drug_id and response of N pairs; the held-out part if None.
            draws: in each of four chains; all are independent.
            most_pairs: a random part of this size is taken of more; the coordinate `pair` is the row in `observed`.
            seed: decides which pairs and which draws.
            match: as in `predict`.

        Raises:
            FitError: the method has no posterior of weights, or measurements since the fit are not in it.
            DataError: as in `predict`, or a response is missing.
        """
        self.refuse_updated("Draws of the weights")
        check_counts(draws, most_pairs)
        profiles = name_profiles(profiles)
        check_tables(drugs, profiles)
        observed = (self.held_out() if observed is None else observed).reset_index(drop=True)
        some = observed.iloc[choose_rows(len(observed), most_pairs, np.random.default_rng(seed))]
        inputs, rows = self.prepared(drugs, profiles, some, match=match)
        drawn = require_weight_draws(self.fitted).draw_posterior(inputs, rows, draws=CHAINS * draws, seed=seed)
        return posterior_data(drawn, self.fitted.predict(inputs, rows), some, seed=seed)

    def refuse_updated(self, what: str) -> None:
        """Refuse for `what` a model that was updated, where the weights as they were fitted are meant.

        Raises:
            FitError: it was.
        """
        if self.measurements is not None:
            raise FitError(
                f"{what} are of a model as it was fitted; this one was updated {len(self.updates)} times, and its "
                "measurements are not among its weights. Take the model before its updates (`bdrp update --undo`)."
            )

    def _without_id_collisions(self, inputs: Inputs) -> Inputs:
        collisions = self.applicability_domain.find_id_collisions(self.features, inputs)
        if not collisions:
            return inputs
        warnings.warn(
            f"{len(collisions)} lines bear a training line's id but not its expression: {', '.join(collisions[:5])}. "
            "They are predicted as new lines. Rename them if they are others; check the expression if they are not.",
            BdrpWarning,
            stacklevel=4,
        )
        unseen = torch.tensor([line in set(collisions) for line in inputs.line_ids])
        return replace(inputs, line_effect=torch.where(unseen, -1, inputs.line_effect))

    def save(self, into: Path) -> None:
        """Write every file into an empty folder and seal it; see `bdrp.fitted.model_folder`."""
        model_folder.write(self, into)

    @classmethod
    def load(cls, path: Path | str, method: Path | str | None = None, *, held_out: bool = True) -> TrainedModel:
        """Read a model folder; the training data are not needed.

        Args:
            path: the folder.
            method: the file of the method, for a model that was fitted with one that is given by its path.
            held_out: whether to read the test part and the check of the posterior too, which predictions need not.

        Raises:
            ModelFolderError: a file is missing, altered or foreign, or was written by another version, or the method
                is of a package or a file that is not here.
        """
        return cls(**model_folder.read(Path(path), method, held_out=held_out))


def cross_drugs_and_lines(drugs: pd.DataFrame, expression: pd.DataFrame) -> pd.DataFrame:
    """Every line with every drug: cell_line_id, drug_id."""
    product = pd.MultiIndex.from_product([expression.index, drugs.index], names=["cell_line_id", "drug_id"])
    return product.to_frame(index=False)
