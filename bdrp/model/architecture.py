"""The sizes of the network, in one validated place."""

from __future__ import annotations

from dataclasses import dataclass, fields

from bdrp.errors import FitError


@dataclass(frozen=True)
class Architecture:
    """Sizes and dropout rates; the defaults were chosen on inner validation of GDSC2 (docs/tried.md).

    Attributes:
        genes: G, the number of genes that enter.
        width: width of atom, drug and line states.
        graph_layers: message-passing steps over the bonds.
        hidden: hidden units of the expression encoder.
        programmes: M, the gene programmes that a drug attends to.
        heads: H attention heads.
        value_width: what one head brings back.
        factors: R drug factors that a cell line's own deviations act on.
        gene_dropout: the share of genes hidden at each training step.
        drug_dropout: dropout of drug and atom states.
    """

    genes: int
    width: int = 64
    graph_layers: int = 3
    hidden: int = 128
    programmes: int = 48
    heads: int = 4
    value_width: int = 8
    factors: int = 16
    gene_dropout: float = 0.6
    drug_dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse sizes that are no whole number from one, and rates outside [0, 1).

        Raises:
            FitError: an option is out of range, with its name.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if field.name.endswith("dropout"):
                right, allowed = number and 0 <= value < 1, "at least 0 and below 1"
            else:
                right, allowed = number and isinstance(value, int) and value >= 1, "a whole number, at least 1"
            if not right:
                raise FitError(f"{field.name} is {value!r}; it must be {allowed}. Choose another value.")

    @property
    def context_width(self) -> int:
        """What all heads bring back together."""
        return self.heads * self.value_width

    @property
    def pair_width(self) -> int:
        """P, the width of a pair's features."""
        return self.width + self.context_width
