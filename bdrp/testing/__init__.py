"""For tests of your own methods, sources and recalibrators: the checks that bdrp's own pass, and small stand-ins.

    from bdrp.testing import check_method

    def test_it_is_a_method():
        check_method(METHOD)

No test framework is needed: a check that fails is an AssertionError that says what was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bdrp.late_names import late_names

if TYPE_CHECKING:
    from bdrp.testing.methods import check_method
    from bdrp.testing.mock import MockDistribution, MockPosterior
    from bdrp.testing.recalibrators import check_recalibrator
    from bdrp.testing.screens import tiny_model, tiny_screen
    from bdrp.testing.sources import check_source

__all__ = [
    "MockDistribution",
    "MockPosterior",
    "check_method",
    "check_recalibrator",
    "check_source",
    "tiny_model",
    "tiny_screen",
]

__getattr__ = late_names(
    __name__,
    {
        "MockDistribution": "mock",
        "MockPosterior": "mock",
        "check_method": "methods",
        "check_recalibrator": "recalibrators",
        "check_source": "sources",
        "tiny_model": "screens",
        "tiny_screen": "screens",
    },
)
