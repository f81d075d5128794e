"""What expression does to each drug: linear cross-attention whose query has a posterior.

The slopes v[d] of drug d on expression are what the model reads a line's profile with. Written gene by gene,

    v[d] . h[l] = sum_g effect[d, g] z[l, g],    effect[d, g] = query[d] . key[g],

query[d] = v[d], key[g] the loadings of gene g on the K components, and the value z[l, g] the line's standardised
expression: attention without a softmax (Katharopoulos et al. 2020), in which a gene counts with its sign. The query is
normal, so every effect has an SD; that of an unseen drug is kriged from drugs that are alike, by structure, targets and
pathway among others. A weight is the share of a gene in the expected squared effects of its drug,

    weight[d, g] = E effect[d, g]^2 / sum_j E effect[d, j]^2,

so that what is not known of a drug is spread over the genes, alike for all drugs.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bdrp.data.profiles import EXPRESSION, Profiles
from bdrp.data.screen import Screen
from bdrp.display import Displayed
from bdrp.errors import BdrpWarning, DataError
from bdrp.explain.differing import ALIKE, mean_rank_correlation
from bdrp.features.batch import Inputs
from bdrp.fitted.known import find_ids
from bdrp.fitted.model import TrainedModel
from bdrp.inference.network.fitted import NetworkFit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False, eq=False)
class Slopes(Displayed):
    """Slopes of D drugs on G genes, or gene sets, as attention.

    Attributes:
        drugs: D drug ids.
        genes: G symbols, or names of gene sets.
        query: (D, K) posterior mean, in the measure's unit. query_variance: (D, K), independent.
        keys: (G, K).
        covariances: (G, K) of the genes with the components, over lines like the training lines.
        names: of the drugs, by id; ids where none are known.
    """

    drugs: tuple[str, ...]
    genes: tuple[str, ...]
    query: Floats
    query_variance: Floats
    keys: Floats
    covariances: Floats
    names: pd.Series

    @cached_property
    def effect(self) -> pd.DataFrame:
        """(D, G) posterior mean of the change of the response, in the measure's unit, for one SD more of one gene."""
        return self._table(self.query @ self.keys.T)

    @cached_property
    def effect_sd(self) -> pd.DataFrame:
        """(D, G) posterior SD of `effect`."""
        return self._table(np.sqrt(self.query_variance @ (self.keys**2).T))

    @cached_property
    def weights(self) -> pd.DataFrame:
        """(D, G) share of each gene in the expected squared effects of its drug; rows sum to one."""
        square = self.effect**2 + self.effect_sd**2
        return square.div(square.sum(axis=1), axis=0)

    @property
    def rank_correlation(self) -> float:
        """Spearman's correlation of the weights of two drugs, mean over pairs of drugs; NaN for a single drug."""
        return mean_rank_correlation(self.weights)

    def top_genes(self, drug: str, most: int = 10) -> pd.DataFrame:
        """The genes of largest weight for a drug, by id or name, largest first: weight, effect and effect_sd.

        Raises:
            DataError: there is no such drug.
        """
        drug_id = find_ids([drug], self.names, "drug")[0]
        tables = {"weight": self.weights, "effect": self.effect, "effect_sd": self.effect_sd}
        return pd.DataFrame({name: table.loc[drug_id] for name, table in tables.items()}).nlargest(most, "weight")

    def of_gene_sets(self, sets: Mapping[str, Collection[str]]) -> Slopes:
        """The slopes on activities of gene sets, each the mean of the set's standardised genes.

        An effect is then how the prediction changes along with one SD of the activity, over lines like the training
        lines, and so with whatever is co-expressed: sets that are active together have much the same effects.

        Args:
            sets: genes by name, such as of `bdrp.explain.gene_sets.read_gmt`. Genes that the model does not read are
                left out, and sets without any other.

        Raises:
            DataError: the model reads no gene of any set.
        """
        at = pd.Index(self.genes)
        members = {
            name: at.get_indexer(pd.Index(list(dict.fromkeys(genes)), dtype=object)) for name, genes in sets.items()
        }
        known = {name: places[places >= 0] for name, places in members.items() if (places >= 0).any()}
        if not known:
            raise DataError(
                f"The model reads no gene of the {len(sets)} sets. Allowed: sets of its {len(self.genes)} genes, such "
                f"as {', '.join(self.genes[:3])}. Use sets with symbols of the same kind."
            )
        covariances = np.stack([self.covariances[places].mean(axis=0) for places in known.values()])
        length = np.linalg.norm(covariances, axis=1, keepdims=True)  # the SD of the activity
        return replace(self, genes=tuple(known), keys=covariances / length.clip(min=1e-12), covariances=covariances)

    def __repr__(self) -> str:
        """Sizes, and how alike drugs are."""
        return (
            f"Slopes({len(self.drugs)} drugs x {len(self.genes)} genes, rank correlation {self.rank_correlation:.2f})"
        )

    def _table(self, values: Floats) -> pd.DataFrame:
        return pd.DataFrame(values, index=list(self.drugs), columns=list(self.genes))


