"""What posteriors of dose-response curves are worth: agreement, repeatability, calibration, plates and seconds.

    python tests/benchmarks/dose_response.py agreement repeatability ccle calibration seconds nuts [--data DIR]

Real wells are looked for in BDRP_DATA, or in shared/data beside the project. docs/curves.md has what it printed.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from bdrp.data import dose_response
from bdrp.data.dose_response import designs, posterior
from bdrp.data.dose_response.curve import LN_SCALE_SD, LN_SLOPE, LOGIT_PLATEAU, Prior
from bdrp.data.dose_response.fitting import FittedCurves
from bdrp.data.dose_response.likelihood import Design
from bdrp.data.dose_response.noise import DEGREES, Noise
from bdrp.data.dose_response.points import Points
from bdrp.data.dose_response.simulation import HALF_DECADES, simulate
from bdrp.data.dose_response.summary import summarise
from bdrp.evaluation.simulation_based import ranks, uniformity

NORMAL_90 = 1.6448536269514722
NOISE = Noise(cv=0.07, floor=0.03, top_sd=0.06)
PAIR = ["cell_line_id", "drug_id"]


def agreement(data: Path) -> None:
    """Of GDSC2's raw wells with its published values, and of its plates with each other."""
    fitted = _fit(data / "raw" / "GDSC2_public_raw_data_example.csv.gz")
    curves, plates = fitted.curves, fitted.points.plates
    print(plates[["z_prime", "cv", "edge_effect", "failed_wells"]].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).round(3))
    print(plates["doubts"].str.get_dummies("; ").sum())
    published = pd.read_csv(
        data / "gdsc" / "GDSC2_fitted_dose_response.csv.gz", dtype={"COSMIC_ID": str, "DRUG_ID": str}
    )
    published = published.rename(columns={"COSMIC_ID": "cell_line_id", "DRUG_ID": "drug_id"})
    mean = curves.groupby([*PAIR, "max_conc_um"])[["ln_ic50_um", "auc_fraction"]].mean().reset_index()
    both = mean.merge(published[[*PAIR, "LN_IC50", "AUC", "MAX_CONC"]], on=PAIR)
    same = both[np.abs(both["max_conc_um"] / both["MAX_CONC"] - 1) < 0.02]
    for name, rows in (("all pairs", both), ("same highest dose", same)):
        for ours, theirs in (("ln_ic50_um", "LN_IC50"), ("auc_fraction", "AUC")):
            within = rows.groupby("drug_id")[[ours, theirs]].apply(lambda one: one.corr("spearman").iloc[0, 1])
            print(
                f"{name}: {len(rows)} pairs, {ours} Pearson {rows[ours].corr(rows[theirs]):.3f}, within-drug Spearman "
                f"{within.median():.3f} ({within.min():.3f} to {within.max():.3f})"
            )
    curves["condition"] = curves["drug_id"] + curves["max_conc_um"].round(3).astype(str) + curves["replicate"]
    _cover(curves, ["cell_line_id", "condition"], "plate")


def repeatability(data: Path) -> None:
    """Of triplicates of sarcoma lines, each fitted on its own, beside their stated SD."""
    _cover(_fit(data / "raw" / "sarcoma_viability_long.csv.gz").curves, PAIR, "replicate")


