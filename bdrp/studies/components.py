"""The components of the model and of its data that an ablation takes away, and the run matrix that does so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from bdrp import inference
from bdrp.data import randomisation
from bdrp.errors import DataError
from bdrp.studies.execution.run_matrix import RunMatrix

if TYPE_CHECKING:
    from bdrp.inference.network.options import NetworkMethod

FULL, FLOOR, OVERALL = "full", "mean_effects", "overall_mean"
"""Labels of what components are compared with: the whole model, mean effects, and the overall mean, which is all that
shuffled labels leave to be learned."""

NO_EFFECTS: Final = {"shrinkage": 1e12}  # chosen: mean effects of nothing, so that the overall mean remains

CONTRIBUTES, HARMS, BETTER, WORSE = "contributes", "harms", "better", "worse"
ON_FOLDS, NONE, NONE_SHOWN = " on these folds alone", "none", "none shown"
"""What a row of `bdrp.studies.ablation.Contributions` may say."""

POINT: Final = "deterministic"
SHUFFLED_LABELS: Final = "shuffled_labels"


@dataclass(frozen=True)
class Component:
    """A component, and what stands in its place when it is taken away.

    Attributes:
        name: what tables and the command line call the model without it.
        removed: what is taken away.
        replacement: what takes its place.
        options: of the method, where that is how.
        method: the method to take instead; "" keeps the method.
        shuffled: what of the data is shuffled; "" is nothing.
        modality: what of a line is no longer read; "" is nothing. The rows stay the same.
    """

    name: str
    removed: str
    replacement: str
    options: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    shuffled: str = ""
    modality: str = ""

    @property
    def title(self) -> str:
        """Both in a few words."""
        return f"{self.removed} \N{RIGHTWARDS ARROW} {self.replacement}"


_COMPONENTS: Final = (
    Component("fingerprint", "graph", "fingerprint", {"drug_encoder": "fingerprint"}),
    Component("one_hot", "graph", "one-hot drug", {"drug_encoder": "one_hot"}),
    Component("product", "pairing", "product alone", {"pairing": "product"}),
    Component("attention", "pairing", "cross-attention", {"pairing": "attention"}),
    Component("concatenation", "pairing", "concatenation", {"pairing": "concatenation"}),
    Component("no_expression", "expression", "none", {"expression": "ignored"}),
    Component("no_tissue", "tissue", "without tissue", modality="tissue"),
    Component("no_mutations", "mutations", "without mutations", modality="mutations"),
    Component("no_copy_number", "copy number", "without copy number", modality="copy_number"),
    Component("no_methylation", "methylation", "without methylation", modality="methylation"),
    Component("no_proteomics", "proteomics", "without proteomics", modality="proteomics"),
    Component("no_linear_path", "linear path", "none", {"linear_path": "ignored"}),
    Component("no_hierarchical_effects", "hierarchical effects", "none", {"hierarchical_effects": "ignored"}),
    Component("normal", "likelihood", "normal", {"likelihood": "normal"}),
    Component("student_t", "likelihood", "Student-t", {"likelihood": "student_t"}),
    Component("censored", "likelihood", "censored", {"likelihood": "censored"}),
    Component("point", "Bayesian head", "point", method=POINT),
    Component("shuffled_genes", "genes", "shuffled", shuffled=randomisation.GENES),
    Component("shuffled_structures", "structures", "shuffled", shuffled=randomisation.STRUCTURES),
    Component("shuffled_targets", "targets", "shuffled", shuffled=randomisation.TARGETS),
    Component("shuffled_doses", "doses", "shuffled", shuffled=randomisation.DOSES),
    Component(SHUFFLED_LABELS, "labels", "shuffled", shuffled=randomisation.LABELS),
)

COMPONENTS: Final[Mapping[str, Component]] = {component.name: component for component in _COMPONENTS}
"""Every component by its name, in the order of reports."""


def ablation_matrix(
    method: str,
    splits: Sequence[str],
    folds: int = 5,
    seeds: int = 3,
    *,
    options: Mapping[str, Any] | None = None,
    components: Sequence[str] | None = None,
    partition: str = "drawn",
) -> RunMatrix:
    """The whole model, the model without each component, and mean effects, on the same folds.

    Args:
        method: one that trains the network.
        splits: names of `bdrp.data.splits.BY`.
        folds: of each split.
        seeds: of each fold; the seed of a shuffle too.
        options: of the method, for the whole model and for those without a component alike.
        components: names of `COMPONENTS`; all that change something if None.
        partition: how the folds are made; see `RunMatrix`.

    Raises:
        DataError: a component is not known, is named twice, or changes nothing; or see `RunMatrix`.
        FitError: the method has no components, or as in `bdrp.inference.make`.
    """
    from bdrp.inference.network.options import NetworkMethod  # here, for reports read COMPONENTS and need no torch

    full = inference.make(method, options)
    if not isinstance(full, NetworkMethod):
        trained = [name for name in inference.METHODS.usable() if isinstance(inference.make(name), NetworkMethod)]
        raise DataError(f"{method} has no components to take away. Allowed: {', '.join(trained)}. Choose one of them.")
    variants = {component.name: _variant(component, method, full) for component in _chosen(components, method, full)}
    labels = {FULL: (method, asdict(full)), **variants, FLOOR: (FLOOR, {})}
    shuffled = {name: COMPONENTS[name].shuffled for name in variants if COMPONENTS[name].shuffled}
    if SHUFFLED_LABELS in variants:
        labels[OVERALL], shuffled[OVERALL] = (FLOOR, NO_EFFECTS), randomisation.LABELS
    methods = {label: name for label, (name, _) in labels.items()}
    given = {label: options for label, (_, options) in labels.items()}
    return RunMatrix(methods, splits, folds, seeds, given, shuffled=shuffled, partition=partition)


def _chosen(names: Sequence[str] | None, method: str, full: NetworkMethod) -> list[Component]:
    """The components to take away, each of which changes something."""
    if names is None:
        return [component for component in COMPONENTS.values() if _changes(component, method, full)]
    unknown, twice = [name for name in names if name not in COMPONENTS], len(set(names)) < len(names)
    if unknown or twice or not names:
        seen = (
            f"there is no component {unknown[0]!r}" if unknown else "one is named twice" if twice else "none is named"
        )
        raise DataError(f"The components cannot be taken away: {seen}. Allowed: {', '.join(COMPONENTS)}, each once.")
    idle = [name for name in names if not _changes(COMPONENTS[name], method, full)]
    if idle:
        raise DataError(
            f"The component {idle[0]} changes nothing: {full.name} is {COMPONENTS[idle[0]].replacement} already "
            "under these options. Allowed: components that the whole model has. Leave it out, or change --option."
        )
    return [COMPONENTS[name] for name in COMPONENTS if name in names]


def _variant(component: Component, whole: str, full: NetworkMethod) -> tuple[str, dict[str, Any]]:
    """Method and options of the model without a component; `whole` is the name or path of the method that has it."""
    kept = tuple(name for name in full.modalities if name != component.modality)
    options = asdict(full) | {"modalities": kept} | dict(component.options)
    if not component.method:
        return whole, options
    known = {each.name for each in fields(inference.make(component.method))}
    return component.method, {name: value for name, value in options.items() if name in known}


def _changes(component: Component, whole: str, full: NetworkMethod) -> bool:
    method, options = _variant(component, whole, full)
    return bool(component.shuffled) or inference.make(method, options) != full
