"""Evaluate a saved model on the pairs that were held out when it was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bdrp.evaluation import Scores
    from bdrp.fitted.laboratory import Laboratories
    from bdrp.fitted.model import TrainedModel
    from bdrp.fitted.model_record import ModelRecord
    from bdrp.predictive import PredictiveDistribution

_CARD: Final = ("method", "screen", "measure", "unit", "seed", "options", "genes", "notices", "versions", "checksums")

BEFORE_UPDATES: Final = (
    "The model was updated since its fit: {}. The held-out pairs are scored as they were predicted before."
)
"""What is said of a model whose held-out predictions know nothing of its updates."""


def evaluate(
    model_path: Path | str,
    out: Path | str,
    *,
    method: Path | str | None = None,
    laboratory: str | Path | Laboratories = "same",
) -> Scores:
    """Score a model folder's own held-out pairs and write report.html and scores.json into `out`.

    Reads only the model folder: no screen, no network.

    Args:
        model_path: a folder written by `TrainedModel.save`.
        out: where the report goes.
        method: the method's file, for a model that was fitted with one; see `TrainedModel.load`.
        laboratory: "same", or the held-out pairs as they would be predicted for another; see `TrainedModel.predict`.
            Their responses are of the model's own, so that intervals then cover more than they say: what is shown is
            what not knowing the laboratory costs in width.

    Example:
        >>> import tempfile, bdrp
        >>> from bdrp.testing import tiny_screen
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = bdrp.fit(tiny_screen(), "pair", method="ridge", recalibration="identity", out=f"{folder}/model")
        ...     bdrp.evaluate(f"{folder}/model", f"{folder}/report").metrics["format"] > 0
        True

    Returns:
        The scores of the recalibrated predictions, as in scores.json.

    Raises:
        ModelFolderError: the folder is incomplete, altered or foreign.
        OutputError: the report cannot be written, or would replace something else.
    """
    from bdrp.fitted.laboratory import find_laboratories
    from bdrp.report.evaluation.files import check_place, write

    check_place(Path(out), [Path(model_path)])
    laboratories = find_laboratories(laboratory)
    trained, carried = _open(Path(model_path), method), None
    pred = trained.held_out_predictions()
    if laboratories is not None:
        pred, carried = _load(Path(model_path), method).in_laboratory(pred, laboratories)
    scores, before = _score(trained, pred)
    about: dict[str, Any] = {
        "recalibration": trained.recalibration.to_json(),
        **({"laboratory": carried} if carried else {}),
    }
    if trained.updates:
        about["notices"] = [*trained.manifest.get("notices", ()), BEFORE_UPDATES.format("; ".join(trained.updates))]
    write(
        scores,
        pred,
        trained.held_out(),
        split_summary=trained.manifest.get("split") or {},
        model_card=_card(trained.manifest) | about,
        out=out,
        before=before,
        posterior=trained.posterior_check,
    )
    return scores


def _open(path: Path, method: Path | str | None) -> TrainedModel | ModelRecord:
    """What the folder tells without its weights; all of it where the method is not bdrp's own, which is checked."""
    from bdrp.fitted.model_record import ModelRecord

    record = ModelRecord.load(path)
    return record if method is None and not record.manifest.get("method_from") else _load(path, method)


def _load(path: Path, method: Path | str | None) -> TrainedModel:
    from bdrp.fitted.model import TrainedModel  # late: a page of what was held out needs no torch

    return TrainedModel.load(path, method)


def _score(trained: TrainedModel | ModelRecord, pred: PredictiveDistribution) -> tuple[Scores, Scores | None]:
    """The scores after recalibration, and before it where those predictions were kept."""
    from bdrp.evaluation import score

    observed, seed = trained.held_out(), int(trained.manifest.get("seed") or 0)
    uncalibrated = trained.held_out_uncalibrated()
    before = None if uncalibrated is None else score(uncalibrated, observed, seed=seed)
    return score(pred, observed, seed=seed), before


def _card(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest belongs on the page; the split has its own section."""
    return {key: manifest[key] for key in _CARD if manifest.get(key) is not None}
