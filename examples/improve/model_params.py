"""What bdrp adds to the parameters that improvelib asks of every model."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from examples.over_files.asking import Bdrp

COMMAND: Final = {
    "name": "bdrp",
    "type": str,
    "default": "bdrp",
    "help": "The command of bdrp, in its own environment or in this one.",
}
train_params: Final = [
    COMMAND,
    {"name": "bdrp_method", "type": str, "default": "last_layer", "help": "One of `bdrp plugins`."},
    {"name": "bdrp_unit", "type": str, "default": "auc_fraction", "help": "What y_col_name holds, by bdrp's name."},
    {"name": "bdrp_seed", "type": int, "default": 0, "help": "Of every draw."},
]
infer_params: Final = [COMMAND]


def read_params(config: Any, definitions: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The parameters of a script: of its command line, over `bdrp_params.ini`, over improvelib's own.

    Args:
        config: improvelib's, of the script's stage.
        definitions: of what bdrp adds.
    """
    folder = Path(__file__).resolve().parent
    told: dict[str, Any] = config.initialize_parameters(
        pathToModelDir=folder, default_config="bdrp_params.ini", additional_definitions=list(definitions)
    )
    return told


def ask_bdrp(params: dict[str, Any]) -> Bdrp:
    """What asks bdrp as the parameters say."""
    told = {name: params[f"bdrp_{name}"] for name in ("method", "unit", "seed") if f"bdrp_{name}" in params}
    return Bdrp(tuple(shlex.split(params["bdrp"])), **told)
