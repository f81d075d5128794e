"""The sizes and the parts of the network, in one validated place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from bdrp.errors import FitError

CHOICES: Final = {
    "drug_encoder": ("graph", "fingerprint", "one_hot"),
    "pairing": ("product", "attention", "concatenation"),
    "expression": ("used", "ignored"),
    "linear_path": ("used", "ignored"),
}
"""The parts of the network that an option can replace or leave out; the first of each is what bdrp fits."""


@dataclass(frozen=True)
class Architecture:
    """Sizes, dropout rates and parts; the defaults were chosen on inner validation of GDSC2 (docs/tried.md).

    Attributes:
        genes: G, the number of genes that enter.
        width: width of atom, drug and line states.
        graph_layers: message-passing steps over the bonds.
        hidden: hidden units of the expression encoder.
        programmes: M, the gene programs that a drug attends to, where there is attention.
        heads: H attention heads.
        value_width: width of one head's value; all heads' together are that of a context by concatenation too.
        factors: R drug factors that a cell line's own deviations act on.
        gene_dropout: the share of genes masked at each training step.
        drug_dropout: dropout of drug and atom states.
        drug_encoder: reads a drug's molecular "graph", its "fingerprint", or "one_hot", a vector of its own, of which
            an unseen compound has the mean.
        pairing: how drug and line meet: by the "product" of their states alone, or beside it by cross-"attention" or a
            perceptron on the "concatenation" of both, neither of which earns its cost (docs/attention.md).
        expression: "ignored" shows the network and the linear path no gene: every line then looks the same.
        linear_path: "ignored" leaves out what is linear in expression: a layer of the encoder, and the slopes of
            `bdrp.inference.hierarchical.model`.
        compounds: C, the compounds that "one_hot" has vectors for.
        profiles: F of each further profile of a line, by modality; see `bdrp.model.lines`.
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
    drug_encoder: Literal["graph", "fingerprint", "one_hot"] = "graph"
    pairing: Literal["product", "attention", "concatenation"] = "product"
    expression: Literal["used", "ignored"] = "used"
    linear_path: Literal["used", "ignored"] = "used"
    compounds: int = 1
    profiles: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse sizes that are no whole number from one, rates outside [0, 1), and parts that there are not.

        Raises:
            FitError: an option is out of range, with its name.
        """
        sizes = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "profiles"}
        for name, value in (sizes | dict(self.profiles)).items():
            right, allowed = _allowed(name, value)
            if not right:
                raise FitError(f"{name} is {value!r}; it must be {allowed}. Choose another value.")

    @property
    def has_attention(self) -> bool:
        """Whether there is attention."""
        return self.pairing == "attention"

    @property
    def has_slopes(self) -> bool:
        """Whether a response may have slopes on expression."""
        return self.linear_path == "used" and self.expression == "used"

    @property
    def context_width(self) -> int:
        """Width of the context beside the product: all heads' values."""
        return 0 if self.pairing == "product" else self.heads * self.value_width

    @property
    def pair_width(self) -> int:
        """P, the width of a pair's features."""
        return self.width + self.context_width


def _allowed(name: str, value: Any) -> tuple[bool, str]:
    """Whether an option may be so, and what it may be."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in CHOICES:
        return value in CHOICES[name], f"{', '.join(CHOICES[name][:-1])} or {CHOICES[name][-1]}"
    if name.endswith("dropout"):
        return number and 0 <= value < 1, "at least 0 and below 1"
    return number and isinstance(value, int) and value >= 1, "a whole number, at least 1"
