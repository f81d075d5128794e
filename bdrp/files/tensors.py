"""Tensors on disk as safetensors, written whole or not at all; nothing is pickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bdrp.errors import ModelFolderError
from bdrp.files import atomic

if TYPE_CHECKING:
    from torch import Tensor


def write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors, and text beside them.

    Raises:
        OSError: the place cannot be written to.
    """
    from safetensors import SafetensorError, torch

    with atomic.replacing(path) as beside:
        try:
            torch.save_file({name: value.contiguous().cpu() for name, value in tensors.items()}, beside, metadata)
        except SafetensorError as error:  # a full disk arrives as this
            raise OSError(f"{path.name}: {error}") from error


def read(path: Path) -> dict[str, Tensor]:
    """Tensors, or an error that names the file.

    Raises:
        ModelFolderError: not safetensors, or a value is not finite.
    """
    from safetensors import SafetensorError, torch

    try:
        tensors = torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelFolderError(f"{path} is not a safetensors file ({error}). Restore it, or fit again.") from error
    wrong = sorted(name for name, value in tensors.items() if not value.isfinite().all())
    if wrong:
        raise ModelFolderError(f"{path} holds values that are not finite in {', '.join(wrong[:5])}. Fit again.")
    return tensors
