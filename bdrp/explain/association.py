"""What marks a drug: genes whose expression goes with a line's response to it, beyond what alike lines share.

Two lines of one tissue are alike in thousands of genes and in their response, so that a plain correlation marks all of
these genes. A mixed model takes that likeness for noise. With y the responses of one drug less each line's mean effect
over the other drugs (their mean where several assays of a compound measured the line), z_g the standardised expression
of gene g over the lines that were measured, and A the covariance of these lines (`line_covariance`),

    effect_g = z_g' A^-1 y / z_g' A^-1 z_g,   sd_g = s / sqrt(z_g' A^-1 z_g),   score_g = effect_g / sd_g,

the generalised least squares estimate of what one SD more of the gene does to the response. The share of noise in A is
the one of highest restricted likelihood, a drug each, and s^2 = y' A^-1 y / (n - 1). A score is compared with Student's
t of n - 2 degrees of freedom, and false discovery rates are those of Benjamini & Hochberg over the genes of a drug.

An association is no cause: a gene beside the causal one, or one that follows it, is marked too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t

from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.explain.line_covariance import RATIOS, Floats, LineCovariance, ObservedPart, Positions

LEAST_LINES = 10  # chosen: fewer say nothing of a gene among hundreds
SHRINKAGE = 1.0  # chosen, as in `mean_effects`: the responses that pull a line's mean effect half-way to zero
SWEEPS = 10  # chosen, as there
COLUMNS = ("score", "effect", "effect_sd", "p", "fdr", "direction")


@dataclass(frozen=True, repr=False)
class Associations(Displayed):
    """Scores of G genes for each of D drugs.

    Attributes:
        score: (D, G) effect over its SD: negative where high expression goes with sensitivity.
        effect: (D, G) change of the response, in its unit, for one SD more of the gene.
        compounds: (D,) which drugs are assays of one compound; these are scored together and have equal rows.
        lines: (D,) on how many lines each drug, or another assay of its compound, was measured.
        ratio: (D,) lambda, the variance of noise over that along the kernel of expression.
        residual_sd: (D,) s, in the response's unit.
        covariance: of the L lines. missing: for each drug, the positions of lines without a response.
    """

    score: pd.DataFrame
    effect: pd.DataFrame
    compounds: pd.Series
    lines: pd.Series
    ratio: pd.Series
    residual_sd: pd.Series
    covariance: LineCovariance
    missing: tuple[Positions, ...]

    def __repr__(self) -> str:
        """One line: scores of how many."""
        drugs, genes = self.score.shape
        return f"Associations({drugs:,} drugs x {genes:,} genes, on {len(self.covariance.expression):,} lines)"

    @cached_property
    def p(self) -> pd.DataFrame:
        """(D, G) two-sided p-values."""
        freedom = (self.lines.to_numpy() - 2)[:, None]
        return self._table(2 * student_t.sf(np.abs(self.score.to_numpy()), freedom))

    @cached_property
    def fdr(self) -> pd.DataFrame:
        """(D, G) false discovery rate among the genes of a drug, if this gene and all of smaller p are taken."""
        return self._table(false_discovery_control(self.p.to_numpy(), axis=1, method="bh"))

    @property
    def effect_sd(self) -> pd.DataFrame:
        """(D, G) SD of the effect; NaN for a gene that does not vary."""
        return self.effect / self.score.where(self.score != 0)

    def table(self, drug_id: str, most: int | None = None) -> pd.DataFrame:
        """The genes of one drug, of smallest p first: score, effect, effect_sd, p, fdr, direction; index gene.

        Raises:
            DataError: the drug has no scores.
        """
        if drug_id not in self.score.index:
            raise DataError(
                f"Drug {drug_id!r} has no scores; {len(self.score)} drugs have, such as "
                f"{', '.join(self.score.index[:3])}. A drug needs {LEAST_LINES} measured lines with expression."
            )
        parts = {name: getattr(self, name).loc[drug_id] for name in COLUMNS[:-1]}
        table = pd.DataFrame(parts).rename_axis("gene").sort_values("p", kind="stable")
        table["direction"] = np.where(table["score"] < 0, "sensitive", "resistant")
        return table if most is None else table.head(most)

    def percentile(self, drug_id: str, gene: str) -> float:
        """The share of a drug's genes with a smaller absolute score, ties counted half: 1 for the strongest of many."""
        size = self.score.loc[drug_id].abs()
        return float(((size < size[gene]).mean() + (size <= size[gene]).mean()) / 2)

    def of_drugs(self, drug_ids: Sequence[str]) -> Associations:
        """Those of some drugs."""
        at = self.score.index.get_indexer(pd.Index(drug_ids))
        names = ("score", "effect", "compounds", "lines", "ratio", "residual_sd")
        parts = {name: getattr(self, name).iloc[at] for name in names}
        return replace(self, **parts, missing=tuple(self.missing[drug] for drug in at))

    def one_a_compound(self, drug_ids: Sequence[str]) -> list[str]:
        """Those of some drugs that have scores, the first of each compound."""
        scored = [drug for drug in drug_ids if drug in self.score.index]
        return [str(drug) for drug in self.compounds.loc[scored].drop_duplicates().index]

    def observed_part(self, drug: int) -> ObservedPart:
        """The inverse of A over the lines that the drug at this position was measured on."""
        return ObservedPart(self.covariance.inverse(float(self.ratio.iloc[drug])), self.missing[drug])

    def _table(self, values: Floats) -> pd.DataFrame:
        return pd.DataFrame(values, index=self.score.index, columns=self.score.columns)


