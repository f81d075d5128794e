"""The currency of the house: one distribution of the response for each of N pairs."""

from bdrp.predictive.distribution import JointDraws, PredictiveDistribution, Scalable
from bdrp.predictive.normal import Normal
from bdrp.predictive.remapped import Remapped
from bdrp.predictive.storage import load
from bdrp.predictive.student_t import StudentT

__all__ = ["JointDraws", "Normal", "PredictiveDistribution", "Remapped", "Scalable", "StudentT", "load"]
