"""The straight line in one call: screen and split in, a saved, recalibrated model out."""

from __future__ import annotations

import math
import os
import platform
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bdrp import __version__, calibration, inference
from bdrp.calibration import Recalibration
from bdrp.data.screen import LIMITS, Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, SplitError
from bdrp.features import batch as features
from bdrp.features import novelty
from bdrp.features.batch import Batch
from bdrp.files import sealed_folder
from bdrp.fitted import posterior
from bdrp.fitted.held_out import HeldOut
from bdrp.fitted.model import TrainedModel
from bdrp.inference.method import Fitted, Runtime
from bdrp.predictive import PredictiveDistribution

if TYPE_CHECKING:
    pass

VERSIONS = ("torch", "torch-geometric", "pyro-ppl", "rdkit", "numpy", "pandas", "netcal")
AUTO = "auto"
REFITTED = (
    "After the recalibration was chosen, the method was fitted again on training, validation and calibration rows. "
    "The test part was used for neither."
)
UNPROMISED = (
    "The conformal recalibration's promise was made for the first fit. It is not proven for the second one, whose "
    "weights have seen the calibration rows; leave the second fit out (refit=False) to keep the proof."
)
CENSORED = (
    "Nothing was recalibrated: recalibrations take every response for a measurement, which a censored likelihood does "
    "not. Name one with recalibration= or --recalibration to have it nevertheless."
)
# What is unlike between two parts of a split is also what pairs of one part share: their unit of exchange.
UNIT = {"drug": "drug_id", "scaffold": "drug_id", "pair": None}


def fit(
    screen: Screen,
    split: Split,
    *,
    method: str | os.PathLike[str] = "last_layer",
    seed: int = 0,
    out: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    refit: bool = True,
    recalibration: str = AUTO,
    progress: bool = False,
) -> TrainedModel:
    """Fit a method, recalibrate it on rows it has not seen, predict the test part, and save the model folder.

    Args:
        screen: what was measured.
        split: which rows train, tune, calibrate and test.
        method: one of `bdrp.inference.names()`, or the path of a Python file that holds a method.
        seed: of every random draw.
        out: the model folder to write; nothing is written if None.
        options: of the method.
        device: "auto", "cpu" or "cuda".
        resume: go on from the checkpoint that a stopped run left beside `out`; the model that an interrupted run
            saved is then replaced.
        overwrite: replace a model that stands at `out`.
        refit: once the recalibration is chosen, fit again on all rows but the test part, for as long as the first fit
            took to be at its best. The recalibration then errs on the wide side, for it saw a model that knew less.
        recalibration: "auto" chooses by cross-validation inside the calibration part; else one of
            `bdrp.calibration.names()`. What conformal ones promise is exact for a model that is not fitted again.
        progress: show a progress bar.

    Raises:
        BdrpError: see `DataError`, `SplitError`, `FitError` and `OutputError`.
    """
    chosen = inference.make(method, options)
    asked = recalibration if recalibration == AUTO else calibration.known(recalibration)
    if out is None:
        return _fit(screen, split, chosen, Runtime(seed, device, None, progress), refit, asked)
    out = Path(out)
    if out.name in ("", ".."):
        out = Path(os.path.abspath(out))
    checkpoint = out.parent / f"{out.name}.checkpoint.safetensors"
    runtime = Runtime(seed, device, checkpoint, progress)
    stages = [stage for stage in (checkpoint, runtime.second().checkpoint) if stage is not None]
    begun = any(os.path.isfile(stage) for stage in stages)  # False, not an error, where the name is too long
    with sealed_folder.writing(out, overwrite=overwrite or (resume and begun)) as place:
        if resume and not begun:
            warnings.warn(
                f"There is no checkpoint at {checkpoint} to resume from. The fit starts at the beginning.",
                BdrpWarning,
                stacklevel=2,
            )
        if not resume:
            _forget(stages)
        model = _fit(screen, split, chosen, runtime, refit, asked)
        model.save(place)
    if not model.manifest["interrupted"]:
        _forget(stages)
    return model


def _forget(checkpoints: Iterable[Path]) -> None:
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)


