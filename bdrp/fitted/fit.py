"""The straight line in one call: screen and split in, a saved, recalibrated model out."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from bdrp import __version__, calibration, inference
from bdrp.calibration import Recalibration
from bdrp.data import group_labels, splits
from bdrp.data.expression import tell_scale
from bdrp.data.screen import Screen
from bdrp.data.splits import Split
from bdrp.errors import BdrpWarning, FitError
from bdrp.features import applicability_domain
from bdrp.features.batch import Features
from bdrp.files import outputs, sealed_folder, strict_json
from bdrp.fitted import given, known_variance, saved_posterior_check
from bdrp.fitted.finished import find_finished
from bdrp.fitted.held_out import HeldOut
from bdrp.fitted.known_variance import predict_as_measured
from bdrp.fitted.laboratory_differences import measure_differences
from bdrp.fitted.model import TrainedModel
from bdrp.fitted.notices import AUTO, CENSORED, GUARANTEE_LOST, REFITTED
from bdrp.fitted.prepared import CalibrationRows, Prepared, prepare
from bdrp.inference.method import Fitted, Method, Runtime
from bdrp.inference.training.checkpoint import is_checkpoint
from bdrp.predictive import PredictiveDistribution

VERSIONS = ("torch", "torch-geometric", "pyro-ppl", "rdkit", "numpy", "pandas", "netcal")


def fit(
    screen: Screen | str,
    split: Split | str,
    *,
    method: str | os.PathLike[str] | Method | type[Method] = "last_layer",
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
        screen: what was measured, or the name of a screen that needs no files.
        split: which rows train, tune, calibrate and test; or what is held out, one of `bdrp.splits.BY`, for the first
            of five folds, drawn with the seed.
        method: one of `bdrp.inference.names()`, the path of a Python file that holds a method, typed options such as
            `LastLayerMethod(epochs=3)`, or a method's class, as `bdrp.from_sklearn` makes one.
        seed: of every random draw.
        out: the model folder to write; nothing is written if None.
        options: of the method, where it is named or a class.
        device: "auto", "cpu" or "cuda".
        resume: go on from the checkpoint that a stopped run left beside `out`; the model that an interrupted run
            saved is then replaced, and that of a finished one is given back.
        overwrite: replace a model that stands at `out`.
        refit: once the recalibration is chosen, fit again on all rows but the test part, for as long as the first fit
            took. The recalibration then errs on the wide side, for it saw a model that knew less.
        recalibration: "auto" chooses by cross-validation inside the calibration part; else one of
            `bdrp.calibration.names()`, alone or as NAME_by_GROUPING. What conformal ones guarantee is exact for a model
            that is not fitted again.
        progress: show a progress bar; in a notebook, one line of text.

    Example:
        >>> import bdrp
        >>> from bdrp.testing import tiny_screen
        >>> model = bdrp.fit(tiny_screen(), "pair", method="ridge", recalibration="identity")
        >>> model.manifest["method"], model.manifest["split"]["by"]
        ('ridge', 'pair')

    Raises:
        BdrpError: see `DataError`, `SplitError`, `FitError` and `OutputError`.
    """
    chosen = _chosen(method, options)
    screen = given.find_screen(screen)
    split = splits.make(screen, split, seed=seed) if isinstance(split, str) else split
    asked = recalibration if recalibration == AUTO else calibration.known(recalibration)
    if out is None:
        return _fit(
            prepare(screen, split, chosen.modalities), chosen, Runtime(seed, device, None, progress), refit, asked
        )
    out = Path(out)
    if out.name in ("", ".."):
        out = Path(os.path.abspath(out))
    checkpoint = out.parent / f"{out.name}.checkpoint.safetensors"
    runtime = Runtime(seed, device, checkpoint, progress)
    stages = [stage for stage in (checkpoint, runtime.for_second_fit().checkpoint) if stage is not None]
    begun = any(os.path.isfile(stage) for stage in stages)  # False, not an error, where the name is too long
    if resume and not begun and not overwrite:
        run = {"method": chosen.name, "options": chosen.options(), "seed": seed, "recalibration": asked}
        finished = find_finished(out, run, screen, split, refit=refit)
        if finished is not None:
            warnings.warn(f"The fit at {out} is finished, and its model is as it was.", BdrpWarning, stacklevel=2)
            return finished
    if not resume:
        outputs.guard(dict.fromkeys(stages, is_checkpoint))
    with sealed_folder.writing(out, overwrite=overwrite or (resume and begun)) as place:
        if resume and not begun:
            warnings.warn(
                f"There is no checkpoint at {checkpoint} to resume from. The fit starts at the beginning.",
                BdrpWarning,
                stacklevel=2,
            )
        if not resume:
            _forget(stages)
        model = _fit(prepare(screen, split, chosen.modalities), chosen, runtime, refit, asked)
        model.save(place)
    if not model.manifest["interrupted"]:
        _forget(stages)
    return model


