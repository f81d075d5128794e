"""Why a prediction is what it is: the terms of the posterior mean of a pair, which sum to the prediction.

In the notation of `hierarchical.model`, and in the measure's unit,

    prediction = overall + drug_structure + drug_level + line_expression + line_level + network + slopes + factors
                 + recalibration,

every term with the SD of its posterior and the probability of its sign. The slopes are linear in a line's profile, so
they are shared out among genes exactly, v . h = sum_g z_g (components v)_g; what the network makes of a profile is
shared out by integrated gradients, from a line at the training mean. An unseen drug has no coefficients of its own:
what it borrows is shared out among the drugs that it borrows from, by their kriging weights.

A contribution says what the model did with a line's profile, not what the gene does in the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import ndtr
from torch import Tensor

from bdrp.data.profiles import EXPRESSION, Profiles, name_profiles
from bdrp.errors import DataError
from bdrp.explain.borrowing import borrowed_terms
from bdrp.explain.path_gradients import atoms_of_network, features_of_network
from bdrp.explain.variance_shares import variance_shares
from bdrp.fitted.model import TrainedModel, cross_drugs_and_lines
from bdrp.inference.hierarchical.coefficients import Coefficients
from bdrp.inference.hierarchical.layer import Layer
from bdrp.inference.hierarchical.pair_posterior import LayerPosterior
from bdrp.inference.hierarchical.predictor import add_loadings
from bdrp.inference.network.fitted import ClosedFormFit

Floats = npt.NDArray[np.float64]

TERMS: Final = {
    "overall": "mean of the training responses",
    "drug_structure": "the drug's level, as the network reads it from the structure",
    "drug_level": "the drug's own level beyond its structure",
    "line_expression": "the line's level, as the network reads it from the profile",
    "line_level": "the line's own level, from what was measured on it",
    "network": "drug and line together, as the network reads them",
    "slopes": "the drug's slopes on the line's profile, linear",
    "factors": "what the line's measured drugs say of this one",
    "recalibration": "shift of the mean by recalibration",
}
"""The terms of a prediction, and what each is."""


@dataclass(frozen=True, repr=False)
class Contributions:
    """Contributions to the predictions of N pairs, in the measure's unit.

    Attributes:
        pairs: cell_line_id, drug_id, prediction and sd, the recalibrated mean and SD, and q05 and q95, the ends of the
            90 % interval.
        terms: (N, T) the terms; rows sum to the prediction. terms_sd: (N, T) posterior SDs, 0 of what is not random.
        features: modality and feature of F columns of the profiles.
        profiles: (N, F) standardised values of the pair's line.
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
        return f"Contributions({len(self.pairs):,} pairs: {self.terms.shape[1]} terms, {len(self.features):,} features)"

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

    def by_gene(self) -> pd.DataFrame:
        """(N, F) contributions of slopes and network together; columns are the features."""
        return pd.DataFrame(self.slopes + self.network, columns=self.features["feature"].to_numpy())