def _fit(screen: Screen, split: Split, method: Any, runtime: Runtime, refit: bool, asked: str) -> TrainedModel:
    batch = features.prepare(screen, split)
    if len(batch.calibration) < 2:
        raise SplitError(
            f"The calibration part has {len(batch.calibration)} rows. At least two are needed, and some hundred for "
            "intervals that hold. Give it a share of the split."
        )
    fitted: Fitted = method.fit(batch, runtime)
    trained, interrupted, notices = split, fitted.interrupted, list(screen.notices)
    if asked == AUTO and getattr(method, "likelihood", "") == "censored":
        asked, notices = "identity", [*notices, CENSORED]
    recalibration = _recalibrate(asked, fitted, batch, split, screen, runtime.seed)
    if refit and not interrupted:
        everything = _whole(split)
        whole = features.prepare(screen, everything)
        again = method.refitted(fitted).fit(whole, runtime.second())
        interrupted = again.interrupted
        if not interrupted:  # half a second fit is worth less than the whole first one
            fitted, batch, trained = again, whole, everything
            notices += [REFITTED, UNPROMISED] if recalibration.kind.startswith("conformal") else [REFITTED]
    return TrainedModel(
        manifest=_manifest(screen, split, method, runtime, fitted, batch)
        | {"notices": notices, "interrupted": interrupted, "recalibration": asked, "recalibrator": recalibration.kind},
        features=batch.features,
        fitted=fitted,
        recalibration=recalibration,
        neighbourhood=novelty.fit(batch, screen.drugs),
        limits=_limits(screen, trained),
        held_out_part=_held_out(screen, split, fitted, recalibration, batch) if len(batch.test) else None,
        posterior_check=posterior.check(fitted, batch, runtime.seed),
    )


def _whole(split: Split) -> Split:
    return replace(split, parts=split.parts.replace({"validation": "train", "calibration": "train"}))


def _recalibrate(asked: str, fitted: Fitted, batch: Batch, split: Split, screen: Screen, seed: int) -> Recalibration:
    """Choose, or fit the one that was asked for, on the calibration and the validation part together.

    A factor is decided by the number of lines or drugs, not of pairs, and there are few. The validation part has chosen
    an epoch and nothing else, which costs it next to no honesty.
    """
    rows = batch.calibration.joined(batch.validation)
    pred = fitted.predict(batch.inputs, rows)
    unit = UNIT.get(split.by, "cell_line_id")
    positions = np.concatenate([split.rows("calibration"), split.rows("validation")])
    groups = None if unit is None else screen.responses[unit].to_numpy()[positions]
    if asked == AUTO:
        return calibration.choose(pred, rows.response.numpy(), groups, seed=seed)
    tissues = screen.cell_lines["tissue"].dropna().astype(str).to_dict()
    return calibration.fit(asked, pred, rows.response.numpy(), groups=groups, tissues=tissues)


def _held_out(screen: Screen, split: Split, fitted: Fitted, recalibration: Recalibration, batch: Batch) -> HeldOut:
    test = screen.responses.iloc[split.rows("test")].reset_index(drop=True)
    raw: PredictiveDistribution = fitted.predict(batch.inputs, batch.test)
    naive = inference.make("mean_effects").fit(batch, Runtime()).predict(batch.inputs, batch.test)
    observed = test.assign(
        tissue=screen.cell_lines.loc[test["cell_line_id"], "tissue"].to_numpy(),
        drug_name=screen.drugs.loc[test["drug_id"], "name"].to_numpy(),
        structure_key=screen.drugs.loc[test["drug_id"], "structure_key"].to_numpy(),
        mean_effects=naive.mean,
    )
    return HeldOut(observed, recalibration(raw), raw)


def _limits(screen: Screen, split: Split) -> pd.DataFrame:
    train = screen.responses.iloc[split.rows("train")]
    return train.groupby("drug_id")[list(LIMITS)].median()


def _manifest(
    screen: Screen, split: Split, method: Any, runtime: Runtime, fitted: Fitted, batch: Batch
) -> dict[str, Any]:
    return {
        "method": method.name,
        **inference.origin(method),
        "options": method.options(),
        "seed": runtime.seed,
        "measure": screen.measure.name,
        "unit": screen.measure.unit,
        "centre": batch.features.centre,
        "spread": batch.features.spread,
        "genes": len(batch.features.scaler.genes),
        "screen": screen.name,
        "split": split.summary(),
        "checksums": dict(screen.checksums),
        "history": finite(getattr(fitted, "history", {})),
        "versions": {"bdrp": __version__, "python": platform.python_version()}
        | {name: version(name) for name in VERSIONS},
    }


def finite(value: Any) -> Any:
    """What JSON can say: None where a number is not finite."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
