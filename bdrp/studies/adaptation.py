"""What a model predicts for a target screen: as it is, and adapted to the responses of a few of its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bdrp.calibration import affine
from bdrp.data.screen import Screen
from bdrp.errors import DataError
from bdrp.features.batch import Inputs, Pairs
from bdrp.fitted.conditioning import calibrated_moments
from bdrp.fitted.known_variance import add_known_variance
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.widening import widen
from bdrp.inference.hierarchical.batch_effects import ScalePrior
from bdrp.inference.hierarchical.updating import UpdatedFit, read_responses
from bdrp.predictive import PredictiveDistribution
from bdrp.predictive.distribution import Floats, Scalable
from bdrp.studies.drug_offsets import fit_drug_offsets

RAW: Final = "raw"
OTHER: Final = "other laboratory"
RECALIBRATED: Final = "recalibrated"
DRUG_OFFSETS: Final = "shrunken drug offsets"
UPDATED: Final = "posterior as prior"
Positions = npt.NDArray[np.intp]

LABELLINGS: Final = {"pairs": None, "lines": "cell_line_id", "drugs": "drug_id"}
"""How labelled pairs are drawn: any of them, or plate by plate, all of one line or of one drug before the next."""


@dataclass(frozen=True)
class Adapted:
    """Predictions of the N scored pairs by one adaptation.

    Attributes:
        name: `RAW`, `OTHER`, `RECALIBRATED`, `DRUG_OFFSETS` or `UPDATED`.
        labelled: how many labelled pairs it saw. draw: which of the random draws of them.
        distribution: of the N pairs.
        parameters: what it took from the labelled pairs, in numbers.
        labelled_drugs: ids of the drugs that a labelled pair is of.
    """

    name: str
    labelled: int
    draw: int
    distribution: PredictiveDistribution
    parameters: dict[str, Any]
    labelled_drugs: frozenset[str] = frozenset()


def draw_labelled(responses: pd.DataFrame, most: int, draws: int, seed: int, labelling: str = "pairs") -> Positions:
    """Positions (R, most) of responses, R draws: within one all are of different pairs, and the first n are its n.

    Args:
        responses: cell_line_id, drug_id.
        most: how many a draw.
        draws: R.
        seed: decides all of them.
        labelling: one of `LABELLINGS`.
    """
    keys, drawn = responses[["cell_line_id", "drug_id"]], []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        order = rng.permutation(len(responses))
        column = LABELLINGS[labelling]
        if column is not None:
            plate, plates = pd.factorize(responses[column])
            order = order[np.argsort(rng.permutation(len(plates))[plate[order]], kind="stable")]
        drawn.append(order[~keys.iloc[order].duplicated().to_numpy()][:most])
    return np.asarray(drawn, dtype=np.intp)


def check_labelling(labelling: str) -> None:
    """Refuse a way to draw labelled pairs that there is not.

    Raises:
        DataError: it is none of `LABELLINGS`.
    """
    if labelling not in LABELLINGS:
        raise DataError(
            f"Labelled pairs cannot be drawn by {labelling!r}. Allowed: {', '.join(LABELLINGS)}. Change --labelling."
        )


@dataclass(frozen=True)
class Target:
    """Pairs of a target screen as a model sees them: N to score, then those whose responses adapt it.

    Attributes:
        model: trained on another screen on the same keys.
        inputs: lines and drugs of the pairs.
        pairs: all of them, with their responses.
        scored: N. drawn: how many draws of labelled pairs there are, and of how many pairs each.
        own: the method's own predictions of the pairs as they were measured: known variances are in their noise, if the
            model's own noise is without them.
        calibrated: the same as calibrated on the source screen.
        prior: moments calibrated likewise of what any other experiment would measure, without known variances.
        scales: what is known of laboratories other than the two.
    """

    model: TrainedModel
    inputs: Inputs
    pairs: Pairs
    scored: int
    drawn: tuple[int, ...]
    own: Scalable
    calibrated: PredictiveDistribution
    prior: Scalable
    scales: ScalePrior

    @classmethod
    def prepare(
        cls, model: TrainedModel, screen: Screen, scored: Positions, labelled: Positions, scales: ScalePrior
    ) -> Target:
        """From positions of the screen's responses, (N,) to score and (R, most) of R draws of labelled ones."""
        positions = np.concatenate([scored, labelled.ravel()])
        some = screen.responses.iloc[positions].reset_index(drop=True)
        if not model.knows_variances:
            some = some.drop(columns="response_sd", errors="ignore")
        inputs, pairs = model.prepared(model.drugs_of(screen), screen.profiles, some, elsewhere=True)
        alone = model.fitted.predict(inputs, pairs)
        own = add_known_variance(alone, pairs.response_sd.cpu().numpy())
        prior = calibrated_moments(alone, model.recalibration(alone))
        return cls(model, inputs, pairs, len(scored), labelled.shape, own, model.recalibration(own), prior, scales)

    def adapted(self, counts: Sequence[int]) -> Iterator[Adapted]:
        """The scored pairs for each draw and each number of labelled pairs.

        Yields:
            Of no labelled pair `RAW` and `OTHER` (wider by what laboratories differ by; see `bdrp.fitted.widening`),
            and for each count above 0 `RECALIBRATED` (offset, slope and SD; see `bdrp.calibration.affine`),
            `DRUG_OFFSETS` and, if the method's posterior can be updated, `UPDATED` (see
            `bdrp.inference.hierarchical.updating`).
        """
        draws, most = self.drawn
        for draw in range(draws):
            for count in counts:
                start = self.scored + draw * most
                yield from self._after(draw, slice(start, start + count), count)

    def _after(self, draw: int, known: slice, count: int) -> Iterator[Adapted]:
        if count == 0:
            raw = self.calibrated[: self.scored]
            yield Adapted(RAW, 0, draw, raw, {})
            effects = self.scales.median
            yield Adapted(OTHER, 0, draw, widen(raw, effects, self.model.features), effects.to_json())
            return
        drugs = frozenset(self.own.keys["drug_id"].iloc[known])
        yield Adapted(RECALIBRATED, count, draw, *self._recalibrated(known), drugs)
        yield Adapted(DRUG_OFFSETS, count, draw, *self._with_drug_offsets(known), drugs)
        if self.model.fitted.can_update:
            yield Adapted(UPDATED, count, draw, *self._updated(known), drugs)

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

    def _labels(self, known: slice) -> tuple[Floats, Floats]:
        return read_responses(self.model.fitted, self._some(known))

    def _some(self, rows: slice) -> Pairs:
        return self.pairs.select(torch.arange(len(self.pairs))[rows])

    def _recalibrated(self, known: slice) -> tuple[PredictiveDistribution, dict[str, Any]]:
        labelled, (response, side) = self.own[known], self._labels(known)
        remap = affine.fit(labelled, response, groups=labelled.keys["cell_line_id"].tolist(), side=side)
        return remap(self.own[: self.scored]), remap.parameters()

    def _with_drug_offsets(self, known: slice) -> tuple[PredictiveDistribution, dict[str, Any]]:
        found = fit_drug_offsets(self.own[known], *self._labels(known))
        return found(self.own[: self.scored]), found.parameters()

    def _updated(self, known: slice) -> tuple[PredictiveDistribution, dict[str, Any]]:
        """The prior are the moments that were calibrated on the source screen; their shape is the method's."""
        asked = self._some(slice(self.scored))
        updated = UpdatedFit(self.model.fitted, self.inputs, self._some(known), self.prior[known], scales=self.scales)
        found = updated.predict(self.inputs, asked, self.prior[: self.scored])
        return add_known_variance(found, asked.response_sd.cpu().numpy()), updated.batch_effects.to_json()