def explain_pairs(
    model: TrainedModel, drugs: pd.DataFrame, profiles: Profiles | pd.DataFrame, pairs: pd.DataFrame | None = None
) -> Contributions:
    """What each part of a model adds to its predictions of some pairs.

    Args:
        model: fitted by a method with one network whose posterior is in closed form: `last_layer` or `deterministic`.
        drugs: as in `TrainedModel.predict`.
        profiles: as in `TrainedModel.predict`.
        pairs: cell_line_id and drug_id of N pairs; every line with every drug if None.

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
    inputs, rows = model.prepared(drugs, tables, keys)
    predicted = model.recalibration(model.fitted.predict(inputs, rows))
    layer = model.fitted.layer
    posterior = layer.posterior_of(inputs, rows)  # on the layer's device, with the lines that are named
    read = PairTerms(layer, posterior)
    terms, deviations = read.terms()
    terms["recalibration"] = predicted.mean - posterior.moments.mean
    slopes, slopes_sd = read.slopes_by_feature(model)
    unit = model.features.response_std
    low, high = predicted.interval(0.9).T
    return Contributions(
        keys.assign(prediction=predicted.mean, sd=predicted.std, q05=low, q95=high),
        terms,
        deviations.assign(recalibration=0.0),
        _features(model),
        _array(torch.cat(list(read.inputs.lines.values()), dim=1)[read.pairs.line]),
        slopes,
        slopes_sd,
        unit * _array(features_of_network(layer, read.inputs, read.pairs)),
        borrowed_terms(model, layer, read.inputs, read.pairs),
        _atoms(read, unit),
        variance_shares(read, predicted, posterior.moments),
    )


class PairTerms:
    """The parts of the linear predictor of N pairs, beside their posterior.

    Args:
        layer: network, priors and posterior.
        posterior: of the pairs under it.
    """

    def __init__(self, layer: Layer, posterior: LayerPosterior) -> None:
        self.layer, self.inputs, self.pairs = layer, posterior.inputs, posterior.pairs
        inputs, pairs = self.inputs, self.pairs
        with torch.no_grad():
            every = torch.arange(len(inputs.line_ids), device=pairs.line.device)
            parts = layer.model.terms(posterior.encoded, inputs, every, pairs.line, pairs.drug)
            self.parts = parts
            known = layer.coefficients(inputs)
            self.known = Coefficients(known.compound, *(getattr(known, name).double() for name in _NUMBERS))
            self.by_line = add_loadings(parts.by_line.double(), self.known.loadings)[pairs.drug]
            self.regressors = parts.by_compound.double()[pairs.line]
            unknown = layer.model.regressor_variance(inputs)
            self.unknown = torch.zeros_like(self.regressors) if unknown is None else unknown.double()[pairs.line]

    @torch.no_grad()
    def terms(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Means and SDs of the terms, without recalibration, (N, T - 1) each, in the measure's unit."""
        parts, known, line, drug = self.parts, self.known, self.pairs.line, self.pairs.drug
        features, unit, nothing = self.layer.features, self.layer.features.response_std, torch.zeros(len(line))
        v, u, mu = known.v[drug], known.u[line], self.layer.model.mu.double()
        network = parts.features.double() @ self.layer.guide.w_mean.double()
        structure, expression = parts.own.double() - mu, (parts.offset - parts.own).double()
        slopes = (v[:, 1:] * self.regressors[:, 1:]).sum(1)
        factors = (u[:, 1:] * self.by_line[:, 1:]).sum(1)
        means = (nothing, structure, v[:, 0], expression, u[:, 0], network, slopes, factors)
        variances = (
            *(nothing, nothing, known.v_variance[drug, 0], nothing, known.u_covariance[line, 0, 0]),
            *(self.variance_of_network(), self.variance_of_slopes(), self.variance_of_factors()),
        )
        table = pd.DataFrame({name: unit * _array(mean) for name, mean in zip(TERMS, means, strict=False)})
        table["overall"] = features.response_mean + unit * float(mu)
        deviations = {name: unit * np.sqrt(_array(each)) for name, each in zip(TERMS, variances, strict=False)}
        return table, pd.DataFrame(deviations)

    def slopes_by_feature(self, model: TrainedModel) -> tuple[Floats, Floats]:
        """(N, F) means and SDs of what the slopes make of each feature, in the measure's unit."""
        unit, start, found = model.features.response_std, 1, []
        used = float(self.layer.model.network.size.has_slopes)
        for name, scaler in model.features.scalers.items():
            keys = torch.as_tensor(scaler.components, dtype=torch.float64, device=self.pairs.line.device)
            mine = slice(start, start + keys.shape[1])
            start = mine.stop
            z = used * unit * self.inputs.lines[name].double()[self.pairs.line]
            slope = (self.known.v[:, mine] @ keys.T)[self.pairs.drug]
            variance = (self.known.v_variance[:, mine] @ (keys**2).T)[self.pairs.drug]
            found.append((_array(z * slope), _array(z.abs() * variance.sqrt())))
        means, deviations = (np.concatenate(parts, axis=1) for parts in zip(*found, strict=True))
        return means, deviations

    def variance_of_network(self) -> Tensor:
        """(N,) of w's term."""
        return torch.as_tensor(self.layer.guide.weight_variance(self.parts.features)).double()

    def variance_of_slopes(self) -> Tensor:
        """(N,) of v's terms but the level."""
        known, variance = self.known, self.unknown[:, 1:]
        v, spread = known.v[self.pairs.drug, 1:], known.v_variance[self.pairs.drug, 1:]
        return (self.regressors[:, 1:] ** 2 * spread + variance * (v**2 + spread)).sum(1)

    def variance_of_factors(self) -> Tensor:
        """(N,) of u's term but the level."""
        known, by_line = self.known, self.by_line[:, 1:]
        own = torch.einsum("nr,nrs,ns->n", by_line, known.u_covariance[self.pairs.line, 1:, 1:], by_line)
        return own + self.variance_of_loadings() + self.variance_of_both()

    def variance_of_loadings(self) -> Tensor:
        """(N,) u' Cov(g) u."""
        u = self.known.u[self.pairs.line, 1:]
        return torch.einsum("nr,nrs,ns->n", u, self.known.loadings_covariance[self.pairs.drug], u)

    def variance_of_both(self) -> Tensor:
        """(N,) of the product of the deviations of u and the loadings."""
        u = self.known.u_covariance[self.pairs.line, 1:, 1:]
        return (u * self.known.loadings_covariance[self.pairs.drug]).sum((1, 2))


_NUMBERS: Final = ("v", "v_variance", "loadings", "loadings_covariance", "u", "u_covariance")


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
            parts = unit * _array(atoms_of_network(read.layer, read.inputs, read.pairs, drug).sum(1))
            tables.append(
                pd.DataFrame({"drug_id": read.inputs.drug_ids[drug], "atom": range(len(parts)), "contribution": parts})
            )
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _sign_probability(mean: Floats, deviation: Floats) -> Floats:
    """Of a normal: 1 where nothing is random, a half where nothing is there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean == 0, 0.5, ndtr(np.abs(mean) / deviation))


def _array(values: Tensor) -> Floats:
    return np.asarray(values.detach().double().cpu().numpy())