def associate(responses: pd.DataFrame, expression: pd.DataFrame, compounds: pd.Series | None = None) -> Associations:
    """Scores of every gene for every drug that was measured on enough lines.

    Args:
        responses: cell_line_id, drug_id, response and, where there are several, laboratory; replicates are averaged,
            lines without expression left out.
        expression: (L, G) standardised, such as `standardised_expression` gives; index cell_line_id.
        compounds: by drug_id, such as a structure key: drugs that share one are its assays. None: each drug is its own.

    Raises:
        DataError: no drug was measured on enough lines with expression.

    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> lines, genes = [f"L{i}" for i in range(80)], [f"G{i}" for i in range(30)]
    >>> expression = pd.DataFrame(rng.normal(size=(80, 30)), lines, genes)
    >>> responses = pd.DataFrame({"cell_line_id": lines, "drug_id": "D", "response": -expression["G7"].to_numpy()})
    >>> found = associate(pd.concat([responses, responses.assign(drug_id="E", response=0.0)]), expression)
    >>> found.table("D", most=1)[["direction"]].to_dict()
    {'direction': {'G7': 'sensitive'}}
    """
    single = centre_responses(responses, expression)
    compound = pd.Series(single.index, single.index) if compounds is None else compounds.loc[single.index]
    grid = single.groupby(compound.to_numpy(), sort=False).mean()
    observed = grid.notna().to_numpy()
    values = np.nan_to_num(grid.to_numpy())
    covariance = LineCovariance(expression.loc[grid.columns].to_numpy(np.float64))
    missing = tuple(np.flatnonzero(~row) for row in observed)
    chosen = _most_likely_ratios(covariance, values, missing)
    score, effect = (np.zeros((len(grid), expression.shape[1])) for _ in range(2))
    scale = np.zeros(len(grid))
    for ratio in np.unique(chosen):
        products, inverse = covariance.of_expression(ratio), covariance.inverse(ratio)
        for drug in np.flatnonzero(chosen == ratio):
            part = ObservedPart(inverse, missing[drug])
            solved, square = part.solve(values[drug]), part.squares(products)
            scale[drug] = max(float(np.sqrt(values[drug] @ solved / (observed[drug].sum() - 1))), 1e-12)
            varies = square > 1e-9
            along = solved @ covariance.expression
            effect[drug] = np.divide(along, square, out=np.zeros_like(along), where=varies)
            score[drug] = effect[drug] * np.sqrt(square.clip(min=0)) / scale[drug]
    own = grid.index.get_indexer(pd.Index(compound))  # each drug has the row of its compound
    scores, effects = (pd.DataFrame(part[own], single.index, expression.columns) for part in (score, effect))
    lines, ratios, scales = (pd.Series(part[own], single.index) for part in (observed.sum(1), chosen, scale))
    return Associations(scores, effects, compound, lines, ratios, scales, covariance, tuple(missing[at] for at in own))


def centre_responses(responses: pd.DataFrame, expression: pd.DataFrame) -> pd.DataFrame:
    """(D, L) responses less the drug's mean and the mean effect of the line on its other drugs; NaN where not measured.

    The other drugs are those of the same laboratory: how a line grows and is read differs between laboratories.

    Raises:
        DataError: no drug was measured on enough lines with expression.
    """
    known = responses[responses["cell_line_id"].isin(expression.index) & responses["response"].notna()]
    table = known.pivot_table(index="drug_id", columns="cell_line_id", values="response", aggfunc="mean")
    grid = table[table.notna().sum(axis=1) >= LEAST_LINES]
    if grid.empty:
        most = int(table.notna().sum(axis=1).max()) if len(table) else 0
        raise DataError(
            f"No drug was measured on {LEAST_LINES} lines with expression; the most that one has is {most}. Scores of "
            "genes need that many. Give the responses and the expression of one screen."
        )
    grid = grid.dropna(axis=1, how="all")
    if "laboratory" not in known:
        return _centre(grid)
    laboratory = known.groupby("drug_id")["laboratory"].min().loc[grid.index]
    return pd.concat([_centre(part) for _, part in grid.groupby(laboratory.to_numpy())]).loc[grid.index]


def _centre(grid: pd.DataFrame) -> pd.DataFrame:
    """The same of one laboratory, (D, L)."""
    values, measured = grid.to_numpy(np.float64), grid.notna().to_numpy()
    by_drug, by_line = np.zeros((len(grid), 1)), np.zeros((1, grid.shape[1]))
    for _ in range(SWEEPS):
        by_drug = np.nanmean(values - by_line, axis=1, keepdims=True)
        by_line = np.nansum(values - by_drug, axis=0, keepdims=True) / (measured.sum(0) + SHRINKAGE)
    residual = np.nan_to_num(values - by_drug)
    by_others = (residual.sum(0) - residual) / (measured.sum(0) - 1 + SHRINKAGE).clip(min=SHRINKAGE)
    return grid - by_others - by_drug


def _most_likely_ratios(covariance: LineCovariance, values: Floats, missing: tuple[Positions, ...]) -> Floats:
    """(D,) the lambda of highest restricted likelihood of each drug's values (D, L), the scale s at its maximum."""
    found = np.empty((len(RATIOS), len(values)))
    for number, ratio in enumerate(RATIOS):
        inverse, whole = covariance.inverse(ratio), covariance.log_determinant(ratio)
        for drug, absent in enumerate(missing):
            part, freedom = ObservedPart(inverse, absent), values.shape[1] - len(absent) - 1
            square = max(float(values[drug] @ part.solve(values[drug])), 1e-12)
            found[number, drug] = -0.5 * (freedom * np.log(square) + whole + part.log_determinant)
    return np.asarray(RATIOS[found.argmax(0)])
