"""Predictive distributions: one of the response for each of N pairs."""

from bdrp.predictive.distribution import JointDraws, PredictiveDistribution, Scalable
from bdrp.predictive.level_map import LevelMap, LevelMaps
from bdrp.predictive.normal import Normal
from bdrp.predictive.pair_posterior import JointPosterior, MarginalPosterior, PairMoments, PairPosterior
from bdrp.predictive.posterior import Parameter, PosteriorDraws
from bdrp.predictive.predictions import Predictions
from bdrp.predictive.readable import ReadableUnit
from bdrp.predictive.remapped import Remapped
from bdrp.predictive.shaped import Shaped
from bdrp.predictive.storage import load
from bdrp.predictive.student_t import StudentT

__all__ = [
    "JointDraws",
    "JointPosterior",
    "LevelMap",
    "LevelMaps",
    "MarginalPosterior",
    "Normal",
    "PairMoments",
    "PairPosterior",
    "Parameter",
    "PosteriorDraws",
    "Predictions",
    "PredictiveDistribution",
    "ReadableUnit",
    "Remapped",
    "Scalable",
    "Shaped",
    "StudentT",
    "load",
]
