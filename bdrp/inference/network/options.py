"""What all methods that train the network share: options, and the warm start of training."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import torch

from bdrp.data.profiles import EXPRESSION, TISSUE
from bdrp.errors import FitError
from bdrp.features.batch import Batch, Features
from bdrp.inference.hierarchical.guide import Guide
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.likelihood import Likelihood
from bdrp.inference.hierarchical.model import LastLayer
from bdrp.inference.hierarchical.point import PointEstimate
from bdrp.inference.initialisation.solve import solve
from bdrp.inference.method import Method, component_option, isolate_random_state
from bdrp.inference.training.loop import Schedule
from bdrp.model.architecture import CHOICES, Architecture
from bdrp.model.network import Network

LINES = ("auto", "known", "new")
EFFECTS = ("used", "ignored")
FEWEST_LINES, MOST_LINES = 32, 128  # of a block: chosen on validation and calibration rows of GDSC2 (docs/tried.md)
AVERAGED_LINES = 60 * FEWEST_LINES  # over so many lines' steps are weights averaged: the noise of a draw goes, no trend
EPOCHS = {"new": 20, "known": 50}  # chosen on validation and calibration rows of GDSC2 (docs/tried.md)


@dataclass(frozen=True)
class NetworkMethod(Method, ABC):
    """Options of every method that trains the network.

    Attributes:
        likelihood: of a response: "normal", "student_t" (the best of the three on GDSC2's validation and
            calibration rows; docs/tried.md) or "censored"; see `Likelihood`.
        noise: what its SD depends on: "constant", "drug" or "pair".
        modalities: which profiles of a line are read, expression among them; lines may lack the others. Tissue is read
            where the screen tells any, unless the split holds tissues out. One that is neither of these nor mutations
            is read by slopes alone.
        lines: which lines are to be predicted best: "known" ones, of which other drugs were measured; "new" ones; or
            "auto", whichever does better on the validation part. See `bdrp.inference.initialisation.solve`.
        epochs: passes over the training lines; if None, 20 for new lines and 50 for known ones, which go on gaining
            (docs/tried.md).
        patience: epochs without a better validation score before stopping; if None, all epochs are done and the best
            is kept, for while the rate is high the score is uninformative.
        lines_a_block: lines of a grid block; each step encodes these and all drugs once. If None, a quarter of the
            training lines, but no fewer than 32 and no more than 128 (docs/tried.md).
        learning_rate: peak rate of the network in blocks of 32 lines; it grows with the square root of a block's size,
            as what a step knows of the gradient does. weight_decay: of the network.
        head_rate: the same of everything else: the last layer, its posterior, and prior scales.
        width, hidden, programmes, heads, factors, gene_dropout, drug_dropout: see `Architecture`.
        drug_encoder, pairing, expression, linear_path: what an ablation replaces or leaves out; see `Architecture`.
        hierarchical_effects: "ignored" leaves v, u and the loadings out, so that the network alone makes the mean; a
            compound's own noise stays.
    """

    reads_response_sd: ClassVar[bool] = True

    likelihood: Literal["normal", "student_t", "censored"] = "student_t"
    noise: Literal["constant", "drug", "pair"] = "pair"
    lines: Literal["auto", "known", "new"] = "auto"
    epochs: int | None = None
    patience: int | None = None
    lines_a_block: int | None = None
    learning_rate: float = 1e-3
    head_rate: float = 5e-3
    weight_decay: float = 1.0
    width: int = 64
    hidden: int = 128
    programmes: int = 48
    heads: int = 4
    factors: int = 32
    gene_dropout: float = 0.6
    drug_dropout: float = 0.1
    drug_encoder: Literal["graph", "fingerprint", "one_hot"] = component_option("graph")
    pairing: Literal["product", "attention", "concatenation"] = component_option("product", unrecorded="attention")
    expression: Literal["used", "ignored"] = component_option("used")
    linear_path: Literal["used", "ignored"] = component_option("used")
    modalities: tuple[str, ...] = component_option((EXPRESSION, TISSUE), unrecorded=(EXPRESSION,))
    hierarchical_effects: Literal["used", "ignored"] = component_option("used")

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        Likelihood(self.likelihood, self.noise)
        if self.lines not in LINES:
            raise FitError(f"lines is {self.lines!r}. Choose auto, known or new.")
        if self.hierarchical_effects not in EFFECTS:
            raise FitError(f"hierarchical_effects is {self.hierarchical_effects!r}. Choose used or ignored.")
        self._check_modalities()
        for name in ("learning_rate", "head_rate"):
            if not 0 < getattr(self, name) < 1:
                raise FitError(
                    f"{name} is {getattr(self, name)}; it must be above 0 and below 1. Choose another value."
                )
        if (self.lines_a_block is not None and self.lines_a_block < 1) or self.weight_decay < 0:
            raise FitError("lines_a_block must be at least 1 and weight_decay at least 0. Choose other values.")
        self.schedule()
        self.architecture(1)

    def _check_modalities(self) -> None:
        seen = self.modalities
        if not seen or seen[0] != EXPRESSION or len(set(seen)) < len(seen) or not all(map(str.isidentifier, seen)):
            raise FitError(
                f"modalities is {','.join(seen)}; it must be {EXPRESSION}, and after it further profiles of the "
                "screen, each once, such as tissue, mutations or copy_number. Choose others."
            )

    def schedule(self) -> Schedule:
        """How long and how fast to descend; of the lines and the block that `warm_start` settled on."""
        epochs = EPOCHS.get(self.lines, EPOCHS["new"]) if self.epochs is None else self.epochs
        averaged = max(1, AVERAGED_LINES // self.block_size)
        return Schedule(epochs, epochs if self.patience is None else self.patience, averaged_steps=averaged)

    @property
    def block_size(self) -> int:
        """Lines of a block, as `warm_start` settled on."""
        return FEWEST_LINES if self.lines_a_block is None else self.lines_a_block

    def rates(self) -> tuple[float, float]:
        """Peak rates of the network and of everything else in blocks of this size."""
        stretch = math.sqrt(self.block_size / FEWEST_LINES)
        return stretch * self.learning_rate, stretch * self.head_rate

    def architecture(
        self, genes: int, compounds: int = 1, profiles: Mapping[str, int] | None = None, laboratories: int = 1
    ) -> Architecture:
        """The network's sizes and parts.

        Args:
            genes: how many it reads of a line.
            compounds: C.
            profiles: what it reads of a line beside its genes, and how much.
            laboratories: whose assays these are; each beyond the first adds half as many factors, for what
                laboratories do not have in common takes rank (docs/laboratories.md).
        """
        names = ("width", "hidden", "programmes", "heads", "gene_dropout", "drug_dropout", *CHOICES)
        parts = {name: getattr(self, name) for name in names}
        factors = self.factors + self.factors // 2 * (laboratories - 1)
        return Architecture(genes=genes, compounds=compounds, profiles=profiles or {}, factors=factors, **parts)

    def model(self, features: Features, responses: int) -> LastLayer:
        """A network with its hierarchical last layer, at random."""
        further = features.widths
        genes, compounds = further.pop(EXPRESSION), len(features.compounds)
        architecture = self.architecture(genes, compounds, further, len(features.drugs.laboratory_names))
        sizes = (len(features.compounds), len(features.lines), features.components)
        return LastLayer(Network(architecture), Likelihood(self.likelihood, self.noise), sizes, responses)

    def warm_start(self, batch: Batch, layer: Layer[Guide | PointEstimate]) -> Self:
        """Initialise a layer where training starts, and choose which lines the model serves, by the validation part."""
        return self.settle_block(len(batch.features.lines))._started(batch, layer)

    def settle_block(self, lines: int) -> Self:
        """The same with a block's size for so many training lines, where it has none."""
        quarter = min(max(lines // 4, FEWEST_LINES), MOST_LINES)
        return replace(self, lines_a_block=self.lines_a_block or quarter)

    def _started(self, batch: Batch, layer: Layer[Guide | PointEstimate]) -> Self:
        if self.hierarchical_effects == "ignored":
            layer.fix_effects_at_zero()
            layer.learn_kriging(batch.inputs)
            return replace(self, lines="known")  # nothing is known of a line that could be masked
        batch = self.drop_ignored_components(batch)
        judged = bool(len(batch.validation))
        of_unseen_drugs = bool((batch.inputs.drug_effect[batch.validation.drug] < 0).any())
        kinds: list[Literal["auto", "known", "new"]] = [self.lines]
        if self.lines == "auto":  # where validation knows no line, there is nothing to try
            known = bool((batch.inputs.line_effect[batch.validation.line] >= 0).any())
            kinds = ["known", "new"] if known else ["new"]
        starts, scores, factors = {}, {}, layer.model.network.size.factors
        for kind in kinds:
            starts[kind] = solve(batch, factors, jointly=kind == "known", censored=self.likelihood == "censored")
            starts[kind].initialise(layer)
            if of_unseen_drugs:  # none else is kriged before training ends, when it is learned in any case
                layer.learn_kriging(batch.inputs)
            scores[kind] = layer.score(batch.validation, batch) if judged and len(kinds) > 1 else 0.0
        best = min(kinds, key=lambda kind: scores[kind])
        if best != kinds[-1]:
            starts[best].initialise(layer)
            if of_unseen_drugs:
                layer.learn_kriging(batch.inputs)
        return replace(self, lines=best)

    def drop_ignored_components(self, batch: Batch) -> Batch:
        """The batch without expression components where the linear path is ignored."""
        if self.architecture(1).has_slopes:
            return batch
        return replace(batch, inputs=replace(batch.inputs, components=torch.zeros_like(batch.inputs.components)))


@contextmanager
def quiet_pyro() -> Iterator[None]:
    """Pyro without its global parameter store and without validation, torch's random state restored afterwards."""
    import pyro  # late: predictions need none of it

    with isolate_random_state(), pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        yield
