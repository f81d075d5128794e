"""What the golden tests hold still: a small fit of every method, and a checksum of all that comes out of it.

    python tests/golden/fits.py folders 0.1.0     # one model folder a method, with what it predicts beside it
    python tests/golden/fits.py fingerprints      # checksums of today's fits

Methods may be named behind these, and the others are then left as they are. Folders are written once a format and never
again: they stand for those that users have. Fingerprints are renewed by a commit that means to change what is
estimated, and that says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import bdrp
from bdrp import inference
from bdrp.data import splits
from bdrp.data.screen import Screen
from bdrp.errors import BdrpWarning
from bdrp.testing.screens import cut_simulated

HERE = Path(__file__).resolve().parent
FINGERPRINTS = HERE / "fingerprints.json"
SMALL = {
    "epochs": 2,
    "width": 16,
    "hidden": 16,
    "programmes": 6,
    "heads": 2,
    "factors": 2,
    "members": 2,
    "passes": 10,
    "draws": 4,
    "trees": 10,
}
VOLATILE = ("versions", "files", "format", "digest")  # of a manifest: what says where and how, not what was fitted


def screen() -> Screen:
    """24 lines x 10 drugs x 30 genes of the simulated screen."""
    return cut_simulated("golden", 24, 10, 30, step=6)


def fit(name: str, out: Path | None = None) -> Any:
    """The method, small, on pairs of the screen; what it says of so few calibration rows is expected."""
    whole = screen()
    known = inference.make(name).__dataclass_fields__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BdrpWarning)
        return bdrp.fit(
            whole,
            splits.make(whole, "pair"),
            method=name,
            options={key: value for key, value in SMALL.items() if key in known},
            seed=3,
            out=out,
        )


def predicted(model: Any) -> Any:
    """Every line with every drug."""
    return bdrp.predict(model, screen=screen())


def kept(folder: Path, name: str) -> Any:
    """What a kept folder predicts now, for the tables that were kept with it."""
    tables = {part: pd.read_parquet(folder / f"{part}.parquet") for part in ("drugs", "expression")}
    return bdrp.predict(folder / name, **tables)


def fingerprint(name: str) -> dict[str, str]:
    """SHA-256 of a fit's tensors, of its manifest, and of the moments and quantiles that it predicts."""
    model = fit(name)
    tensors, values = hashlib.sha256(), hashlib.sha256()
    for key, value in sorted(model.fitted.state().items()):
        tensors.update(key.encode() + str((value.dtype, tuple(value.shape))).encode())
        tensors.update(value.contiguous().numpy().tobytes())
    told = {key: value for key, value in model.manifest.items() if key not in VOLATILE}
    distribution = predicted(model).distribution
    for part in (distribution.mean, distribution.aleatoric_std, distribution.epistemic_std):
        values.update(np.ascontiguousarray(part).tobytes())
    values.update(np.ascontiguousarray(distribution.quantile([0.05, 0.5, 0.95])).tobytes())
    return {
        "state": tensors.hexdigest(),
        "manifest": hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest(),
        "predictions": values.hexdigest(),
    }


def machine() -> dict[str, str]:
    """What the last bits of a fit depend on; elsewhere they differ, and nothing is wrong."""
    cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor())
    return {
        "processor": cpu.partition(":")[2].strip() or cpu,
        "kernels": torch.backends.cpu.get_cpu_capability() + " " + os.environ.get("OPENBLAS_CORETYPE", ""),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
    } | {name: version(name) for name in ("numpy", "scipy", "pandas", "scikit-learn", "rdkit", "pyro-ppl", "catboost")}


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def _write_folders(release: str, names: Sequence[str]) -> None:
    into, whole = HERE / release, screen()
    for name in names or inference.METHODS.own():
        fit(name, into / name)
    if not names:
        whole.tested_drugs().to_parquet(into / "drugs.parquet")
        whole.expression.to_parquet(into / "expression.parquet")
    for name in names or inference.METHODS.own():
        kept(into, name).save(into / f"{name}.parquet")


def _write_fingerprints(names: Sequence[str]) -> None:
    found = {"machine": machine(), "methods": {name: fingerprint(name) for name in names or inference.METHODS.own()}}
    if names:
        before = json.loads(FINGERPRINTS.read_text())
        found = {"machine": before["machine"], "methods": dict(sorted((before["methods"] | found["methods"]).items()))}
    FINGERPRINTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    _write_folders(sys.argv[2], sys.argv[3:]) if sys.argv[1] == "folders" else _write_fingerprints(sys.argv[2:])
