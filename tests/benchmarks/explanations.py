"""Do explanations find what is known, differ between drugs, carry predictions, and stay the same when fitted anew?

    python tests/benchmarks/explanations.py markers --root DATA          # known markers and annotated targets, GDSC2
    python tests/benchmarks/explanations.py markers --root DATA --screen gdsc2,gdsc1      # with both laboratories
    python tests/benchmarks/explanations.py simulated --seeds 0 1 2      # causal genes, and contributions over seeds
    python tests/benchmarks/explanations.py folds --root DATA            # scores on four fifths of the lines each
    python tests/benchmarks/explanations.py curves MODEL --root DATA     # deletion and insertion on held-out lines

The null of a table of markers is the same table with the drugs changing places: it keeps which genes are marked for
many drugs. `--apart` beside `markers` adds every drug id for itself, and `--plain` correlation, with and without the
line's mean effect.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

import bdrp
from bdrp.data import joint, sources, splits
from bdrp.data.screen import Screen
from bdrp.data.sources import simulated
from bdrp.errors import BdrpWarning
from bdrp.explain import associate, explain_pairs
from bdrp.explain.association import centre_responses
from bdrp.explain.curves import deletion_and_insertion
from bdrp.explain.differing import mean_rank_correlation
from bdrp.features.drugs import name_targets
from bdrp.features.lines import expression as expression_scaler
from bdrp.fitted.model import TrainedModel

MARKERS = Path(__file__).with_name("known_markers.csv")
ALIASES = {"BCL-XL": "BCL2L1", "BCL-W": "BCL2L2", "BFL1": "BCL2A1", "XIAP": "XIAP", "CIAP": "BIRC2", "IAP1": "BIRC2"}
SHUFFLES = 2000


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["markers", "simulated", "folds", "curves"])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--screen", default="gdsc2")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore", BdrpWarning)
    if given.what == "simulated":
        simulated_screen(given.seeds)
        return
    names = given.screen.split(",")
    screen = joint.load(names, given.root) if len(names) > 1 else sources.load(names[0], given.root)
    if given.what == "markers":
        markers(screen, given.apart, given.plain)
    elif given.what == "folds":
        folds(screen)
    else:
        curves(TrainedModel.load(given.model), screen)


def standardised(screen: Screen) -> pd.DataFrame:
    """Expression of the measured lines, as a model scales it."""
    table = screen.expression.loc[screen.expression.index.isin(screen.responses["cell_line_id"])]
    return pd.DataFrame(expression_scaler.fit(table, components=1).transform(table), table.index, table.columns)


def markers(screen: Screen, apart: bool, plain: bool) -> None:
    """Percentiles of known markers and of annotated targets, with their null."""
    expression, known = standardised(screen), pd.read_csv(MARKERS)
    found = associate(screen.responses, expression, screen.drugs["structure_key"])
    names = screen.drugs["name"].loc[found.score.index]
    pairs = [(names.index[names == row.drug].tolist(), row.gene, row.direction) for row in known.itertuples()]
    first = pd.Series(found.one_a_compound(names.index))
    first.index = found.compounds.loc[first]  # a compound may have several names too
    compounds = [(first.loc[found.compounds.loc[ids].unique()].tolist(), gene, way) for ids, gene, way in pairs]
    table = known.assign(**_marker_table(found, compounds))
    print(table.to_string(float_format="%.3g"))
    for group in ("kind", "evidence"):
        print(table.groupby(group)["percentile"].agg(["size", "mean", "median", lambda one: (one > 0.99).mean()]))
    size = found.score.loc[first].abs()
    _print_summary("known markers, mixed model", size, compounds)
    groups = {
        "targets, pumps and genes of the pathway": known["kind"].isin(["target", "pump", "pathway"]),
        "those of an earlier, shorter list": known["list"] == "earlier",
    }
    for what, of_group in groups.items():
        some = [pair for pair, one in zip(compounds, of_group, strict=True) if one]
        _print_summary(f"of these, {what}", size, some)
    targets = [
        ([drug], gene, "")
        for drug, named in screen.drugs["target"].loc[size.index].items()
        for gene in {ALIASES.get(name, name) for name in name_targets(named)} & set(size.columns)
    ]
    _print_summary("annotated targets, mixed model", size, targets)
    print(f"rank correlation between drugs: {mean_rank_correlation(size):.3f}")
    print(f"genes at a rate below 0.05: median {(found.fdr.loc[size.index] < 0.05).sum(axis=1).median():.0f} a drug")
    if apart:
        _print_summary("every id for itself", associate(screen.responses, expression).score.abs(), pairs)
    if plain:
        grid = centre_responses(screen.responses, expression)
        raw = screen.responses.pivot_table(index="drug_id", columns="cell_line_id", values="response")
        for name, values in (("correlation", raw.loc[grid.index, grid.columns]), ("less line effect", grid)):
            table = _correlations(values, expression)
            _print_summary(f"known markers, {name}", table.abs(), pairs)
            print(f"rank correlation between drugs: {mean_rank_correlation(table.abs()):.3f}")


def _marker_table(found, pairs) -> dict[str, list]:
    return {
        "percentile": [np.mean([found.percentile(drug, gene) for drug in ids]) for ids, gene, _ in pairs],
        "score": [np.mean([found.score.loc[drug, gene] for drug in ids]) for ids, gene, _ in pairs],
        "fdr": [min(found.fdr.loc[drug, gene] for drug in ids) for ids, gene, _ in pairs],
        "right sign": [
            np.mean([found.score.loc[drug, gene] for drug in ids]) * (1 if way == "resistant" else -1) > 0
            for ids, gene, way in pairs
        ],
    }


def _print_summary(what: str, size: pd.DataFrame, pairs) -> None:
    """Mean percentile and share in the top 1 %, where a drug name's ids count together; drugs change places."""
    ranks = (size.rank(axis=1) - 0.5).div(size.shape[1])
    columns = [ranks.columns.get_loc(gene) for _, gene, _ in pairs]
    drugs = list(dict.fromkeys(tuple(ids) for ids, _, _ in pairs))
    place = [drugs.index(tuple(ids)) for ids, _, _ in pairs]
    rows = [np.array([ranks.index.get_loc(drug) for drug in ids]) for ids in drugs]
    values = ranks.to_numpy()

    def percentiles(rows) -> np.ndarray:
        return np.array([values[rows[at], column].mean() for at, column in zip(place, columns, strict=True)])

    own, rng = percentiles(rows), np.random.default_rng(0)
    null = []
    for _ in range(SHUFFLES):
        others = rng.choice(len(ranks), len(rows), replace=False)
        null.append(percentiles([np.array([row]) for row in others]))
    means, tops = (np.array([part(one) for one in null]) for part in (np.mean, lambda one: (one > 0.99).mean()))
    print(
        f"{what}: n {len(own)}, percentile {own.mean():.3f} (median {np.median(own):.3f}; drugs permuted "
        f"{means.mean():.3f}, 95 % point {np.quantile(means, 0.95):.3f}), top 1 % {np.mean(own > 0.99):.2f} "
        f"({tops.mean():.2f}, {np.quantile(tops, 0.95):.2f}), p {(means >= own.mean()).mean():.4f}",
        flush=True,
    )