def ccle(data: Path) -> None:
    """Of CCLE's points, fitted anew, with GDSC2's published values: what another laboratory says within a drug."""
    from bdrp.data import reading
    from bdrp.data.identifiers import line_name_key, structure_key

    curves = _fit(data / "ccle" / "CCLE_NP24.2009_Drug_data_2015.02.24.csv.gz").curves
    released = reading.read_table(data / "ccle" / "CCLE_NP24.2009_Drug_data_2015.02.24.csv.gz")
    theirs = pd.DataFrame(
        {
            "cell_line_id": released["CCLE Cell Line Name"],
            "drug_id": released["Compound"],
            "released_ln_ic50": np.log(released.filter(like="IC50").iloc[:, -1].astype(float)),
            "released_auc": 1 - released["ActArea"].astype(float) / 8,
        }
    )
    gdsc = pd.read_csv(data / "gdsc" / "GDSC2_fitted_dose_response.csv.gz")
    compound = {}
    for folder, drug in (("gdsc", "DRUG_ID"), ("ccle", "drug")):
        drugs = pd.read_csv(data / folder / f"{folder}_drug_smiles.csv").dropna(subset="smiles")
        compound[folder] = dict(zip(drugs[drug], drugs["smiles"].map(structure_key), strict=True))
    gdsc = gdsc.assign(key=gdsc["DRUG_ID"].map(compound["gdsc"]), line=gdsc["CELL_LINE_NAME"].map(line_name_key))
    gdsc = gdsc.dropna(subset="key").groupby(["key", "line"])[["LN_IC50", "AUC"]].mean().reset_index()
    both = curves.merge(theirs, on=PAIR)
    both["key"] = both["drug_id"].map(compound["ccle"])
    both["line"] = both["cell_line_id"].str.split("_").str[0].map(line_name_key)
    both = both.dropna(subset="key").merge(gdsc, on=["key", "line"])
    print(f"{len(both)} pairs, {both['key'].nunique()} compounds, {both['line'].nunique()} lines")
    for ours, mine in (
        ("released_ln_ic50", "LN_IC50"),
        ("ln_ic50_um", "LN_IC50"),
        ("released_auc", "AUC"),
        ("auc_fraction", "AUC"),
    ):
        within = both.groupby("key")[[ours, mine]].apply(lambda one: one.corr("spearman").iloc[0, 1])
        print(f"{ours} and GDSC2's {mine}: within-drug Spearman {within.median():.3f} (mean {within.mean():.3f})")


def calibration(_: Path) -> None:
    """Ranks of simulated truths among their draws."""
    z, truth, design = simulate(8000, NOISE, seed=11)
    found = posterior.sample(design, NOISE, draws=399)
    lowest = float(HALF_DECADES[0])
    rng = np.random.default_rng(0)
    capped = [
        np.minimum(one.ln_ic50(), 1e3) + jitter
        for one, jitter in zip(
            (truth, found.curves), (rng.normal(0, 1e-9, 8000), rng.normal(0, 1e-9, (8000, 399))), strict=True
        )
    ]  # fmt: skip - ties of curves that never reach one half are broken at random
    shown = {
        "midpoint": (truth.midpoint, found.curves.midpoint),
        "slope": (truth.slope, found.curves.slope),
        "plateau": (truth.plateau, found.curves.plateau),
        "top": (truth.top, found.curves.top),
        "scale": (truth.scale, found.curves.scale),
        "ln IC50": tuple(capped),
        "AUC": (truth.area(lowest, 0.0), found.curves.area(lowest, 0.0)),
        "Emax": (truth.viability(0.0), found.curves.viability(0.0)),
    }
    for name, (true, drawn) in shown.items():
        seen = uniformity(ranks(true[:, None], drawn[:, :, None]), 399)
        print(f"{name}: p {seen.p_value:.3f}, spread {seen.spread:.3f}, 90 % intervals cover {seen.covered:.3f}")
    print("effective draws", np.quantile(found.effective, [0, 0.01, 0.5]).round(0))
    never, told = np.isinf(truth.ln_ic50()), np.isinf(found.curves.ln_ic50()).mean(1)
    for low in np.arange(0, 1, 0.2):
        chosen = (told >= low) & (told <= low + 0.2)
        print(f"P(never) {told[chosen].mean():.2f}: {never[chosen].mean():.2f} of {chosen.sum()} curves never do")


def seconds(_: Path, curves: int = 20_000) -> None:
    """CPU seconds of one thread for 250,000 curves of GDSC2's layout, summaries included."""
    _, _, design = simulate(curves, NOISE, seed=3)
    begun = time.process_time()
    for at in range(0, curves, 1024):
        group = designs.Group(np.arange(len(design[at : at + 1024])), np.zeros(1), design[at : at + 1024])
        group = designs.Group(group.rows, np.zeros(len(group.rows)), group.design)
        summarise(group, posterior.sample(group.design, NOISE, draws=400), NOISE)
    spent = time.process_time() - begun
    print(f"{spent:.1f} CPU s for {curves:,} curves: {spent / curves * 250_000:.0f} for 250,000")