def _chosen(method: str | os.PathLike[str] | Method | type[Method], options: Mapping[str, Any] | None) -> Method:
    """A method by its name or class and options, or the one that was given."""
    if isinstance(method, type):
        return inference.with_options(method, options)
    if not isinstance(method, Method):
        return cast(Method, inference.make(method, options))
    if options:
        raise FitError(
            f"options are {dict(options)}, beside a method that has its own: {method}. Allowed: options beside a "
            f"method's name. Write them into the method, as in {type(method).__name__}(…)."
        )
    return method


def _forget(checkpoints: Iterable[Path]) -> None:
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)


def _fit(prepared: Prepared, method: Method, runtime: Runtime, refit: bool, asked: str) -> TrainedModel:
    rows, labels = prepared.calibration_rows(), _labels(prepared.screen, asked)  # refused before the fit
    fitted = method.fit(prepared.batch, runtime)
    trained, interrupted, notices = prepared, fitted.interrupted, list(prepared.screen.notices)
    notices += known_variance.tell(method, prepared.screen.responses)
    if asked == AUTO and fitted.censoring_aware:
        asked, notices = "identity", [*notices, CENSORED]
    pred = predict_as_measured(method, fitted, prepared.batch.inputs, rows.pairs)
    recalibration = _recalibrate(asked, pred, rows, runtime.seed, labels)
    if refit and not interrupted:
        whole = prepared.with_all_but_test()
        again = method.refit_options(fitted).fit(whole.batch, runtime.for_second_fit())
        interrupted = again.interrupted
        if not interrupted:  # half a second fit is worth less than the whole first one
            fitted, trained = again, whole
            notices += [REFITTED, GUARANTEE_LOST] if recalibration.guarantee_is_for_one_fit else [REFITTED]
    return TrainedModel(
        manifest=_manifest(prepared, method, runtime, fitted, trained.batch.features)
        | {"notices": notices, "interrupted": interrupted, "recalibration": asked, "recalibrator": recalibration.kind}
        | known_variance.record(method, prepared.screen.responses)
        | _laboratories(trained, fitted)
        | calibration.origin(recalibration),
        features=trained.batch.features,
        fitted=fitted,
        recalibration=recalibration,
        applicability_domain=applicability_domain.fit(trained.batch, prepared.screen.drugs),
        limits=trained.limits(),
        held_out_part=_held_out(trained, method, fitted, recalibration) if len(trained.batch.test) else None,
        posterior_check=saved_posterior_check.check_posterior(fitted, trained.batch, runtime.seed),
    )


def _labels(screen: Screen, asked: str) -> Mapping[str, str] | None:
    """The groups of a recalibration by group."""
    by = calibration.grouping_of(asked)
    return None if by is None else group_labels.read_group_labels(screen, by)


def _recalibrate(
    asked: str, pred: PredictiveDistribution, rows: CalibrationRows, seed: int, labels: Mapping[str, str] | None
) -> Recalibration:
    """Choose, or fit the one that was asked for."""
    if asked == AUTO:
        return calibration.choose(pred, rows.response, rows.clusters, seed=seed)
    return calibration.fit(asked, pred, rows.response, groups=rows.clusters, labels=labels)


def _laboratories(prepared: Prepared, fitted: Fitted) -> dict[str, Any]:
    """How the laboratories of a joint screen differ, under the key of a manifest; nothing where there is one."""
    found = measure_differences(fitted, prepared.batch.inputs, prepared.screen)
    return {"laboratories": found} if found else {}


def _held_out(prepared: Prepared, method: Method, fitted: Fitted, recalibration: Recalibration) -> HeldOut:
    batch = prepared.batch
    raw: PredictiveDistribution = predict_as_measured(method, fitted, batch.inputs, batch.test)
    baseline = inference.make("mean_effects").fit(batch, Runtime()).predict(batch.inputs, batch.test)
    return HeldOut(prepared.test_table().assign(mean_effects=baseline.mean), recalibration(raw), raw)


def _manifest(
    prepared: Prepared, method: Method, runtime: Runtime, fitted: Fitted, features: Features
) -> dict[str, Any]:
    screen = prepared.screen
    return {
        "method": method.name,
        **inference.origin(method),
        "options": method.options(),
        "seed": runtime.seed,
        "measure": screen.measure.name,
        "unit": screen.measure.unit,
        "centre": features.response_mean,
        "spread": features.response_std,
        "genes": len(features.genes),
        "expression_scale": tell_scale(screen.expression.to_numpy()).name,
        "screen": screen.name,
        "split": prepared.split.summary(),
        "checksums": dict(screen.checksums),
        "history": strict_json.plain(fitted.history),
        "versions": {"bdrp": __version__, "python": platform.python_version()}
        | {name: version(name) for name in VERSIONS},
    }
