"""What a model predicts for another laboratory, as it is and after it has seen a few labelled pairs of that laboratory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bdrp import calibration
from bdrp.data.screen import Screen
from bdrp.experiments.trained import TrainedModel
from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.updating import Updated
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Scalable

RAW: Final = "raw"
RECALIBRATED: Final = "recalibrated"
UPDATED: Final = "posterior as prior"
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Adapted:
    """Predictions of the N scored pairs by one adaptation.

    Attributes:
        name: `RAW`, `RECALIBRATED` or `UPDATED`.
        labelled: how many labelled pairs it saw.
        distribution: of the N pairs.
        found: what it took from the labelled pairs, in numbers.
    """

    name: str
    labelled: int
    distribution: PredictiveDistribution
    found: dict[str, Any]


def draw_labelled(responses: pd.DataFrame, most: int, seed: int) -> Positions:
    """Positions of up to `most` responses of different pairs, in an order whose first n are the n labelled ones."""
    order = np.random.default_rng(seed).permutation(len(responses))
    keys = responses[["cell_line_id", "drug_id"]].iloc[order]
    return np.asarray(order[~keys.duplicated().to_numpy()][:most], dtype=np.intp)


@dataclass(frozen=True)
class Target:
    """Pairs of another laboratory as a model sees them: N to score, then those whose responses it may be told.

    Attributes:
        model: trained on another screen on the same keys.
        inputs: lines and drugs of the pairs.
        pairs: all of them, with their responses.
        scored: N.
        own: the method's own predictions.
        calibrated: the same as the model's own laboratory calibrated them.
    """

    model: TrainedModel
    inputs: Inputs
    pairs: Pairs
    scored: int
    own: Scalable
    calibrated: PredictiveDistribution

    @classmethod
    def of(cls, model: TrainedModel, screen: Screen, scored: Positions, labelled: Positions) -> Target:
        """From positions of the screen's responses; those of labelled pairs are from `draw_labelled`."""
        rows = screen.responses.iloc[np.concatenate([scored, labelled])].reset_index(drop=True)
        inputs, pairs = model.prepared(screen.drugs, screen.expression, rows)
        own = model.fitted.predict(inputs, pairs)
        return cls(model, inputs, pairs, len(scored), own, model.recalibration(own))

    def adapted(self, counts: Sequence[int]) -> Iterator[Adapted]:
        """The scored pairs after each number of labelled ones; 0 is the raw transfer.

        Yields:
            `RAW`, and for each count above 0 `RECALIBRATED` (offset, slope and SD; see `bdrp.calibration.affine`) and,
            if the method's posterior can be updated, `UPDATED` (see `bdrp.inference.updating`).
        """
        for count in counts:
            if count == 0:
                yield Adapted(RAW, 0, self.calibrated[: self.scored], {})
                continue
            known = slice(self.scored, self.scored + count)
            yield self._recalibrated(known, count)
            if self.model.fitted.can_update:
                yield self._updated(known, count)

    def novelty(self) -> pd.DataFrame:
        """How far each scored pair lies from what was trained on: line_distance_percentile, drug_similarity."""
        lines = self.model.neighbourhood.lines(self.model.features, self.inputs)["line_distance_percentile"]
        drugs = self.model.neighbourhood.drugs(self.inputs)["drug_similarity"]
        keys = self.own[: self.scored].keys
        return pd.DataFrame(
            {
                "line_distance_percentile": lines.loc[keys["cell_line_id"]].to_numpy(),
                "drug_similarity": drugs.loc[keys["drug_id"]].to_numpy(),
            }
        )

    def _recalibrated(self, known: slice, count: int) -> Adapted:
        told = self.own[known]
        response = self.pairs.response.numpy()[known]
        remap = calibration.fit("affine", told, response, groups=told.keys["cell_line_id"].tolist())
        return Adapted(RECALIBRATED, count, remap(self.own[: self.scored]), remap.parameters())

    def _updated(self, known: slice, count: int) -> Adapted:
        """The prior are the moments that the model's own laboratory calibrated; their shape is the method's."""
        moments = (getattr(self.calibrated, name) for name in ("mean", "aleatoric_std", "epistemic_std"))
        prior, asked = self.own.moved(*moments), slice(self.scored)
        rows = torch.arange(len(self.pairs))
        fit: Any = self.model.fitted
        updated = Updated(fit, self.inputs, self.pairs.at(rows[known]), prior[known])
        found = updated.predict(self.inputs, self.pairs.at(rows[asked]), prior[asked])
        return Adapted(UPDATED, count, found, vars(updated.laboratory))
