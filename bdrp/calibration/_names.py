"""What recalibrators and groupings there are, told without importing one: a help page loads nothing heavy."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import bdrp.calibration

KEY_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "drug": "drug_id",
        "scaffold": "drug_id",
        "laboratory": "drug_id",
        "cell_line": "cell_line_id",
        "tissue": "cell_line_id",
    }
)
"""Each grouping, and the key of a pair that tells its group."""


def names() -> list[str]:
    """The recalibrators there are: the files of this folder that define one, in the order of the alphabet."""
    found = pkgutil.iter_modules(bdrp.calibration.__path__)
    return sorted(module.name for module in found if not (module.ispkg or module.name.startswith("_")))


def groupings() -> list[str]:
    """What a recalibrator can be fitted by, as NAME_by_GROUPING."""
    return list(KEY_OF)
