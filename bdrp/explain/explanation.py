"""What marks some drugs, why some predictions are what they are, and why their intervals are wide: all at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from bdrp.data.expression.matching import NONE
from bdrp.data.in_memory import Given
from bdrp.data.profiles import EXPRESSION
from bdrp.data.screen import Screen
from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.explain.association import Associations, associate
from bdrp.explain.contributions import PairContributions, explain_pairs
from bdrp.explain.differing import mean_rank_correlation
from bdrp.explain.enrichment import enrich
from bdrp.explain.pair_terms import MEASURED, TERMS
from bdrp.explain.variance_shares import SHARES
from bdrp.fitted import given
from bdrp.fitted.known import KnownTables, find_ids
from bdrp.fitted.model import TrainedModel
from bdrp.inference.network.fitted import ClosedFormFit

MOST_PAIRS: Final = 5_000  # chosen: with 2,305 genes their contributions take 370 MB
GENES_A_PAIR: Final = 50  # chosen: what a table lists one by one; the rest stands in one row
KEYS: Final = ["cell_line_id", "drug_id"]


@dataclass(frozen=True, repr=False)
class Explanation(Displayed):
    """What is known of some drugs, and of the predictions of some pairs.

    Attributes:
        drug_ids: the drugs that were asked for.
        drug_names: of all drugs of the screen, by id. line_names: of its lines.
        structures: SMILES, by drug id.
        associations: scores of genes for every drug of the screen that was measured on enough lines.
        gene_sets: of the drugs asked for, as `enrich` gives them; None without gene sets.
        contributions: to the predictions of the pairs; None where the method has no terms.
        screen, unit: which screen, and the unit of its measure.
    """

    drug_ids: tuple[str, ...]
    drug_names: pd.Series
    line_names: pd.Series
    structures: pd.Series
    associations: Associations
    gene_sets: pd.DataFrame | None
    contributions: PairContributions | None
    screen: str
    unit: str

    def __repr__(self) -> str:
        """One line: of which drugs, and of how many predictions."""
        names = ", ".join(str(self.drug_names.get(drug, drug)) for drug in self.drug_ids[:3])
        more = "" if len(self.drug_ids) <= 3 else f" and {len(self.drug_ids) - 3} more"
        return f"Explanation({names}{more}, {self.associations}, {self.contributions})"

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the absolute scores of two compounds, mean over pairs of those of the screen."""
        scores = self.associations.score
        return mean_rank_correlation(scores.loc[self.associations.one_a_compound(scores.index)].abs())

    def tables(self) -> dict[str, pd.DataFrame]:
        """Everything, by the names of the files: markers, gene_sets, terms, genes, intervals, borrowed, atoms."""
        tables = {"markers": self._markers()}
        if self.gene_sets is not None:
            tables["gene_sets"] = self._named(self.gene_sets)
        if self.contributions is not None:
            found = self.contributions
            tables |= {"terms": self._terms(found), "genes": self._genes(found), "intervals": self._intervals(found)}
            tables |= {"borrowed": self._named(found.borrowed), "atoms": self._named(found.atoms)}
        return {name: table for name, table in tables.items() if len(table)}

    def _markers(self) -> pd.DataFrame:
        scored = [drug for drug in self.drug_ids if drug in self.associations.score.index]
        parts = [self.associations.table(drug).reset_index().assign(drug_id=drug) for drug in scored]
        return self._named(pd.concat(parts, ignore_index=True)) if parts else pd.DataFrame()

    def _terms(self, found: PairContributions) -> pd.DataFrame:
        meanings = {**TERMS, **MEASURED}
        terms = [name for name in meanings if name in found.terms]
        long = found.pairs.loc[found.pairs.index.repeat(len(terms))].reset_index(drop=True)
        long["term"] = terms * len(found.pairs)
        long["contribution"] = found.terms[terms].to_numpy().ravel()
        long["contribution_sd"] = found.terms_sd[terms].to_numpy().ravel()
        long["probability_of_sign"] = found.terms_probability[terms].to_numpy().ravel()
        return self._named(long.assign(meaning=long["term"].map(meanings)))

    def _genes(self, found: PairContributions) -> pd.DataFrame:
        parts = []
        for pair in range(len(found.pairs)):
            every = found.genes(pair)
            parts.append(every.head(GENES_A_PAIR).assign(**found.pairs.loc[pair, KEYS]))
            rest = every.iloc[GENES_A_PAIR:][["contribution", "slopes", "network"]].sum()
            name = f"{max(len(every) - GENES_A_PAIR, 0)} others"
            parts.append(pd.DataFrame([{"feature": name, **rest, **found.pairs.loc[pair, KEYS]}]))
        return self._named(pd.concat(parts, ignore_index=True)) if parts else pd.DataFrame()

    def _intervals(self, found: PairContributions) -> pd.DataFrame:
        shares = found.variance.div(found.variance.sum(axis=1), axis=0)[list(SHARES)].add_prefix("share_")
        return self._named(pd.concat([found.pairs, shares], axis=1))

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with names of drugs and lines before everything else."""
        keys = [key for key in KEYS if key in table]
        names = {"cell_line_id": ("line_name", self.line_names), "drug_id": ("drug_name", self.drug_names)}
        front = table[keys].assign(
            **{names[key][0]: table[key].map(names[key][1]).fillna(table[key]).astype(str) for key in keys}
        )
        return pd.concat([front, table.drop(columns=keys)], axis=1)


def explain(
    model: TrainedModel | Path | str,
    screen: Screen | str,
    *,
    drugs: str | Sequence[str] = (),
    pairs: Given | None = None,
    gene_sets: Mapping[str, Collection[str]] | None = None,
    new_drugs: Given | None = None,
    new_lines: Given | Any | None = None,
    match: str | None = None,
    expression_scale: str | None = None,
    dose_unit: str | None = None,
) -> Explanation:
    """Explain drugs by name or id, and predictions of pairs.

    Args:
        model: a model or its folder; scores of genes need none of it but how it scales expression.
        screen: what was measured, or the name of a screen. What the model held out of it for testing has no part in
            scores.
        drugs: names or ids; each is explained on every line (on the new ones, where there are any) unless pairs are
            given.
        pairs: cell_line_id and drug_id; names of lines and drugs will do.
        gene_sets: genes by the name of their set.
        new_drugs: drugs that the screen lacks, as in `bdrp.predict`.
        new_lines: expression of lines that the screen lacks, as in `bdrp.predict`.
        match: how that is mapped onto the training lines, as in `TrainedModel.predict`.
        expression_scale: what it is measured on, as in `bdrp.predict`.
        dose_unit: of the doses of new drugs, as in `bdrp.predict`.

    Example:
        >>> from bdrp.testing import tiny_model, tiny_screen
        >>> explain(tiny_model(), tiny_screen(), drugs="D001", pairs=[("SIM0001", "D001")]).drug_ids
        ('D001',)

    Raises:
        DataError: neither drugs nor pairs are given, one is not known, there are too many pairs, or the new lines are
            on another scale than the training lines.
    """
    trained = model if isinstance(model, TrainedModel) else TrainedModel.load(model)
    screen = given.find_screen(screen, trained.features.measure.name)
    pairs = None if pairs is None else given.read_pairs(pairs)
    drugs = [drugs] if isinstance(drugs, str) else drugs
    if not drugs and (pairs is None or pairs.empty):
        raise DataError("There is nothing to explain: no drug and no pair. Give one or more of either.")
    already = NONE if match == NONE else None  # matched lines are on the training scale by now
    known = KnownTables.of(trained, screen, new_drugs, new_lines, match, expression_scale, dose_unit)
    asked = find_ids(drugs, known.drugs["name"], "drug")
    rows = _pairs_of(known, asked, pairs)
    drug_ids = tuple(dict.fromkeys([*asked, *rows["drug_id"]]))
    associations = associate_screen(trained, screen)
    scored = [drug for drug in drug_ids if drug in associations.score.index]
    has_terms = isinstance(trained.fitted, ClosedFormFit)
    return Explanation(
        drug_ids,
        known.drugs["name"],
        known.line_names,
        known.drugs["smiles"],
        associations,
        None if gene_sets is None or not scored else enrich(associations.of_drugs(scored), gene_sets),
        explain_pairs(trained, known.drugs, known.profiles, rows, already) if has_terms else None,
        screen.name,
        screen.measure.unit,
    )


def associate_screen(model: TrainedModel, screen: Screen) -> Associations:
    """Scores of the model's genes on a screen, assays of one compound together, without rows held out.

    Raises:
        DataError: as in `associate`, or too many of the model's genes are missing.
    """
    responses = screen.responses
    if model.held_out_part is not None and screen.name == model.manifest["screen"]:
        held_out = pd.MultiIndex.from_frame(model.held_out()[KEYS].astype(str))
        responses = responses[~pd.MultiIndex.from_frame(responses[KEYS].astype(str)).isin(held_out)]
    lines = screen.expression.loc[screen.expression.index.isin(responses["cell_line_id"])]
    scaler = model.features.scalers[EXPRESSION]
    expression = pd.DataFrame(scaler.transform(lines), lines.index, list(scaler.columns))
    return associate(responses, expression, screen.drugs["structure_key"])


def _pairs_of(known: KnownTables, drug_ids: Sequence[str], asked: pd.DataFrame | None) -> pd.DataFrame:
    """The pairs that are asked for, by their ids: cell_line_id and drug_id.

    Raises:
        DataError: one is not known, or there are too many.
    """
    if asked is None:
        rows = pd.MultiIndex.from_product([known.lines, drug_ids], names=KEYS).to_frame(index=False)
    else:
        ids = (
            _first_ids(asked["cell_line_id"], known.line_names, "cell line"),
            _first_ids(asked["drug_id"], known.drugs["name"], "drug"),
        )
        rows = pd.DataFrame(dict(zip(KEYS, ids, strict=True)))
    if len(rows) > MOST_PAIRS:
        raise DataError(
            f"{len(rows):,} predictions are to be explained. At most {MOST_PAIRS:,} can be at once. Name fewer "
            "drugs, or give the pairs that matter."
        )
    return rows


def _first_ids(asked: pd.Series, names: pd.Series, what: str) -> list[str]:
    known = {one: find_ids([one], names, what)[0] for one in asked.astype(str).unique()}
    return [known[one] for one in asked.astype(str)]
