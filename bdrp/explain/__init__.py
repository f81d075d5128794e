"""Why a prediction is what it is: attention, read as genes and atoms."""

from bdrp.explain.attention import Attention, read_attention

__all__ = ["Attention", "read_attention"]
