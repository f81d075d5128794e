"""How the laboratories that a model learned from differ, read from what it predicts where they share compounds."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bdrp.data.screen import Screen
from bdrp.features.batch import Inputs, Pairs
from bdrp.inference.method import Fitted

Floats = npt.NDArray[np.float64]
FEWEST_SHARED: Final = 2
"""Compounds, of which one alone says nothing of how compounds differ."""


class _Assays(NamedTuple):
    """What is predicted of one laboratory on L lines: means (L, C) by structure key, and the RMS noise SD."""

    mean: pd.DataFrame
    noise: float


def measure_differences(fitted: Fitted, inputs: Inputs, screen: Screen) -> dict[str, dict[str, Any]]:
    """How each laboratory differs from the first, by its name; nothing where the screen is of one.

    Of the C compounds that both measured and the L lines that were trained on, with predicted means b[l, c] there and
    a[l, c] in the first laboratory and their difference t = b - a:

    - offset: the mean of t. by_drug, by_line: SDs of its means over lines and over compounds.
    - slope: of b on a, both less their means over lines and over compounds: how far lines lie apart within a compound.
    - noise: root mean square of the noise SD of all of the laboratory's pairs of these lines.

    These are read from posterior means, which are shrunken towards no difference. Offsets are in the measure's unit.

    Args:
        fitted: on this screen.
        inputs: its drugs and lines.
        screen: of several laboratories; see `bdrp.data.joint`.
    """
    if "laboratory" not in screen.drugs:
        return {}
    first, *others = screen.drugs["laboratory"].unique()
    home = _predict_assays(fitted, inputs, screen, first)
    return {first: {"noise": home.noise}} | {
        name: _differ(home, _predict_assays(fitted, inputs, screen, name), first) for name in others
    }


def _differ(home: _Assays, there: _Assays, first: str) -> dict[str, Any]:
    shared = home.mean.columns.intersection(there.mean.columns)
    found: dict[str, Any] = {"reference": first, "shared_compounds": len(shared), "noise": there.noise}
    if len(shared) < FEWEST_SHARED or len(home.mean) < FEWEST_SHARED:
        return found
    one, other = home.mean[shared].to_numpy(), there.mean[shared].to_numpy()
    difference = other - one
    here, far = _centred_twice(one), _centred_twice(other)
    return found | {
        "offset": float(difference.mean()),
        "by_drug": float(difference.mean(0).std(ddof=1)),
        "by_line": float(difference.mean(1).std(ddof=1)),
        "slope": float((here * far).sum() / max((here**2).sum(), np.finfo(float).tiny)),
    }


def _centred_twice(table: Floats) -> Floats:
    """(L, C) less the means of its rows and columns."""
    return np.asarray(table - table.mean(0) - table.mean(1, keepdims=True) + table.mean())


def _predict_assays(fitted: Fitted, inputs: Inputs, screen: Screen, laboratory: str) -> _Assays:
    """Predictions of every trained assay of a laboratory on every trained line; ids of one compound are averaged."""
    own = np.asarray(screen.drugs["laboratory"].reindex(list(inputs.drug_ids)) == laboratory)
    drugs = torch.as_tensor(np.flatnonzero(own & (inputs.drug_effect >= 0).numpy()))
    lines = torch.nonzero(inputs.line_effect >= 0)[:, 0]
    line, drug = (part.flatten() for part in torch.meshgrid(lines, drugs, indexing="ij"))
    unknown = torch.full((len(line),), torch.nan, dtype=torch.float64)
    predicted = fitted.predict(inputs, Pairs(line, drug, *[unknown] * 4))
    compounds = screen.drugs["structure_key"].loc[[inputs.drug_ids[at] for at in drugs.tolist()]]
    means = pd.DataFrame(predicted.mean.reshape(len(lines), len(drugs)), columns=list(compounds))
    return _Assays(means.T.groupby(level=0).mean().T, float(np.sqrt(predicted.aleatoric.mean())))
