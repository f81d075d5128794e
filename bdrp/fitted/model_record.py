"""What a model folder tells without its weights: enough to score what was held out, and read without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from bdrp import calibration
from bdrp.calibration import Recalibration
from bdrp.display import Displayed
from bdrp.errors import BdrpError, ModelFolderError
from bdrp.evaluation import PosteriorCheck
from bdrp.files import json_schema, sealed_folder, strict_json
from bdrp.files.json_schema import NUMBER, TEXT, WHOLE, YES_OR_NO, Schema, entries, items, or_none, record
from bdrp.fitted import saved_posterior_check
from bdrp.fitted.held_out import OBSERVED, HasHeldOut, HeldOut
from bdrp.fitted.measurements import UPDATES, Update

_TOLD: Final = entries(TEXT)
_SIZES: Final = record({"responses": WHOLE, "cell_lines": WHOLE, "drugs": WHOLE}, others=True)
_SPLIT: Final = record({"parts": entries(_SIZES)}, {"by": TEXT, "description": TEXT}, others=True)
MANIFEST: Final[Schema] = record(
    {
        "method": TEXT,
        "options": entries(),
        "seed": or_none(WHOLE),
        "measure": TEXT,
        "unit": TEXT,
        "centre": NUMBER,
        "spread": NUMBER,
        "genes": WHOLE,
        "screen": TEXT,
        "versions": _TOLD,
    },
    {
        "method_from": _TOLD,
        "expression_scale": or_none(TEXT),
        "split": or_none(_SPLIT),
        "checksums": _TOLD,
        "history": entries(),
        "notices": items(TEXT),
        "interrupted": YES_OR_NO,
        "recalibration": or_none(TEXT),
        "recalibrator": or_none(TEXT),
        "recalibrator_from": _TOLD,
        UPDATES: items(entries()),
    },
    others=True,
)
"""The kinds of what a manifest says; what a model is made of is checked further where it is made."""


@dataclass(frozen=True, repr=False)
class ModelRecord(HasHeldOut, Displayed):
    """The parts of a `TrainedModel` that a report of its held-out pairs needs.

    Attributes:
        manifest: what was fitted, on what, how, and with which versions.
        recalibration: fitted on rows that the weights had not seen.
        held_out_part: the test part, None for a model without one.
        posterior_check: of the posterior on its training rows, None for a method without a posterior.
        updates: what the model was updated with since its fit, in words; empty where it never was.
    """

    manifest: Mapping[str, Any]
    recalibration: Recalibration
    held_out_part: HeldOut | None
    posterior_check: PosteriorCheck | None
    updates: tuple[str, ...]

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a model folder, whose every file is checked against its seal.

        Raises:
            ModelFolderError: a file is missing, altered or foreign, or was written by another version.
        """
        manifest = sealed_folder.opened(Path(path))
        with refusing_incoherence(Path(path)):
            check_manifest(manifest)
            updates = tuple(Update.from_json(each).describe() for each in manifest.get(UPDATES, ()))
            return cls(manifest, updates=updates, **read_parts(Path(path), manifest))


def check_manifest(manifest: Mapping[str, Any]) -> None:
    """Refuse what no fit wrote: an entry of another kind, or a seed below 0.

    Raises:
        ValueError: saying which entry it is, and what it says.
    """
    json_schema.check(manifest, MANIFEST, "its manifest")
    if (manifest.get("seed") or 0) < 0:
        raise ValueError(f"its manifest.seed is {manifest['seed']}; it must be 0 or more")


def read_parts(path: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Recalibration, held-out part and check of the posterior of an opened folder, by their names in `ModelRecord`.

    Raises:
        BdrpError, OSError, LookupError, TypeError, ValueError: it does not hold together.
    """
    return {
        "recalibration": read_recalibration(path, manifest),
        "held_out_part": HeldOut.load(path) if (path / OBSERVED).exists() else None,
        "posterior_check": saved_posterior_check.load_check(path),
    }


def read_recalibration(path: Path, manifest: Mapping[str, Any]) -> Recalibration:
    """The recalibration of an opened folder.

    Raises:
        BdrpError, OSError, LookupError, TypeError, ValueError: it does not hold together, or its plug-in is not here.
    """
    return calibration.from_json(strict_json.read(path / "calibration.json"), manifest.get("recalibrator_from", {}))


@contextmanager
def refusing_incoherence(path: Path) -> Iterator[None]:
    """Turn what reading a sealed folder may raise into a `ModelFolderError` that names the folder."""
    try:
        yield
    except ModelFolderError:
        raise
    except (
        BdrpError,
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelFolderError(
            f"The model folder {path} does not hold together: {error}. Restore it from a copy, or fit again."
        ) from error
