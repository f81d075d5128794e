"""How good predictive distributions are: pure functions of predictions and responses; nothing is fitted here."""

from bdrp.evaluation.density_comparison import compare
from bdrp.evaluation.inference_data import inference_data, posterior_data
from bdrp.evaluation.posterior_check import PosteriorCheck, posterior_check
from bdrp.evaluation.scores import Scores, score

__all__ = ["PosteriorCheck", "Scores", "compare", "inference_data", "posterior_check", "posterior_data", "score"]
