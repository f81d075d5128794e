"""What recalibrators and groupings there are, known without importing one: a help page loads nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Final

from bdrp.errors import DataError
from bdrp.plugins import Kind

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
    """The recalibrators there are: the files of this folder and what installed packages offer, by the alphabet."""
    return RECALIBRATORS.names()


def groupings() -> list[str]:
    """What a recalibrator can be fitted by, as NAME_by_GROUPING."""
    return list(KEY_OF)


def _fault(name: str, module: ModuleType) -> str:
    if not (isinstance(module.DESCRIPTION, str) and module.DESCRIPTION):
        return f"has a DESCRIPTION that is {module.DESCRIPTION!r}, where a line of text is needed"
    wrong = [name for name in ("fit", "from_json") if not callable(getattr(module, name))]
    return f"has a {wrong[0]} that is {getattr(module, wrong[0])!r}, where a function is needed" if wrong else ""


RECALIBRATORS: Final = Kind(
    "recalibrator", "bdrp.calibration", "bdrp.recalibrators", ("DESCRIPTION", "fit", "from_json"), DataError, _fault
)
