"""What all methods that train the network share: options, the loop's view of a batch, and where training starts."""

from __future__ import annotations

import hashlib
import math
from abc import ABC
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, TypeVar, cast

import pyro
import torch
from torch import Tensor, nn

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features, Pairs, grid_blocks
from bdrp.inference import start as starting
from bdrp.inference.closed_form import LastLayerFit
from bdrp.inference.hierarchy import Block, LastLayer
from bdrp.inference.likelihood import Likelihood, observed
from bdrp.inference.method import Fitted, Method, Runtime, isolated, part
from bdrp.inference.training import Schedule, train
from bdrp.model.architecture import CHOICES, Architecture
from bdrp.model.network import Network

LINES = ("auto", "known", "new")
EFFECTS = ("used", "ignored")
LEAST_AGAIN = 0.5  # chosen: while the rate is high the validation part says little; no fit again is shorter than half
EPOCHS = {"new": 20, "known": 50}  # chosen on validation and calibration rows of GDSC2 (docs/tried.md)
HIDDEN = 0.5  # chosen: as many lines of a step teach what a new line needs as teach what a known one does


@dataclass(frozen=True)
class NetworkMethod(Method, ABC):
    """Options of every method that trains the network.

    Attributes:
        likelihood: the law of a response: "normal", "student_t" (the best of the three on GDSC2's validation and
            calibration rows; docs/tried.md) or "censored"; see `Likelihood`.
        noise: what its SD depends on: "constant", "drug" or "pair".
        lines: which lines are to be predicted best: "known" ones, of which other drugs were measured; "new" ones; or
            "auto", whichever does better on the validation part. See `bdrp.inference.start` and `hierarchy`.
        epochs: passes over the training lines; if None, 20 for new lines and 50 for known ones, which go on gaining
            (docs/tried.md).
        patience: epochs without a better validation score before stopping; if None, all epochs are done and the best
            is kept, for while the rate is high the score says little.
        lines_a_block: lines of a grid block; each step encodes these and all drugs once.
        learning_rate: peak rate of the network. weight_decay: of the network.
        head_rate: peak rate of everything else: the last layer, its posterior, and prior scales.
        width, hidden, programmes, heads, factors, gene_dropout, drug_dropout: see `Architecture`.
        drug_encoder, pairing, expression, linear_path: what an ablation replaces or leaves out; see `Architecture`.
        hierarchical_effects: "ignored" leaves v, u and the loadings out, so that the network alone makes the mean; a
            compound's own noise stays.
    """

    likelihood: Literal["normal", "student_t", "censored"] = "student_t"
    noise: Literal["constant", "drug", "pair"] = "pair"
    lines: Literal["auto", "known", "new"] = "auto"
    epochs: int | None = None
    patience: int | None = None
    lines_a_block: int = 32
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
    drug_encoder: Literal["graph", "fingerprint", "one_hot"] = part("graph")
    pairing: Literal["attention", "concatenation"] = part("attention")
    expression: Literal["used", "ignored"] = part("used")
    linear_path: Literal["used", "ignored"] = part("used")
    hierarchical_effects: Literal["used", "ignored"] = part("used")

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
        for name in ("learning_rate", "head_rate"):
            if not 0 < getattr(self, name) < 1:
                raise FitError(
                    f"{name} is {getattr(self, name)}; it must be above 0 and below 1. Choose another value."
                )
        if self.lines_a_block < 1 or self.weight_decay < 0:
            raise FitError("lines_a_block must be at least 1 and weight_decay at least 0. Choose other values.")
        self.schedule()
        self.architecture(1)

    def schedule(self) -> Schedule:
        """How long and how fast to descend; of the lines that `begun` settled on."""
        epochs = EPOCHS.get(self.lines, EPOCHS["new"]) if self.epochs is None else self.epochs
        return Schedule(epochs, epochs if self.patience is None else self.patience)

    def architecture(self, genes: int, compounds: int = 1) -> Architecture:
        """The network's sizes and parts."""
        names = ("width", "hidden", "programmes", "heads", "factors", "gene_dropout", "drug_dropout", *CHOICES)
        return Architecture(genes=genes, compounds=compounds, **{name: getattr(self, name) for name in names})

    def model(self, features: Features, responses: int) -> LastLayer:
        """A network with its hierarchical last layer, at random."""
        genes, components = features.scaler.components.shape
        sizes = (len(features.compounds), len(features.lines), components)
        likelihood = Likelihood(self.likelihood, self.noise)
        return LastLayer(Network(self.architecture(genes, sizes[0])), likelihood, sizes, responses)

    def begun(self, batch: Batch, fitted: LastLayerFit, seed: int) -> Self:
        """Put a fit where training starts, and settle which lines the model serves, by the validation part."""
        if self.hierarchical_effects == "ignored":
            fitted.without_effects()
            fitted.learn_kinship(batch.inputs)
            return replace(self, lines="known")  # nothing is known of a line that could be hidden
        batch = self.shown(batch)
        judged = bool(len(batch.validation))
        kinds: list[Literal["auto", "known", "new"]] = [self.lines]
        if self.lines == "auto":  # where validation knows no line, there is nothing to try
            known = bool((batch.inputs.line_effect[batch.validation.line] >= 0).any())
            kinds = ["known", "new"] if known else ["new"]
        starts, scores = {}, {}
        for kind in kinds:
            starts[kind] = starting.solve(
                batch, self.factors, together=kind == "known", censored=self.likelihood == "censored", seed=seed
            )
            starts[kind].place(fitted)
            fitted.learn_kinship(batch.inputs)
            scores[kind] = fitted.score(batch.validation, batch) if judged else 0.0
        best = min(kinds, key=lambda kind: scores[kind])
        starts[best].place(fitted)
        fitted.learn_kinship(batch.inputs)
        return replace(self, lines=best)

    def shown(self, batch: Batch) -> Batch:
        """The batch as the start sees it: without a linear path expression has no components."""
        if self.architecture(1).slopes:
            return batch
        return replace(batch, inputs=replace(batch.inputs, components=torch.zeros_like(batch.inputs.components)))

    def refitted(self, fitted: Fitted) -> Self:
        """For the same lines, for as many epochs as the first fit needed; see `Method.refitted`."""
        history: Mapping[str, Any] = getattr(fitted, "history", {})
        settled = replace(self, lines=history.get("lines", self.lines))
        most = settled.schedule().epochs
        epochs = max(int(history.get("best_epoch") or most), math.ceil(LEAST_AGAIN * most))
        return replace(settled, epochs=epochs, patience=None)


