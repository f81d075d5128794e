"""The model folder: every file that predicting needs, written into an empty folder and sealed, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from torch import Tensor

from bdrp import inference
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import LIMITS, MEASURES
from bdrp.errors import ModelFolderError
from bdrp.features import applicability_domain
from bdrp.features import lines as line_profiles
from bdrp.features.applicability_domain import ApplicabilityDomain
from bdrp.features.batch import Features
from bdrp.features.drugs import TrainingDrugs
from bdrp.files import atomic, sealed_folder, strict_json, tensors
from bdrp.fitted import saved_posterior_check
from bdrp.fitted.card import describe
from bdrp.fitted.card_markdown import to_markdown
from bdrp.fitted.measurements import UPDATES, Measurements
from bdrp.fitted.model_record import check_manifest, read_parts, read_recalibration, refusing_incoherence

if TYPE_CHECKING:
    from bdrp.fitted.model import TrainedModel

CARD = "card.md"
"""For people; nothing reads it, and folders of earlier versions have none."""


def write(model: TrainedModel, into: Path) -> None:
    """Write every file into an empty folder and seal it; see `bdrp.files.sealed_folder`."""
    scalers, domain = model.features.scalers, model.applicability_domain
    tensors.write(into / "weights.safetensors", model.fitted.state())
    tensors.write(into / "features.safetensors", line_profiles.state(scalers) | domain.state())
    strict_json.write(
        into / "keys.json",
        line_profiles.keys(scalers)
        | {
            "compounds": model.features.compounds,
            "training_drugs": model.features.drugs.to_json(),
            "lines": model.features.lines,
            "drug_ids": domain.drug_ids,
            "drug_names": domain.drug_names,
            "limits": {
                key: strict_json.plain(row)
                for key, row in zip(model.limits.index, model.limits.to_numpy(np.float64), strict=True)
            },
        },
    )
    strict_json.write(into / "calibration.json", model.recalibration.to_json())
    if model.held_out_part is not None:
        model.held_out_part.save(into)
    if model.posterior_check is not None:
        saved_posterior_check.save_check(model.posterior_check, into)
    with atomic.replacing(into / CARD) as beside:
        beside.write_text(to_markdown(describe(model)), encoding="utf-8", newline="\n")
    if model.measurements is None:
        sealed_folder.seal(into, model.manifest)
        return
    model.measurements.save(into)
    sealed_folder.seal(into, model.manifest, version=sealed_folder.UPDATED)


def read(path: Path, method: Path | str | None, *, held_out: bool) -> dict[str, Any]:
    """What a `TrainedModel` is made of, by name; see `TrainedModel.load`.

    Raises:
        ModelFolderError: a file is missing, altered or foreign, or was written by another version, or the method is of
            a package or a file that is not here.
    """
    manifest = sealed_folder.opened(path)
    with refusing_incoherence(path):
        check_manifest(manifest)
        parts = read_parts(path, manifest) if held_out else {"recalibration": read_recalibration(path, manifest)}
        return _read(path, manifest, method) | parts


def _read(path: Path, manifest: Mapping[str, Any], file: Path | str | None) -> dict[str, Any]:
    keys = strict_json.read(path / "keys.json")
    arrays = tensors.read(path / "features.safetensors")
    features, records = _features(manifest, keys, arrays), manifest.get(UPDATES)
    method = inference.make_recorded(manifest, file)
    domain = applicability_domain.restore(tuple(keys["drug_ids"]), tuple(keys["drug_names"]), arrays)
    _check_domain(domain, features)
    return {
        "manifest": manifest,
        "features": features,
        "fitted": method.restore(features, tensors.read(path / "weights.safetensors")),
        "applicability_domain": domain,
        "limits": pd.DataFrame.from_dict(dict(keys["limits"]), orient="index", columns=list(LIMITS), dtype=float),
        "measurements": Measurements.load(path, records, tuple(features.scalers)) if records else None,
    }


def _features(manifest: Mapping[str, Any], keys: Mapping[str, Any], arrays: Mapping[str, Tensor]) -> Features:
    if manifest["measure"] not in MEASURES:
        raise ModelFolderError(
            f"The model's measure is {manifest['measure']!r}; this version knows {', '.join(MEASURES)}. "
            "Use the version that wrote it."
        )
    features = Features(
        replace(MEASURES[manifest["measure"]], unit=str(manifest["unit"])),  # a user's own measure has its own
        line_profiles.restore(keys, arrays),
        TrainingDrugs.restore({"compounds": keys["compounds"], **keys.get("training_drugs", {})}),
        tuple(keys["lines"]),
        float(manifest["centre"]),
        float(manifest["spread"]),
    )
    if not np.isfinite([features.response_mean, features.response_std]).all() or features.response_std <= 0:
        raise ValueError(f"responses of mean {features.response_mean} and SD {features.response_std} cannot be")
    return features


def _check_domain(domain: ApplicabilityDomain, features: Features) -> None:
    lines, components = len(features.lines), features.scalers[EXPRESSION].components.shape[1]
    sizes = {"fingerprints": len(domain.fingerprints), "drug names": len(domain.drug_names)}
    wrong = [f"{count} {what} for {len(domain.drug_ids)} drugs" for what, count in sizes.items()]
    if (
        set(sizes.values()) != {len(domain.drug_ids)}
        or domain.profiles.shape != (lines, components)
        or not domain.drug_ids
    ):
        raise ValueError(f"it has {', '.join(wrong)} and profiles {tuple(domain.profiles.shape)} of {lines} lines")