def read_slopes(model: TrainedModel, drugs: pd.DataFrame | Screen) -> Slopes:
    """What the slopes of a model say of each drug: effects of genes with their SDs, and attention weights.

    Args:
        model: fitted by a method with a network, and with slopes.
        drugs: as in `TrainedModel.predict`; or the screen whose drugs they are.

    Raises:
        DataError: the model has no slopes, or as in `TrainedModel.predict`.

    Warns:
        BdrpWarning: the weights hardly differ between the drugs: next to nothing is known of them.
    """
    fitted = model.fitted
    if not isinstance(fitted, NetworkFit):
        raise DataError(f"{model.manifest['method']} has no slopes to read. Fit last_layer for that.")
    if not fitted.layers[0].model.network.size.has_slopes:
        raise DataError(
            "This model has no slopes to read: its linear path or expression was ignored. Allowed: models with both. "
            "Fit one without the options linear_path and expression."
        )
    drugs = model.drugs_of(drugs) if isinstance(drugs, Screen) else drugs
    ids = drugs.index.to_series().astype("str")
    names = drugs["name"].where(drugs["name"].fillna("").ne(""), ids) if "name" in drugs else ids
    scaler = model.features.scalers[EXPRESSION]
    keys = np.asarray(scaler.components, np.float64)
    query, variance = _queries(fitted, model.features.inputs(drugs, _no_line(model)), keys.shape[1])
    unit = model.features.response_std
    lengths = np.square(keys).sum(axis=0).clip(min=1e-12)  # components are orthogonal, so these invert the keys
    posterior = unit * query, unit**2 * variance
    found = Slopes(tuple(drugs.index), tuple(scaler.columns), *posterior, keys, keys / lengths, names)
    _warn_if_alike(found)
    return found


@torch.no_grad()
def _queries(fitted: NetworkFit, inputs: Inputs, components: int) -> tuple[Floats, Floats]:
    """(D, K) mean and variance of the slopes on expression, of a mixture where there are several layers."""
    known = [layer.coefficients(inputs.to(layer.device)) for layer in fitted.layers]
    mean = torch.stack([one.v[:, 1 : 1 + components] for one in known]).double().cpu()
    variance = torch.stack([one.v_variance[:, 1 : 1 + components] for one in known]).double().cpu()
    return mean.mean(0).numpy(), (variance.mean(0) + mean.var(0, correction=0)).numpy()


def _no_line(model: TrainedModel) -> Profiles:
    """Profiles of one line at the training mean: slopes are of drugs alone."""
    return {
        name: pd.DataFrame(np.zeros((1, len(scaler.columns))), columns=list(scaler.columns), index=["mean"])
        for name, scaler in model.features.scalers.items()
    }


def _warn_if_alike(found: Slopes) -> None:
    correlation = found.rank_correlation
    if not correlation > ALIKE:  # a single drug has none
        return
    warnings.warn(
        f"Slopes say next to nothing of single drugs (asked for {len(found.drugs)}): the weights of two drugs have a "
        f"mean rank correlation of {correlation:.4f}. Worth reading is at most {ALIKE}. Take no gene for a finding "
        "about a drug; measure some lines of these drugs first.",
        BdrpWarning,
        stacklevel=3,
    )
