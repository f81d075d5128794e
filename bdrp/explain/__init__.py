"""Why a prediction is what it is: slopes on expression, and attention, read as genes and atoms."""

from bdrp.explain.attention import Attention, read_attention
from bdrp.explain.slopes import Slopes, read_slopes

__all__ = ["Attention", "Slopes", "read_attention", "read_slopes"]