class Trainee:
    """The training loop's view of a fit on a batch; a method adds the loss."""

    def __init__(self, method: NetworkMethod, fitted: Any, batch: Batch) -> None:
        self.method, self.fitted, self.batch = method, fitted, batch
        self.module: nn.Module = fitted.modules
        self.seen = observed(batch.train, batch.features)
        fixed = fitted.slopes() if method.lines == "new" else []
        for parameter in fitted.effects() if method.hierarchical_effects == "ignored" else fixed:
            parameter.requires_grad_(False)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Network and the rest, each with its rate."""
        method, network = self.method, list(self.fitted.model.network.parameters())
        within = {id(parameter) for parameter in network}
        rest = [p for p in self.module.parameters() if id(p) not in within and p.requires_grad]
        return [
            {"params": network, "lr": method.learning_rate, "weight_decay": method.weight_decay},
            {"params": rest, "lr": method.head_rate, "weight_decay": 0.0},
        ]

    def begin(self, epoch: int) -> None:
        """Nothing here depends on how far training is."""

    def blocks(self, generator: torch.Generator) -> Iterator[Block]:
        """One epoch's blocks."""
        rows = self.batch.train
        device = rows.line.device
        for lines, index in grid_blocks(rows, self.method.lines_a_block, generator):
            lines, index = lines.to(device), index.to(device)
            line = torch.searchsorted(lines, rows.line[index])
            share = HIDDEN if self.method.lines == "new" else 0.0
            hidden = (torch.rand(len(lines), generator=generator) < share).to(device)[line]
            few = rows.at(index)
            yield Block(lines, line, few.drug, self.seen.at(index), hidden, self._leverage(few), self.linear(few))

    def _leverage(self, rows: Pairs) -> Tensor | float:
        """(n,); 0 where training did not start from a ridge."""
        table, compound = self.fitted.leverage, self.batch.inputs.drug_effect[rows.drug]
        return 0.0 if table is None else torch.as_tensor(table.to(rows.line.device)[compound, rows.line])

    def linear(self, rows: Pairs) -> Tensor | None:
        """(n,) what the slopes' mean says of rows, where they have a posterior that stays where the start put it."""
        return None

    def clip(self, limit: float) -> None:
        """All parameters descend together."""
        nn.utils.clip_grad_norm_(self.module.parameters(), limit)

    def validation_score(self) -> float | None:
        """Mean negative log density of the validation part; None where there is none."""
        return self.fitted.score(self.batch.validation, self.batch) if len(self.batch.validation) else None


