"""Evaluate a saved model on the pairs that were held out when it was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bdrp.errors import OutputError

if TYPE_CHECKING:
    from bdrp.evaluation import Scores

_CARD = ("method", "screen", "measure", "unit", "seed", "options", "genes", "notices", "versions", "checksums")


def evaluate(model_path: Path | str, out: Path | str, *, method: Path | str | None = None) -> Scores:
    """Score a model folder's own held-out pairs and write report.html and scores.json into `out`.

    Reads only the model folder: no screen, no network.

    Args:
        model_path: a folder written by `TrainedModel.save`.
        out: where the report goes.
        method: the method's file, for a model that was fitted with one; see `TrainedModel.load`.

    Returns:
        The scores of the recalibrated predictions, as in scores.json.

    Raises:
        ModelFolderError: the folder is incomplete, altered or foreign.
        OutputError: the report cannot be written.
    """
    from bdrp.evaluation import score
    from bdrp.fitted.model import TrainedModel
    from bdrp.report.output import write

    _check_apart(Path(model_path), Path(out))

    trained = TrainedModel.load(Path(model_path), method)
    observed, pred, uncalibrated = trained.held_out(), trained.held_out_predictions(), trained.held_out_uncalibrated()
    manifest: Mapping[str, Any] = trained.manifest
    seed = int(manifest.get("seed") or 0)
    scores = score(pred, observed, seed=seed)
    write(
        scores,
        pred,
        observed,
        split_summary=manifest.get("split") or {},
        model_card=_card(manifest) | {"recalibration": trained.recalibration.to_json()},
        out=out,
        before=None if uncalibrated is None else score(uncalibrated, observed, seed=seed),
        posterior=trained.posterior_check,
    )
    return scores


def _check_apart(model: Path, out: Path) -> None:
    if out.resolve() == model.resolve():
        raise OutputError(
            f"The report could not be written to {out}: it is the model folder, which holds nothing but the model. "
            "A report needs a folder of its own. Choose another folder with --out."
        )


def _card(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest belongs on the page; the split has its own section."""
    return {key: manifest[key] for key in _CARD if manifest.get(key) is not None}