def nuts(_: Path) -> None:
    """Moments of three curves beside Pyro's NUTS: an active, a partial and a flat one."""
    import torch
    from pyro.infer import MCMC, NUTS

    prior, doses = Prior(NOISE.top_sd, float(HALF_DECADES[0]), 0.0), torch.tensor(HALF_DECADES)
    wells = np.array(
        [
            [1.02, 0.97, 1.01, 0.83, 0.41, 0.12, 0.06],
            [0.96, 1.04, 0.99, 0.90, 0.72, 0.64, 0.66],
            [1.05, 0.98, 1.01, 0.94, 1.03, 1.00, 0.97],
        ]
    )
    seen = torch.tensor(wells)

    def potential(values):
        z = values["z"]  # 3 curves at once, which do not know each other
        logits = torch.exp(LN_SLOPE[0] + LN_SLOPE[1] * z[2])[:, None] * (doses - prior.midpoint_sd * z[1][:, None])
        plateau = torch.sigmoid(LOGIT_PLATEAU[0] + LOGIT_PLATEAU[1] * z[3])[:, None]
        signal = torch.exp(NOISE.top_sd * z[4])[:, None] * (1 - (1 - plateau) * torch.sigmoid(logits))
        scale = torch.exp(LN_SCALE_SD * z[0])[:, None] * torch.sqrt(NOISE.floor**2 + (NOISE.cv * signal) ** 2)
        return 0.5 * (z**2).sum() - torch.distributions.StudentT(DEGREES, signal, scale).log_prob(seen).sum()

    torch.manual_seed(0)
    start = {"z": torch.zeros((5, 3), dtype=torch.float64)}
    sampler = MCMC(NUTS(potential_fn=potential), 1000, warmup_steps=300, initial_params=start, disable_progbar=True)
    sampler.run()
    drawn = prior.curves(sampler.get_samples()["z"].numpy().transpose(1, 2, 0))
    ours = posterior.sample(Design(HALF_DECADES, wells, np.ones(3)), NOISE, draws=4000).curves
    lowest = float(HALF_DECADES[0])
    for name in ("AUC", "midpoint", "plateau"):
        right, told = (one.area(lowest, 0.0) if name == "AUC" else getattr(one, name) for one in (drawn, ours))
        away, ratio = (told.mean(1) - right.mean(1)) / right.std(1), told.std(1) / right.std(1)
        print(f"{name}: means differ by {away.round(2)} SD, SDs are {ratio.round(2)} times NUTS's")


def _fit(path: Path) -> FittedCurves:
    begun = time.process_time()
    points: Points = dose_response.read(path)
    read = time.process_time() - begun
    fitted = dose_response.fit(points)
    spent = time.process_time() - begun
    print(f"{path.name}: {len(fitted.curves)} curves, {read:.0f} CPU s to read and {spent - read:.0f} to fit")
    print(fitted.noise, fitted.curves["flags"].str.get_dummies(";").sum().to_dict())
    return fitted


def _cover(curves: pd.DataFrame, by: list[str], repeat: str) -> None:
    """How often the 90 % interval of a difference between two of the first three repeats holds 0.

    The interval is made of the two medians and their quantiles (Zou and Donner 2008, doi 10.1002/sim.3095), for the
    posterior of ln IC50 is skewed.
    """
    curves = curves[curves.groupby(by)[repeat].rank(method="first") <= 3]
    both = curves.merge(curves, on=by)
    both = both[both[f"{repeat}_x"] < both[f"{repeat}_y"]]
    for measure in ("ln_ic50_um", "auc_fraction", "emax_fraction"):
        rows = both[(both["limit_x"] == "") & (both["limit_y"] == "")] if measure == "ln_ic50_um" else both
        low, middle, high = ([rows[f"{measure}_{level}_{side}"] for side in "xy"] for level in ("q05", "q50", "q95"))
        away = middle[0] - middle[1]
        down = np.hypot(middle[0] - low[0], high[1] - middle[1])
        up = np.hypot(high[0] - middle[0], middle[1] - low[1])
        held = ((away - down <= 0) & (away + up >= 0)).mean()
        stated = np.hypot(rows[f"{measure}_sd_x"], rows[f"{measure}_sd_y"])
        mean = rows[f"{measure}_x"] - rows[f"{measure}_y"]
        print(
            f"{measure}: {len(rows)} differences, SD seen {mean.std():.3f}, stated {np.sqrt((stated**2).mean()):.3f} "
            f"(medians of size {mean.abs().median() / 0.6745:.3f} and {stated.median():.3f}); 90 % intervals cover "
            f"{held:.3f}; Spearman of |difference| and stated SD {mean.abs().corr(stated, method='spearman'):.2f}"
        )


def main() -> None:
    """Run the parts that are named."""
    parts = {part.__name__: part for part in (agreement, repeatability, ccle, calibration, seconds, nuts)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BDRP_DATA") or beside))
    asked = parser.parse_args()
    for part in asked.parts:
        print(f"\n## {part}", flush=True)
        parts[part](asked.data)


if __name__ == "__main__":
    main()