def _correlations(values: pd.DataFrame, expression: pd.DataFrame) -> pd.DataFrame:
    """(D, G) Pearson's, over the lines that each drug was measured on."""
    table = {}
    for drug, row in values.iterrows():
        y = row.dropna()
        z = expression.loc[y.index]
        table[drug] = np.nan_to_num((z - z.mean()).T @ (y - y.mean()) / (len(y) * z.std(ddof=0) * y.std(ddof=0)))
    return pd.DataFrame(table, index=expression.columns).T


def simulated_screen(seeds: list[int]) -> None:
    """Causal genes by scores, and by contributions of fits from several seeds, which are compared with each other."""
    simulation = simulated.simulate(0, repeats=2)
    screen, truth = simulation.screen, simulation.truth.causal_genes
    found = associate(screen.responses, standardised(screen)).score.abs()
    _print_causal("mixed-model score", found, truth)
    tables = []
    for seed in seeds:
        model = bdrp.fit(screen, splits.make(screen, "cell_line", seed=0), seed=seed, options={"epochs": 10})
        tables.append(_mean_contribution(model, screen))
        _print_causal(f"contributions, seed {seed}", tables[-1], truth)
    pairs = [
        np.mean([one.loc[drug].corr(two.loc[drug], "spearman") for drug in one.index])
        for at, one in enumerate(tables)
        for two in tables[at + 1 :]
    ]
    print("contributions of one drug, rank correlation between seeds:", np.round(pairs, 3))


