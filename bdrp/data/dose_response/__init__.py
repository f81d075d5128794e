"""Raw wells to a posterior of the response: plates, curves, and a screen whose responses say how sure they are."""

from bdrp.data.dose_response.fitting import FittedCurves, Options, fit
from bdrp.data.dose_response.reading_wells import read

__all__ = ["FittedCurves", "Options", "fit", "read"]
