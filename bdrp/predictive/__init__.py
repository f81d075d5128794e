"""The currency of the house: one distribution of the response for each of N pairs."""

from bdrp.predictive.distribution import JointDraws, PredictiveDistribution
from bdrp.predictive.normal import Normal
from bdrp.predictive.posterior import Parameter, PosteriorDraws
from bdrp.predictive.remapped import Remapped
from bdrp.predictive.storage import load

__all__ = ["JointDraws", "Normal", "Parameter", "PosteriorDraws", "PredictiveDistribution", "Remapped", "load"]