def _mean_contribution(model: TrainedModel, screen: Screen) -> pd.DataFrame:
    """(D, G) mean absolute contribution of each gene over the lines."""
    rows = []
    for drug in screen.drugs.index:
        pairs = pd.DataFrame({"cell_line_id": screen.expression.index, "drug_id": drug})
        rows.append(explain_pairs(model, model.drugs_of(screen), screen.profiles, pairs).by_gene().abs().mean())
    return pd.DataFrame(rows, index=screen.drugs.index)


def _print_causal(what: str, size: pd.DataFrame, truth) -> None:
    areas, tops = [], []
    for drug, genes in truth.items():
        causal = size.columns.isin(genes)
        areas.append(roc_auc_score(causal, size.loc[drug]))
        tops.append(bool(causal[np.argsort(-size.loc[drug].to_numpy())[:10]].any()))
    print(
        f"{what}: AUROC {np.mean(areas):.3f}, a causal gene in the first ten for {np.mean(tops):.2f} of drugs, "
        f"rank correlation between drugs {mean_rank_correlation(size):.3f}",
        flush=True,
    )


def folds(screen: Screen) -> None:
    """Scores without a fifth of the lines each, and on two halves that share no line: how far any two agree."""
    expression = standardised(screen)
    lines = expression.index[np.random.default_rng(0).permutation(len(expression))]
    without = [expression.loc[~expression.index.isin(lines[fold::5])] for fold in range(5)]
    halves = [expression.loc[expression.index.isin(lines[half::2])] for half in range(2)]
    for name, parts in (("four fifths", without), ("halves", halves)):
        found = [associate(screen.responses, part) for part in parts]
        pairs = [(one, two) for one in found for two in found if one is not two]
        agreement = [_agreement(one, two) for one, two in pairs]
        print(
            f"{name}: " + ", ".join(f"{key} {np.mean([each[key] for each in agreement]):.3f}" for key in agreement[0])
        )


def _agreement(one, two) -> dict[str, float]:
    """Rank correlation of a drug's scores, and how genes that are sure by one fare by the other."""
    a, b = one.score, two.score.loc[one.score.index]
    sure = (one.fdr < 0.05).to_numpy()
    p, sign = two.p.loc[a.index].to_numpy()[sure], np.sign(a.to_numpy() * b.to_numpy())[sure]
    return {
        "rank correlation": float(np.mean([a.loc[drug].corr(b.loc[drug], "spearman") for drug in a.index])),
        "sure genes a drug": sure.sum() / len(a),
        "of these with the same sign": float((sign > 0).mean()),
        "and p below 0.05": float(((sign > 0) & (p < 0.05)).mean()),
    }


def curves(model: TrainedModel, screen: Screen, pairs: int = 400) -> None:
    """Deletion and insertion over some held-out pairs, by contributions, by scores, and by one order for all."""
    rows = model.held_out()[["cell_line_id", "drug_id"]].sample(pairs, random_state=0).reset_index(drop=True)
    tables = model.drugs_of(screen), screen.profiles
    found = explain_pairs(model, *tables, rows)
    held_out = set(model.held_out()["cell_line_id"])
    training = screen.responses[~screen.responses["cell_line_id"].isin(held_out)]
    scores = associate(training, standardised(screen)).score.loc[rows["drug_id"]].to_numpy()
    orders = {
        "contributions": found.by_gene().to_numpy(),
        "scores": scores,
        "one order for all": np.tile(found.by_gene().abs().mean().to_numpy(), (pairs, 1)),
    }
    for name, importance in orders.items():
        print(f"\n{name}\n{deletion_and_insertion(model, *tables, rows, importance).to_string(float_format='%.3f')}")
    print("\nmean absolute terms, and their posterior SDs")
    print(pd.DataFrame({"size": found.terms.abs().mean(), "sd": found.terms_sd.mean()}).to_string(float_format="%.3f"))
    print((found.variance.sum() / found.variance.sum().sum()).to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
