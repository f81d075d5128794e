"""Why a prediction is what it is: the terms of the posterior mean of a pair, which sum to the prediction.

In the notation of `hierarchical.model`, and in the measure's unit,

    prediction = overall + drug_structure + drug_level + line_expression + line_level + network + slopes + factors
                 + recalibration (+ measured),

the last of an updated model alone: by how much what was measured since its fit moves the mean. Every term has the SD of
its posterior and the probability of its sign. The slopes are linear in a line's profile, so they are shared out among
genes exactly, v . h = sum_g z_g (components v)_g; what the network makes of a profile is shared out by integrated
gradients, from a line at the training mean. An unseen drug has no coefficients of its own: what it borrows is shared
out among the drugs that it borrows from, by their kriging weights.

A contribution says what the model did with a line's profile, not what the gene does in the cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import ndtr

from bdrp.data.profiles import EXPRESSION, TISSUE, Profiles, name_profiles
from bdrp.display import Displayed
from bdrp.errors import DataError
from bdrp.explain.borrowing import borrowed_terms
from bdrp.explain.pair_terms import PairTerms, as_array
from bdrp.explain.path_gradients import atoms_of_network, features_of_network
from bdrp.explain.variance_shares import variance_shares
from bdrp.fitted.model import TrainedModel, cross_drugs_and_lines
from bdrp.inference.network.fitted import ClosedFormFit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class PairContributions(Displayed):
    """Contributions to the predictions of N pairs, in the measure's unit.

    Attributes:
        pairs: cell_line_id, drug_id, prediction and sd, the recalibrated mean and SD, and q05 and q95, the ends of the
            90 % interval.
        terms: (N, T) the terms; rows sum to the prediction. terms_sd: (N, T) posterior SDs, 0 of what is not random.
        features: modality and feature of F columns of the profiles; the tissue of a line is one feature.
        profiles: (N, F) standardised values of the pair's line; of its tissue 1, or 0 where none is known.
        slopes: (N, F) what the slopes make of each; rows sum to the term. slopes_sd: (N, F) posterior SDs.
        network: (N, F) what the network makes of each; rows sum to the terms line_expression and network, less what
            these are of a line at the training mean.
        borrowed: a row for a pair of an unseen drug and each drug that it borrows from: level, slopes and factors are
            what that one adds to the terms.
        atoms: a row an atom: drug_id, atom, contribution; see `path_gradients`. Empty without molecular graphs.
        variance: (N, shares) what the predictive variance consists of; rows sum to it. See `variance_shares`.
    """

    pairs: pd.DataFrame
    terms: pd.DataFrame
    terms_sd: pd.DataFrame
    features: pd.DataFrame
    profiles: Floats
    slopes: Floats
    slopes_sd: Floats
    network: Floats
    borrowed: pd.DataFrame
    atoms: pd.DataFrame
    variance: pd.DataFrame

    def __repr__(self) -> str:
        """One line: of how much."""
        sizes = f"{len(self.pairs):,} pairs: {self.terms.shape[1]} terms, {len(self.features):,} features"
        return f"PairContributions({sizes})"

    @property
    def terms_probability(self) -> pd.DataFrame:
        """(N, T) posterior probability that a term has the sign of its mean."""
        return pd.DataFrame(
            _sign_probability(self.terms.to_numpy(), self.terms_sd.to_numpy()), columns=self.terms.columns
        )

    @property
    def at_mean_line(self) -> Floats:
        """(N,) what the network says of the drug on a line at the training mean: its terms less their features."""
        return np.asarray(self.terms[["line_expression", "network"]].sum(axis=1) - self.network.sum(1))

    def genes(self, pair: int, most: int | None = None) -> pd.DataFrame:
        """The features of one pair's line, of largest contribution first.

        Columns: modality, feature, value (standardised), contribution (of slopes and network together), slopes,
        slopes_sd, probability_of_sign (of the slopes' part), network.
        """
        slopes, deviation, network = self.slopes[pair], self.slopes_sd[pair], self.network[pair]
        table = self.features.assign(
            value=self.profiles[pair],
            contribution=slopes + network,
            slopes=slopes,
            slopes_sd=deviation,
            probability_of_sign=_sign_probability(slopes, deviation),
            network=network,
        )
        order = np.argsort(-table["contribution"].abs().to_numpy(), kind="stable")
        return table.iloc[order[:most]].reset_index(drop=True)

    def by_feature(self) -> pd.DataFrame:
        """(N, F) contributions of slopes and network together; columns are the features."""
        return pd.DataFrame(self.slopes + self.network, columns=self.features["feature"].to_numpy())

    def by_gene(self) -> pd.DataFrame:
        """(N, G) those of expression alone; columns are the model's genes."""
        return self.by_feature().loc[:, self.features["modality"].eq(EXPRESSION).to_numpy()]


def explain_pairs(
    model: TrainedModel,
    drugs: pd.DataFrame,
    profiles: Profiles | pd.DataFrame,
    pairs: pd.DataFrame | None = None,
    match: str | None = None,
) -> PairContributions:
    """What each part of a model adds to its predictions of some pairs.

    Args:
        model: fitted by a method with one network whose posterior is in closed form: `last_layer` or `deterministic`.
        drugs: as in `TrainedModel.predict`.
        profiles: as in `TrainedModel.predict`.
        pairs: cell_line_id and drug_id of N pairs; every line with every drug if None.
        match: as in `TrainedModel.predict`.

    Raises:
        DataError: the method has no such terms, or as in `TrainedModel.predict`.
    """
    if not isinstance(model.fitted, ClosedFormFit):
        raise DataError(
            f"Predictions of {model.manifest['method']} have no terms that sum to them. Allowed: models of last_layer "
            "or deterministic. Fit one of these; what marks a drug can be told of any model."
        )
    tables = name_profiles(profiles)
    pairs = cross_drugs_and_lines(drugs, tables[EXPRESSION]) if pairs is None else pairs
    keys = pairs[["cell_line_id", "drug_id"]].astype(str).reset_index(drop=True)
    inputs, rows = model.prepared(drugs, tables, keys, match=match)
    before, predicted = model.recalibration(model.fitted.predict(inputs, rows)), model.predictive(inputs, rows)
    layer = model.fitted.layer
    posterior = layer.posterior_of(inputs, rows)  # on the layer's device, with the lines that are named
    read = PairTerms(layer, posterior)
    terms, deviations = read.terms()
    terms["recalibration"] = before.mean - posterior.moments.mean
    deviations["recalibration"] = 0.0
    if model.measurements is not None:
        terms["measured"], deviations["measured"] = predicted.mean - before.mean, 0.0
    unit = model.features.response_std
    by_feature = _by_feature(
        model,
        as_array(torch.cat(list(read.inputs.lines.values()), dim=1)[read.pairs.line]),
        *read.slopes_by_feature(model),
        unit * as_array(features_of_network(layer, read.inputs, read.pairs)),
    )
    low, high = predicted.interval(0.9).T
    return PairContributions(
        keys.assign(prediction=predicted.mean, sd=predicted.std, q05=low, q95=high),
        terms,
        deviations,
        *by_feature,
        borrowed_terms(model, layer, read.inputs, read.pairs),
        _atoms(read, unit),
        variance_shares(read, predicted, posterior.moments),
    )


def _by_feature(
    model: TrainedModel, profiles: Floats, slopes: Floats, slopes_sd: Floats, network: Floats
) -> tuple[pd.DataFrame, Floats, Floats, Floats, Floats]:
    """The features, and what is known of them a pair, the indicators of tissues taken together: a line is of one."""
    features = _features(model)
    tissues = features["modality"].eq(TISSUE).to_numpy()
    if not tissues.any():
        return features, profiles, slopes, slopes_sd, network
    one = pd.DataFrame({"modality": [TISSUE], "feature": [TISSUE]})

    def join(values: Floats, of_tissue: Floats) -> Floats:
        return np.column_stack([values[:, ~tissues], of_tissue])

    return (
        pd.concat([features[~tissues], one], ignore_index=True),
        join(profiles, profiles[:, tissues].any(axis=1).astype(float)),
        join(slopes, slopes[:, tissues].sum(axis=1)),
        join(slopes_sd, np.sqrt(np.square(slopes_sd[:, tissues]).sum(axis=1))),  # the layer holds slopes independent
        join(network, network[:, tissues].sum(axis=1)),
    )


def _features(model: TrainedModel) -> pd.DataFrame:
    """Modality and feature of each column; a modality may have more numbers than named features ("no profile")."""
    names = [
        (modality, feature)
        for modality, scaler in model.features.scalers.items()
        for feature in [*scaler.columns, *(f"no {modality}" for _ in range(scaler.width - len(scaler.columns)))]
    ]
    return pd.DataFrame(names, columns=["modality", "feature"])


def _atoms(read: PairTerms, unit: float) -> pd.DataFrame:
    tables = [pd.DataFrame({"drug_id": pd.Series(dtype=object), "atom": pd.Series(dtype=int), "contribution": []})]
    if read.layer.model.network.size.drug_encoder == "graph":
        for drug in torch.unique(read.pairs.drug).tolist():
            parts = unit * as_array(atoms_of_network(read.layer, read.inputs, read.pairs, drug).sum(1))
            tables.append(
                pd.DataFrame({"drug_id": read.inputs.drug_ids[drug], "atom": range(len(parts)), "contribution": parts})
            )
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _sign_probability(mean: Floats, deviation: Floats) -> Floats:
    """Of a normal: 1 where nothing is random, a half where nothing is there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean == 0, 0.5, ndtr(np.abs(mean) / deviation))
