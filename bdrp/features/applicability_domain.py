"""The applicability domain: distance of drugs and cell lines to the training set, and the nearest trained drugs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from scipy.special import bdtrc
from torch import Tensor

from bdrp.data.profiles import EXPRESSION
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning
from bdrp.features.batch import Batch, Features, Inputs
from bdrp.features.molecules import tanimoto
from bdrp.features.structures import FINGERPRINT_BITS

NEAREST = 3  # chosen: as many trained drugs as a reviewer will look up
UNLIKELY = 0.01  # chosen: one honest cohort in a hundred is warned of
SAME_LINE = (
    0.2  # chosen: two profiles closer than a fifth of the median distance between lines are one line measured twice
)


@dataclass(frozen=True, repr=False)
class ApplicabilityDomain(Displayed):
    """The trained drugs and lines, reduced to what distances need.

    Attributes:
        drug_ids: D trained drugs. drug_names: their names. fingerprints: (D, FINGERPRINT_BITS) bits.
        profiles: (L, K) expression of the training lines in principal coordinates: of what else is read of a line
            there may be no profile, and that makes no other line of it.
        spacing: (L,) distance of each to the nearest other, ascending.
    """

    drug_ids: tuple[str, ...]
    drug_names: tuple[str, ...]
    fingerprints: Tensor
    profiles: Tensor
    spacing: Tensor

    @cached_property
    def median_distance(self) -> Tensor:
        """Between two training lines; infinite where there is one alone."""
        return torch.pdist(self.profiles).median() if len(self.profiles) > 1 else torch.tensor(torch.inf)

    def compare_drugs(self, inputs: Inputs) -> pd.DataFrame:
        """Index drug_id; drug_similarity (largest Tanimoto to a trained drug), nearest_drugs (names, similarity)."""
        similarity = tanimoto(inputs.molecules.fingerprints.cpu(), self.fingerprints)
        best, which = similarity.topk(min(NEAREST, len(self.drug_ids)), dim=1)
        nearest = [
            "; ".join(f"{self.drug_names[j]} ({value:.2f})" for value, j in zip(row, columns, strict=True))
            for row, columns in zip(best.tolist(), which.tolist(), strict=True)
        ]
        return pd.DataFrame(
            {"drug_similarity": best[:, 0].double().numpy(), "nearest_drugs": nearest}, index=list(inputs.drug_ids)
        )

    def compare_lines(self, features: Features, inputs: Inputs) -> pd.DataFrame:
        """Index cell_line_id; line_distance_percentile: share of training lines with a closer nearest neighbour."""
        nearest = torch.cdist(_coordinates(features, inputs.components), self.profiles).min(dim=1).values
        percentile = torch.searchsorted(self.spacing, nearest.contiguous()) / len(self.spacing)
        return pd.DataFrame({"line_distance_percentile": percentile.double().numpy()}, index=list(inputs.line_ids))

    def measure_line_distances(self, features: Features, inputs: Inputs) -> pd.DataFrame:
        """(L, L) distances between lines, by cell_line_id; 1 is the median between two training lines."""
        places = _coordinates(features, inputs.components)
        typical = self.median_distance if len(self.profiles) > 1 else torch.tensor(1.0)
        distances = torch.cdist(places, places) / typical.clamp(min=torch.finfo(typical.dtype).tiny)
        return pd.DataFrame(distances.double().numpy(), list(inputs.line_ids), list(inputs.line_ids))

    def measure_drug_similarities(self, inputs: Inputs) -> pd.DataFrame:
        """(D, trained drugs) Tanimoto similarities, by drug_id."""
        similarities = tanimoto(inputs.molecules.fingerprints.cpu(), self.fingerprints)
        return pd.DataFrame(similarities.double().numpy(), list(inputs.drug_ids), list(self.drug_ids))

    def warn_of_unlike_lines(self, percentiles: pd.Series) -> None:
        """Warn where more lines than chance gives are farther from all training lines than any of these from another.

        Chance gives one in L + 1: the count is binomial, of which `bdtrc` is the upper tail.
        """
        far = percentiles.index[percentiles >= 1]
        expected = 1 / (len(self.profiles) + 1)
        if len(far) and bdtrc(len(far) - 1, len(percentiles), expected) < UNLIKELY:
            shown = ", ".join(map(str, far[:5])) + (", ..." if len(far) > 5 else "")
            warnings.warn(
                f"{len(far):,} of {len(percentiles):,} lines are farther from every training line than any training "
                f"line is from its nearest ({shown}; {len(percentiles) * expected:.1f} expected by chance). They are "
                "extrapolated, and may err by more than their intervals say; line_distance_percentile has each.",
                BdrpWarning,
                stacklevel=5,
            )

    def find_id_collisions(self, features: Features, inputs: Inputs) -> list[str]:
        """Lines with the id of a training line but not its expression: another line under the same id."""
        known = inputs.line_effect >= 0
        if not known.any():
            return []
        distance = (_coordinates(features, inputs.components[known]) - self.profiles[inputs.line_effect[known]]).norm(
            dim=1
        )
        ids = np.asarray(inputs.line_ids, dtype=object)[known.numpy()]
        return [str(line) for line in ids[(distance > SAME_LINE * self.median_distance).numpy()]]

    def state(self) -> dict[str, Tensor]:
        """The tensors, for saving beside the names."""
        return {
            "fingerprints": self.fingerprints.to(torch.uint8),
            "profiles": self.profiles.contiguous(),
            "spacing": self.spacing.contiguous(),
        }


def fit(batch: Batch, drugs: pd.DataFrame) -> ApplicabilityDomain:
    """The domain of the training part; `drugs` (index drug_id) gives the names."""
    inputs, features = batch.inputs, batch.features
    rows = torch.unique(batch.train.drug)
    ids = tuple(inputs.drug_ids[row] for row in rows.tolist())
    own = torch.as_tensor(pd.Index(inputs.line_ids).get_indexer(pd.Index(features.lines)))
    profiles = _coordinates(features, inputs.components[own])
    between = torch.cdist(profiles, profiles).fill_diagonal_(torch.inf)
    spacing = between.min(dim=1).values.sort().values if len(profiles) > 1 else torch.zeros(1)
    return ApplicabilityDomain(
        ids, tuple(map(str, drugs.loc[list(ids), "name"])), inputs.molecules.fingerprints[rows], profiles, spacing
    )


def restore(drug_ids: tuple[str, ...], drug_names: tuple[str, ...], state: Mapping[str, Tensor]) -> ApplicabilityDomain:
    """Rebuilt from `state()` and the names."""
    fingerprints = state["fingerprints"].float().reshape(-1, FINGERPRINT_BITS)
    return ApplicabilityDomain(drug_ids, drug_names, fingerprints, state["profiles"], state["spacing"])


def _coordinates(features: Features, components: Tensor) -> Tensor:
    """Whitened components of expression, the first, back to principal coordinates: noise counts for less there."""
    deviation = features.scalers[EXPRESSION].component_sd
    return components[:, : len(deviation)].cpu() * torch.as_tensor(deviation, dtype=torch.float32)
