"""What a model predicts for a target screen: as it is, and adapted to the responses of a few of its pairs."""

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
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.model import TrainedModel
from bdrp.inference.hierarchical.updating import UpdatedFit
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
        labelled: how many labelled pairs it saw. draw: which of the random draws of them.
        distribution: of the N pairs.
        parameters: what it took from the labelled pairs, in numbers.
    """

    name: str
    labelled: int
    draw: int
    distribution: PredictiveDistribution
    parameters: dict[str, Any]


def draw_labelled(responses: pd.DataFrame, most: int, draws: int, seed: int) -> Positions:
    """Positions (R, most) of responses, R draws: within one all are of different pairs, and the first n are its n."""
    keys, drawn = responses[["cell_line_id", "drug_id"]], []
    for draw in range(draws):
        order = np.random.default_rng([seed, draw]).permutation(len(responses))
        drawn.append(order[~keys.iloc[order].duplicated().to_numpy()][:most])
    return np.asarray(drawn, dtype=np.intp)


@dataclass(frozen=True)
class Target:
    """Pairs of a target screen as a model sees them: N to score, then those whose responses adapt it.

    Attributes:
        model: trained on another screen on the same keys.
        inputs: lines and drugs of the pairs.
        pairs: all of them, with their responses.
        scored: N. drawn: how many draws of labelled pairs there are, and of how many pairs each.
        own: the method's own predictions.
        calibrated: the same as calibrated on the source screen.
    """

    model: TrainedModel
    inputs: Inputs
    pairs: Pairs
    scored: int
    drawn: tuple[int, ...]
    own: Scalable
    calibrated: PredictiveDistribution

    @classmethod
    def prepare(cls, model: TrainedModel, screen: Screen, scored: Positions, labelled: Positions) -> Target:
        """From positions of the screen's responses, (N,) to score and (R, most) of R draws of labelled ones."""
        positions = np.concatenate([scored, labelled.ravel()])
        inputs, pairs = model.prepared(
            model.drugs_of(screen), screen.profiles, screen.responses.iloc[positions].reset_index(drop=True)
        )
        own = model.fitted.predict(inputs, pairs)
        return cls(model, inputs, pairs, len(scored), labelled.shape, own, model.recalibration(own))

    def adapted(self, counts: Sequence[int]) -> Iterator[Adapted]:
        """The scored pairs for each draw and each number of labelled pairs; 0 is the raw transfer.

        Yields:
            `RAW`, and for each count above 0 `RECALIBRATED` (offset, slope and SD; see `bdrp.calibration.affine`) and,
            if the method's posterior can be updated, `UPDATED` (see `bdrp.inference.hierarchical.updating`).
        """
        draws, most = self.drawn
        for draw in range(draws):
            for count in counts:
                start = self.scored + draw * most
                yield from self._after(draw, slice(start, start + count), count)

    def _after(self, draw: int, known: slice, count: int) -> Iterator[Adapted]:
        if count == 0:
            yield Adapted(RAW, 0, draw, self.calibrated[: self.scored], {})
            return
        yield Adapted(RECALIBRATED, count, draw, *self._recalibrated(known))
        if self.model.fitted.can_update:
            yield Adapted(UPDATED, count, draw, *self._updated(known))

    def distances(self) -> pd.DataFrame:
        """How far each scored pair lies from what was trained on: line_distance_percentile, drug_similarity."""
        domain = self.model.applicability_domain
        lines = domain.compare_lines(self.model.features, self.inputs)["line_distance_percentile"]
        drugs = domain.compare_drugs(self.inputs)["drug_similarity"]
        keys = self.own[: self.scored].keys
        return pd.DataFrame(
            {
                "line_distance_percentile": lines.loc[keys["cell_line_id"]].to_numpy(),
                "drug_similarity": drugs.loc[keys["drug_id"]].to_numpy(),
            }
        )

    def _recalibrated(self, known: slice) -> tuple[PredictiveDistribution, dict[str, Any]]:
        labelled = self.own[known]
        response = self.pairs.response.numpy()[known]
        remap = calibration.fit("affine", labelled, response, groups=labelled.keys["cell_line_id"].tolist())
        return remap(self.own[: self.scored]), remap.parameters()

    def _updated(self, known: slice) -> tuple[PredictiveDistribution, dict[str, Any]]:
        """The prior are the moments that were calibrated on the source screen; their shape is the method's."""
        moments = (getattr(self.calibrated, name) for name in ("mean", "aleatoric_std", "epistemic_std"))
        prior, asked = self.own.with_moments(*moments), slice(self.scored)
        rows = torch.arange(len(self.pairs))
        updated = UpdatedFit(self.model.fitted, self.inputs, self.pairs.select(rows[known]), prior[known])
        found = updated.predict(self.inputs, self.pairs.select(rows[asked]), prior[asked])
        return found, vars(updated.batch_effects)
