"""The parts of the model and of its data that an ablation takes away, and the grid that does so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from bdrp import inference
from bdrp.data import randomised
from bdrp.errors import DataError
from bdrp.studies.execution.run_matrix import Grid

if TYPE_CHECKING:
    from bdrp.inference.network.options import NetworkMethod

FULL, FLOOR, OVERALL = "full", "mean_effects", "overall_mean"
"""Labels of what parts are compared with: the whole model, mean effects, and the overall mean, all that shuffled labels
leave to be learned."""

NO_EFFECTS: Final = {"shrinkage": 1e12}  # chosen: mean effects of nothing, so that the overall mean remains

CONTRIBUTES, HARMS, BETTER, WORSE = "contributes", "harms", "better", "worse"
ON_FOLDS, NONE, NONE_SHOWN = " on these folds alone", "none", "none shown"
"""What a row of `bdrp.studies.ablation.Contributions` may say."""

POINT: Final = "deterministic"
SHUFFLED_LABELS: Final = "shuffled_labels"


@dataclass(frozen=True)
class Part:
    """A part, and what stands in its place when it is taken away.

    Attributes:
        name: what tables and the command line call the model without it.
        part: what is taken away.
        instead: what takes its place.
        options: of the method, where that is how.
        method: the method to take instead; "" keeps the method.
        shuffled: what of the data is shuffled; "" is nothing.
        modality: what of a line is no longer read; "" is nothing. The rows stay the same.
    """

    name: str
    part: str
    instead: str
    options: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    shuffled: str = ""
    modality: str = ""

    @property
    def title(self) -> str:
        """Both in a few words."""
        return f"{self.part} \N{RIGHTWARDS ARROW} {self.instead}"


_PARTS: Final = (
    Part("fingerprint", "graph", "fingerprint", {"drug_encoder": "fingerprint"}),
    Part("one_hot", "graph", "one-hot drug", {"drug_encoder": "one_hot"}),
    Part("concatenation", "attention", "concatenation", {"pairing": "concatenation"}),
    Part("no_expression", "expression", "none", {"expression": "ignored"}),
    Part("no_mutations", "mutations", "expression alone", modality="mutations"),
    Part("no_linear_path", "linear path", "none", {"linear_path": "ignored"}),
    Part("no_hierarchical_effects", "hierarchical effects", "none", {"hierarchical_effects": "ignored"}),
    Part("normal", "likelihood", "normal", {"likelihood": "normal"}),
    Part("student_t", "likelihood", "Student-t", {"likelihood": "student_t"}),
    Part("censored", "likelihood", "censored", {"likelihood": "censored"}),
    Part("point", "Bayesian head", "point", method=POINT),
    Part("shuffled_genes", "genes", "shuffled", shuffled=randomised.GENES),
    Part("shuffled_structures", "structures", "shuffled", shuffled=randomised.STRUCTURES),
    Part("shuffled_doses", "doses", "shuffled", shuffled=randomised.DOSES),
    Part(SHUFFLED_LABELS, "labels", "shuffled", shuffled=randomised.LABELS),
)

PARTS: Final[Mapping[str, Part]] = {part.name: part for part in _PARTS}
"""Every part by its name, in the order of reports."""


def ablation_matrix(
    method: str,
    splits: Sequence[str],
    folds: int = 5,
    seeds: int = 3,
    *,
    options: Mapping[str, Any] | None = None,
    parts: Sequence[str] | None = None,
    partition: str = "drawn",
) -> Grid:
    """The whole model, the model without each part, and mean effects, on the same folds.

    Args:
        method: one that trains the network.
        splits: names of `bdrp.data.splits.BY`.
        folds: of each split.
        seeds: of each fold; the seed of a shuffle too.
        options: of the method, for the whole model and for those without a part alike.
        parts: names of `PARTS`; all that change something if None.
        partition: how the folds are made; see `Grid`.

    Raises:
        DataError: a part is not known, is named twice, or changes nothing; or see `Grid`.
        FitError: the method has no parts, or as in `bdrp.inference.make`.
    """
    from bdrp.inference.network.options import NetworkMethod  # here, for reports read PARTS and need no torch

    full = inference.make(method, options)
    if not isinstance(full, NetworkMethod):
        trained = [name for name in inference.METHODS.usable() if isinstance(inference.make(name), NetworkMethod)]
        raise DataError(f"{method} has no parts to take away. Allowed: {', '.join(trained)}. Choose one of them.")
    variants = {part.name: _variant(part, method, full) for part in _chosen(parts, method, full)}
    labels = {FULL: (method, asdict(full)), **variants, FLOOR: (FLOOR, {})}
    shuffled = {name: PARTS[name].shuffled for name in variants if PARTS[name].shuffled}
    if SHUFFLED_LABELS in variants:
        labels[OVERALL], shuffled[OVERALL] = (FLOOR, NO_EFFECTS), randomised.LABELS
    methods = {label: name for label, (name, _) in labels.items()}
    given = {label: options for label, (_, options) in labels.items()}
    return Grid(methods, splits, folds, seeds, given, shuffled=shuffled, partition=partition)


def _chosen(names: Sequence[str] | None, method: str, full: NetworkMethod) -> list[Part]:
    """The parts to take away, each of which changes something."""
    if names is None:
        return [part for part in PARTS.values() if _changes(part, method, full)]
    unknown, twice = [name for name in names if name not in PARTS], len(set(names)) < len(names)
    if unknown or twice or not names:
        seen = f"there is no part {unknown[0]!r}" if unknown else "one is named twice" if twice else "none is named"
        raise DataError(f"The parts cannot be taken away: {seen}. Allowed: {', '.join(PARTS)}, each once.")
    idle = [name for name in names if not _changes(PARTS[name], method, full)]
    if idle:
        raise DataError(
            f"The part {idle[0]} changes nothing: {full.name} is {PARTS[idle[0]].instead} already under these options. "
            "Allowed: parts that the whole model has. Leave it out, or change --option."
        )
    return [PARTS[name] for name in PARTS if name in names]


def _variant(part: Part, whole: str, full: NetworkMethod) -> tuple[str, dict[str, Any]]:
    """Method and options of the model without a part; `whole` is the name or path of the method that has it."""
    kept = tuple(name for name in full.modalities if name != part.modality)
    options = asdict(full) | {"modalities": kept} | dict(part.options)
    if not part.method:
        return whole, options
    known = {each.name for each in fields(inference.make(part.method))}
    return part.method, {name: value for name, value in options.items() if name in known}


def _changes(part: Part, whole: str, full: NetworkMethod) -> bool:
    method, options = _variant(part, whole, full)
    return bool(part.shuffled) or inference.make(method, options) != full
