"""What a model says of its own fit, word by word: a manifest keeps it, and it is read there."""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
"""The recalibration that is chosen by cross-validation."""
REFITTED: Final = (
    "After the recalibration was chosen, the method was fitted again on training, validation and calibration rows. "
    "The test part was used for neither."
)
GUARANTEE_LOST: Final = (
    "The conformal recalibration's guarantee was made for the first fit. It is not proven for the second one, whose "
    "weights have seen the calibration rows; leave the second fit out (refit=False) to keep the proof."
)
CENSORED: Final = (
    "Nothing was recalibrated: recalibrations take every response for a measurement, which a censored likelihood does "
    "not. Name one with recalibration= or --recalibration to have it nevertheless."
)
