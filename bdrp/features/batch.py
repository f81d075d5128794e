"""Screen + Split -> tensors: drugs and lines once, pairs as indices into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from bdrp.data.expression import Reference
from bdrp.data.joining import by_number
from bdrp.data.profiles import EXPRESSION, Profiles, name_profiles
from bdrp.data.screen import Measure, Screen
from bdrp.data.splits import Split
from bdrp.display import Displayed
from bdrp.errors import DataError, SplitError
from bdrp.features import lines as line_profiles
from bdrp.features import molecules
from bdrp.features.drugs import DrugRelations, TrainingDrugs
from bdrp.features.lines import Scaler
from bdrp.features.molecules import MoleculeGraphs
from bdrp.predictive import PairMoments

MEASURED: Final = ("response", "lower_limit", "upper_limit", "response_sd")
COMPONENTS = 200  # chosen: on GDSC2's inner validation 128 to 400 components differ by less than a fold's noise


@dataclass(frozen=True, repr=False)
class Inputs(Displayed):
    """D drugs and L cell lines, ready for the encoders.

    Attributes:
        drug_ids: D ids. `line_ids`: L ids.
        molecules: the D graphs.
        lines: (L, F) scaled profiles by modality; those of expression are also `genes`.
        components: (L, K) leading components of all modalities, one after the other; unit variance on training lines.
        drug_effect: (D,) position among the training drugs, an id each; -1 where the id was not trained on.
        line_effect: (L,) position among the training lines, -1 where the line was not trained on.
        top_dose: (D,) highest dose that the drug is tested at, in the measure's unit; NaN where not known.
        relations: of the drugs with the training drugs.
        unknown: (L, K) variances of components that a line has no profile for; None where all are known.
    """

    drug_ids: tuple[str, ...]
    line_ids: tuple[str, ...]
    molecules: MoleculeGraphs
    lines: Mapping[str, Tensor]
    components: Tensor
    drug_effect: Tensor
    line_effect: Tensor
    top_dose: Tensor
    relations: DrugRelations
    unknown: Tensor | None = None

    @property
    def genes(self) -> Tensor:
        """(L, G) standardised expression."""
        return self.lines[EXPRESSION]

    def with_known_assays(self) -> Inputs:
        """The same, an id that was not trained on taking the effects of the one id that its compound was trained under.

        For another laboratory, no id of which is an assay that was trained on: that its assay differs is among what
        laboratories differ by. A compound of several trained ids goes on borrowing from all of them.
        """
        ids, one = self.relations.compound.sum(1), self.relations.compound.argmax(1)
        return replace(self, drug_effect=torch.where((self.drug_effect < 0) & (ids == 1), one, self.drug_effect))

    def to(self, device: torch.device | str) -> Inputs:
        """The same inputs on another device."""
        names = ("components", "drug_effect", "line_effect", "top_dose")
        tensors = {name: getattr(self, name).to(device) for name in names}
        lines = {name: profile.to(device) for name, profile in self.lines.items()}
        unknown = None if self.unknown is None else self.unknown.to(device)
        molecules, relations = self.molecules.to(device), self.relations.to(device)
        return replace(self, molecules=molecules, lines=lines, relations=relations, unknown=unknown, **tensors)


@dataclass(frozen=True, repr=False)
class Pairs(Displayed):
    """N rows of a screen: indices into `Inputs` and, where they were measured, responses in the screen's unit.

    Attributes:
        line: (N,) int64. drug: (N,) int64.
        response: (N,) float64; NaN where it is to be predicted.
        lower_limit: (N,) what the assay could observe; NaN where not known. upper_limit: likewise.
        response_sd: (N,) SD of the measurement itself; NaN where not known.
    """

    line: Tensor
    drug: Tensor
    response: Tensor
    lower_limit: Tensor
    upper_limit: Tensor
    response_sd: Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.line)

    def select(self, index: Tensor) -> Pairs:
        """The rows at `index`."""
        return Pairs(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def concatenate(self, other: Pairs) -> Pairs:
        """These rows, then the other's."""
        return Pairs(*(torch.cat([getattr(self, name), getattr(other, name)]) for name in self.__dataclass_fields__))

    def to(self, device: torch.device | str) -> Pairs:
        """The same rows on another device."""
        return Pairs(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


@dataclass(frozen=True, repr=False)
class Features(Displayed):
    """Everything fitted on training keys that turns tables into `Inputs`; saved with a model.

    Attributes:
        measure: response measure and unit.
        scalers: by modality, expression first; fitted on the training lines.
        drugs: the training drugs. lines: ids of the training lines.
        response_mean, response_std: mean and SD of the training responses, in the measure's unit.
    """

    measure: Measure
    scalers: Mapping[str, Scaler]
    drugs: TrainingDrugs
    lines: tuple[str, ...]
    response_mean: float
    response_std: float

    @property
    def compounds(self) -> tuple[str, ...]:
        """C structure keys of the training drugs; a compound stands once for each of its ids."""
        return self.drugs.compounds

    @property
    def genes(self) -> tuple[str, ...]:
        """G symbols of the genes whose expression is read."""
        return self.scalers[EXPRESSION].columns

    @property
    def widths(self) -> dict[str, int]:
        """F of each modality."""
        return {name: scaler.width for name, scaler in self.scalers.items()}

    @property
    def components(self) -> int:
        """K, the components of all modalities."""
        return sum(scaler.components.shape[1] for scaler in self.scalers.values())

    def training_expression(self, scale: str | None = None) -> Reference:
        """What new expression is held against, made once; `scale` is that of the training lines, told where None."""
        if scale not in self._references:
            scaler = self.scalers[EXPRESSION]
            mean, sd, loadings = (scaler.arrays()[name].astype(np.float64) for name in ("mean", "scale", "components"))
            skewness = scaler.arrays().get("skewness")
            self._references[scale] = Reference.of_moments(scaler.columns, mean, sd, loadings, scale, skewness)
        return self._references[scale]

    @cached_property
    def _line_index(self) -> pd.Index:
        """The training lines as pandas looks them up."""
        return pd.Index(self.lines)

    @cached_property
    def _references(self) -> dict[str | None, Reference]:
        return {}

    def known_variance(self, rows: Pairs) -> Tensor:
        """(N,) known variances of measurement of standardised responses; 0 where none is known."""
        return (rows.response_sd / self.response_std).square().nan_to_num(0.0)

    def unstandardise(self, mean: npt.ArrayLike, aleatoric: npt.ArrayLike, epistemic: npt.ArrayLike) -> PairMoments:
        """Moments of N pairs in the measure's unit, from standardised ones, (N,) each."""
        means, noises, epistemics = (np.asarray(part, np.float64) for part in (mean, aleatoric, epistemic))
        variance = self.response_std**2
        return PairMoments(self.response_mean + self.response_std * means, variance * noises, variance * epistemics)

    def inputs(self, drugs: pd.DataFrame, profiles: Profiles | pd.DataFrame) -> Inputs:
        """Tensors of drugs (index drug_id; smiles, structure_key) and of lines (profiles; index cell_line_id).

        Of the drugs, `upper_limit` is the highest dose of their assays, in the measure's unit; `target` and `pathway`
        are text. Any of them may lack. Lines are those
        with expression; a line may lack the other profiles. A table alone is expression.

        Raises:
            DataError: a structure that cannot be read, or too many genes missing.
        """
        return self.with_drugs(self.lines_alone(profiles), drugs)

    def with_drugs(self, inputs: Inputs, drugs: pd.DataFrame) -> Inputs:
        """The same lines with other drugs; see `inputs`.

        Raises:
            DataError: a structure that cannot be read.
        """
        doses = drugs.get("upper_limit", pd.Series(np.nan, drugs.index))
        return replace(
            inputs,
            drug_ids=tuple(map(str, drugs.index)),
            molecules=molecules.graphs(list(drugs["smiles"])),
            drug_effect=self.drugs.positions(drugs),
            top_dose=torch.as_tensor(doses.to_numpy(np.float32, copy=True)),
            relations=self.drugs.relations(drugs),
        )

    def lines_alone(self, profiles: Profiles | pd.DataFrame) -> Inputs:
        """Tensors of lines and of no drug; see `inputs`.

        Raises:
            DataError: too many genes missing.
        """
        given = name_profiles(profiles)
        ids = given[EXPRESSION].index
        lines = line_profiles.transform(self.scalers, given, ids)
        components = [lines[name] @ scaler.components for name, scaler in self.scalers.items()]
        unknown = line_profiles.unknown(self.scalers, given, ids)
        return Inputs(
            drug_ids=(),
            line_ids=tuple(map(str, ids)),
            molecules=molecules.graphs([]),
            lines={name: torch.from_numpy(scaled) for name, scaled in lines.items()},
            components=torch.from_numpy(np.concatenate(components, axis=1).astype(np.float32)),
            drug_effect=torch.zeros(0, dtype=torch.int64),
            line_effect=_positions(ids, self._line_index),
            top_dose=torch.zeros(0),
            relations=DrugRelations.unrelated(0, len(self.drugs)),
            unknown=None if unknown is None else torch.from_numpy(unknown),
        )


@dataclass(frozen=True, repr=False)
class Batch(Displayed):
    """A screen's four parts as tensors over shared inputs."""

    features: Features
    inputs: Inputs
    train: Pairs
    validation: Pairs
    calibration: Pairs
    test: Pairs

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        parts = {
            name: getattr(self, name).to(device) for name in ("inputs", "train", "validation", "calibration", "test")
        }
        return replace(self, **parts)


def prepare(
    screen: Screen, split: Split, *, components: int = COMPONENTS, modalities: Sequence[str] = (EXPRESSION,)
) -> Batch:
    """Fit every scaler on the training rows' lines and encode all parts.

    The order of a screen's rows and columns is no information: lines, drugs and genes are sorted by their ids, training
    rows by both and by what was measured, so that no method can see another order. Rows of the other parts stay as
    they are in the split.

    Args:
        screen: what was measured.
        split: which rows train.
        components: the most that a modality has.
        modalities: the profiles that are read.

    Raises:
        SplitError: the training part is empty, or the split is another screen's.
        DataError: the training responses do not vary, or no training line has a profile that is to be read.
    """
    responses, drugs = screen.responses, _by_id(screen.tested_drugs())
    profiles = {name: _by_id(profile).sort_index(axis=1) for name, profile in screen.profiles.items()}
    _check_split(split, responses)
    trained = _by_ids_and_values(responses, split.rows("train"))
    train = responses.iloc[trained]
    if train.empty:
        raise SplitError("The training part has no rows. At least one is needed. Choose larger training groups.")
    if train["response"].min() == train["response"].max():  # an SD of equal numbers may round to more than 0
        raise DataError(
            f"All {len(train)} training responses equal {train['response'].iloc[0]:g}. A model needs responses that "
            "differ. Check the response column, or choose another split."
        )
    trained_lines = sorted(train["cell_line_id"].unique())
    features = Features(
        screen.measure,
        line_profiles.fit(modalities, profiles, trained_lines, components=components),
        TrainingDrugs.from_table(drugs.loc[train["drug_id"].unique()]),
        tuple(trained_lines),
        float(train["response"].mean()),
        float(train["response"].std(ddof=0)),
    )
    inputs = features.inputs(drugs, profiles)
    rows = pairs(responses, inputs)
    held = {part: rows.select(torch.as_tensor(split.rows(part))) for part in ("validation", "calibration", "test")}
    return Batch(features, inputs, train=rows.select(torch.as_tensor(trained)), **held)


def pairs(frame: pd.DataFrame, inputs: Inputs) -> Pairs:
    """Rows of `frame` (cell_line_id, drug_id and, where known, response, limits and SD) as indices into `inputs`.

    Raises:
        DataError: a row names a line or a drug that the inputs lack.
    """
    line = _positions(frame["cell_line_id"], pd.Index(inputs.line_ids))
    drug = _positions(frame["drug_id"], pd.Index(inputs.drug_ids))
    for column, found, known in (("cell_line_id", line, inputs.line_ids), ("drug_id", drug, inputs.drug_ids)):
        if (found < 0).any():
            refuse_unknown(frame, column, known)
    measured = (
        frame[name].to_numpy(np.float64, copy=True) if name in frame else np.full(len(frame), np.nan)
        for name in MEASURED
    )
    return Pairs(line, drug, *map(torch.as_tensor, measured))


def refuse_unknown(frame: pd.DataFrame, column: str, known: Sequence[str] | pd.Index) -> None:
    """Refuse pairs whose ids in a column, cell_line_id or drug_id, are not all known.

    Raises:
        DataError: naming some that are not.
    """
    unknown = frame[column][~frame[column].isin(known)]
    if len(unknown):
        raise DataError(
            f"{len(unknown)} pairs have a {column} with no {'structure' if column == 'drug_id' else 'expression'}: "
            f"{', '.join(map(str, unknown.unique()[:8]))}. Every pair needs both. Add them or drop the pairs."
        )


def grid(inputs: Inputs) -> Pairs:
    """Every line with every drug, a line after the other; nothing of them is measured."""
    lines, drugs = len(inputs.line_ids), len(inputs.drug_ids)
    unknown = torch.full((lines * drugs,), torch.nan, dtype=torch.float64)
    line, drug = torch.arange(lines).repeat_interleave(drugs), torch.arange(drugs).repeat(lines)
    return Pairs(line, drug, *(unknown for _ in MEASURED))


def grid_blocks(rows: Pairs, lines_a_block: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffle the lines into blocks; yield (lines (B,), row indices (n,)): a step encodes each of its lines once."""
    present = torch.unique(rows.line)
    order = torch.argsort(rows.line.cpu(), stable=True)
    sorted_lines = rows.line.cpu()[order]
    shuffled = present.cpu()[torch.randperm(len(present), generator=generator)]
    for block in torch.tensor_split(shuffled, -(-len(present) // lines_a_block)):  # of near-equal size
        block, _ = torch.sort(block)
        starts = torch.searchsorted(sorted_lines, block)
        ends = torch.searchsorted(sorted_lines, block, right=True)
        yield block, torch.cat([order[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])


def _by_id(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[sorted(table.index, key=by_number)]


def _by_ids_and_values(responses: pd.DataFrame, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The same positions in an order that does not depend on the table's: replicates by what was measured."""
    known = [name for name in MEASURED if name in responses]
    ordered = responses.iloc[rows].reset_index(drop=True).sort_values(["cell_line_id", "drug_id", *known])
    return rows[ordered.index]


def _check_split(split: Split, responses: pd.DataFrame) -> None:
    keys = responses[["cell_line_id", "drug_id"]]
    if not np.array_equal(split.keys[list(keys)].to_numpy(), keys.to_numpy()):
        raise SplitError(
            f"The split is of {len(split.keys)} responses that are not the {len(keys)} of this screen. "
            "Rows must be the same, in the same order. Split the screen that you fit."
        )


def _positions(values: pd.Series | pd.Index, known: pd.Index) -> Tensor:
    return torch.as_tensor(known.get_indexer(pd.Index(values)).astype(np.int64))
