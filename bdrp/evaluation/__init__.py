"""How good predictive distributions are: pure functions of predictions and responses; nothing is fitted here."""

from bdrp.evaluation.inference_data import inference_data
from bdrp.evaluation.scores import Scores, score

__all__ = ["Scores", "inference_data", "score"]