class SviTrainee(Trainee):
    """The view of a fit whose last layer has a posterior."""

    def linear(self, rows: Pairs) -> Tensor | None:
        """(n,) what the ridge's mean says of rows."""
        if self.method.lines != "new":
            return None
        inputs, v = self.batch.inputs, self.fitted.guide.v_mean.detach()
        regressors = self.fitted.model.regressors(inputs.components)
        return torch.as_tensor((regressors[rows.line] * v[inputs.drug_effect[rows.drug]]).sum(1))


def trained(trainee: Any, runtime: Runtime) -> Any:
    """Train, learn the kinship of what was found, and write the history down."""
    method, fitted = trainee.method, trainee.fitted
    identity = f"{method} seed={runtime.seed} {digest(trainee.batch)}"
    progress = train(
        trainee,
        method.schedule(),
        seed=runtime.seed,
        checkpoint=runtime.checkpoint,
        identity=identity,
        show=runtime.progress,
    )
    fitted.learn_kinship(trainee.batch.inputs)
    fitted.history, fitted.interrupted = {**asdict(progress), "lines": method.lines}, progress.interrupted
    return fitted


AnyFit = TypeVar("AnyFit", bound=Fitted)


def restored(assemble: Callable[[], AnyFit], state: Mapping[str, Tensor]) -> AnyFit:
    """A fit made without memory and filled from its tensors.

    Sizes that the tensors do not bear out are so refused before they are allocated.

    Raises:
        ModelFolderError: tensors are missing, foreign, or of the wrong shape.
    """
    try:
        with torch.device("meta"):
            fitted: Any = assemble()
        fitted.modules.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    except (RuntimeError, TypeError) as error:
        raise ModelFolderError(
            f"The weights do not fit the method's options: {str(error)[:400]} The folder was altered or belongs to "
            "another version. Fit again, or restore the folder."
        ) from error
    fitted.modules.eval()
    return cast(AnyFit, fitted)


@contextmanager
def quietly() -> Iterator[None]:
    """Pyro without its global parameter store and without validation, torch's random state kept apart."""
    with isolated(), pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        yield


def digest(batch: Batch) -> str:
    """A checksum of what is fitted, so that a run resumes on the same data only."""
    rows = (getattr(part, name) for part in (batch.train, batch.validation) for name in ("line", "drug", "response"))
    inputs = batch.inputs
    checksum = hashlib.sha256()
    for tensor in (*rows, inputs.genes, inputs.molecules.fingerprints, inputs.drug_effect, inputs.line_effect):
        checksum.update(tensor.cpu().contiguous().numpy().tobytes())
    return checksum.hexdigest()
