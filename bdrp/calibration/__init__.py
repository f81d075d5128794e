"""Recalibration: what a model promises, corrected by what it kept on data that it was not fitted to.

A recalibrator is one file of this folder, found by its name: `fit(pred, response, *, groups=None, tissues=None)` gives
a frozen `Recalibration`, which maps one predictive distribution to another and is stored as JSON beside the model.
"""

from bdrp.calibration._choice import choose
from bdrp.calibration._recalibration import Recalibration
from bdrp.calibration._registry import automatic, fit, from_json, known, names

__all__ = ["Recalibration", "automatic", "choose", "fit", "from_json", "known", "names"]
