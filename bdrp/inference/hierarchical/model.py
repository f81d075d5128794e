"""The Bayesian last layer: global weights over pair features, deviations of compounds and lines, in Pyro.

In standardised units, for compound c, line l and their pair features phi,

    y[l, c] = mu + offset[l, c] + w . phi[l, c] + v[c] . (1, h[l]) + u[l] . (1, g[c]) + noise[l, c]
    w ~ Normal(0, I)    v[c] ~ Normal(0, diag(lambda_v[c]^2))    u[l] ~ Normal(0, diag(lambda_u^2))
    g[c] = the network's factors of structure + loadings[c]    loadings[c] ~ Normal(0, I),

with h the components of the line's expression, and of what else is read of it: `v` is a hierarchical Bayesian ridge a
compound on them, `u` and `g` a Bayesian factor analysis that predicts a line's drugs from its measured ones. The prior
scales lambda are learned with the network by maximising the ELBO (empirical Bayes; MacKay 1992). An unseen compound or
line has no posterior and keeps its prior, so its epistemic variance is that among the compounds or lines that were
trained on. The mean is linear in w and v and bilinear in u and g, which the guide holds for independent: the predictive
moments are exact.

The guide is normal: full covariance, diagonal or low rank for w; diagonal for v, whose regressors are principal
components and so nearly orthogonal; and for u and g the correlations that their exact posteriors have at the start,
with free means and scales, for few drugs hardly identify a line's factors. An SD of u is a share of its prior SD:
what was measured of a line never makes it less certain than a line of which nothing is known.

Where the model is to serve new lines, each step masks half of its lines, whose rows are taken as if nothing else were
known of them: u is left out of their mean and of the divergence, and its prior variance is added. Without that, u
would explain all lines that there are, and nothing would be learned for those that are not. Their residuals are
leave-one-out residuals. v, u, the loadings and their scales stay where the start found them: leaving out is exact in
the ridge's slopes, and u's scale is that of leave-one-out residuals.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from bdrp.features.batch import Inputs
from bdrp.inference.hierarchical.likelihood import Likelihood, NoiseDistribution, Responses
from bdrp.inference.hierarchical.predictor import Terms, Weights, add_loadings, predict
from bdrp.model.network import Encoded, Network, PairFeatures

USUAL_NOISE = 0.5  # chosen: the SD of a compound's own log noise about the network's


class Block(NamedTuple):
    """GridChunk of the grid: `n` responses of B lines.

    Attributes:
        lines: (B,) positions in the inputs.
        line: (n,) positions among `lines`. drug: (n,) positions in the inputs.
        seen: (n,) standardised responses with their limits.
        masked: (n,) rows that are taken as if nothing else were known of their line.
        leverage: (n,) of each row in the ridge of its compound; see `initialisation.ridge`.
            0 where the slopes were not fitted to these rows.
        linear: (n,) the ridge's mean of each row, where slopes have a posterior that stays as it was found: masked rows
            are then scored by the prediction from the others, whose variance includes that of the slopes. None where
            slopes are points: the noise has to include their error too.
    """

    lines: Tensor
    line: Tensor
    drug: Tensor
    seen: Responses
    masked: Tensor
    leverage: Tensor | float = 0.0
    linear: Tensor | None = None

    @property
    def unmasked(self) -> Tensor:
        """(B,) lines of which no row is masked: those whose rows inform their own u."""
        masked = torch.zeros(len(self.lines), device=self.line.device)
        return masked.index_add(0, self.line, self.masked.to(masked)) == 0


class Rows(NamedTuple):
    """Mean and noise of n rows.

    Attributes:
        mean, log_sd: (n,) mean and log SD of the noise.
        new_mean, new_log_sd: (n,) the same if the line were new, none of its rows known.
    """

    mean: Tensor
    log_sd: Tensor
    new_mean: Tensor
    new_log_sd: Tensor


class LastLayer(nn.Module):
    """Network and priors: the Pyro model.

    Args:
        network: deterministic.
        likelihood: of a response.
        sizes: C compounds, L lines, K components.
        responses: how many there are to train on; a block's are scaled up to them.
    """

    weight_scale: Tensor

    def __init__(self, network: Network, likelihood: Likelihood, sizes: tuple[int, int, int], responses: int) -> None:
        super().__init__()
        self.network = network
        self.law = NoiseDistribution(likelihood)  # the name that its tensor is saved under
        (self.compounds, self.lines, components), self.responses = sizes, responses
        size = network.size
        self.mu = nn.Parameter(torch.zeros(()))
        self.noise = nn.Parameter(torch.tensor([-0.9, 0.0, 0.0]))
        self.compound_noise = nn.Parameter(torch.zeros(self.compounds, 3))
        # Starting points only: an intercept a compound explains most of a screen, a single component little.
        self.log_compound_scale = nn.Parameter(_logs(0.8, 0.02, components))
        self.log_slope_scale = nn.Parameter(torch.zeros(self.compounds))
        self.log_line_scale = nn.Parameter(_logs(0.2, 0.1, size.factors))
        self.register_buffer("weight_scale", torch.ones(size.pair_width))

    @property
    def noise_distribution(self) -> NoiseDistribution:
        """Of a response about the linear predictor; `noise` and `compound_noise` are coefficients of its log SD."""
        return self.law

    def prior_scales(self) -> list[nn.Parameter]:
        """The prior scales that empirical Bayes learns; a point estimate must leave them alone."""
        return [self.log_compound_scale, self.log_slope_scale, self.log_line_scale]

    def terms(self, encoded: Encoded, inputs: Inputs, lines: Tensor, line: Tensor, drug: Tensor) -> Terms:
        """Terms of the pairs (lines[line[n]], drug[n])."""
        pair: PairFeatures = self.network.pairs(encoded, line, drug)
        return Terms(
            pair.features,
            self.regressors(inputs.components[lines]),
            self.by_line(encoded),
            self.mu + pair.offset,
            self.mu + pair.own,
            self._noise(pair, self._own_noise(inputs), drug),
        )

    def by_line(self, encoded: Encoded) -> Tensor:
        """(D, 1 + R) what u multiplies, as far as it is predicted from structure."""
        return _with_one(encoded.drugs.factors)

    def regressors(self, components: Tensor) -> Tensor:
        """(L, 1 + K) what v multiplies, from components (L, K), which count for nothing without a linear path."""
        return _with_one(components if self.network.size.has_slopes else torch.zeros_like(components))

    def regressor_variance(self, inputs: Inputs) -> Tensor | None:
        """(L, 1 + K) variances of the regressors, None where all are known; the one is."""
        if inputs.unknown is None or not self.network.size.has_slopes:
            return None
        return nn.functional.pad(inputs.unknown, (1, 0))

    def draw_regressors(self, terms: Terms, variance: Tensor | None, draws: int) -> Terms:
        """Terms with S draws of regressors (S, L, 1 + K) whose variances are these, from torch's random state."""
        if variance is None:
            return terms
        noise = torch.randn(draws, *variance.shape, device=variance.device)
        return terms._replace(by_compound=torch.addcmul(terms.by_compound, variance.sqrt(), noise))

    def _own_noise(self, inputs: Inputs) -> Tensor:
        """(D, 3) coefficients of the drugs' own log noise.

        An assay that was not trained on has those that are usual in its laboratory; 0 where there is one alone.
        """
        own, elsewhere = select_trained(self.compound_noise, inputs.drug_effect), inputs.relations.elsewhere
        if not elsewhere.any():
            return own
        near = 1 - elsewhere
        usual = near @ self.compound_noise / near.sum(1, keepdim=True).clamp(min=1)
        return torch.where((inputs.drug_effect >= 0)[:, None], own, usual)

    def _noise(self, pair: PairFeatures, of_drugs: Tensor, drug: Tensor) -> Tensor:
        """(n, 3) coefficients of the log noise, as far as the likelihood lets it vary."""
        if self.noise_distribution.likelihood.noise == "constant":
            return torch.cat([self.noise[:1], self.noise.new_zeros(2)]).expand(len(drug), 3)
        own = (self.noise + of_drugs).index_select(0, drug)
        if self.noise_distribution.likelihood.noise == "drug":
            return torch.cat([own[:, :1] + pair.drug_noise[:, None], torch.zeros_like(own[:, 1:])], dim=1)
        return own + pair.noise

    def compound_scale(self, compound: Tensor) -> Tensor:
        """Prior SDs of v, (n, 1 + K), for compounds (n,), -1 for an unseen one: lambda, its slopes stretched by tau."""
        typical = (2 * self.log_slope_scale).exp().mean().sqrt()
        stretch = torch.where(compound >= 0, self.log_slope_scale.exp()[compound.clamp(min=0)], typical)
        scale = self.log_compound_scale.exp()
        return torch.cat([scale[:1].expand(len(compound), 1), stretch[:, None] * scale[1:]], dim=1)

    def row_moments(self, inputs: Inputs, block: Block, weights: Weights) -> Rows:
        """Mean and noise of a block's rows given weights of C compounds and its B lines."""
        encoded = self.network.encode(inputs, block.lines)
        return self.row_moments_of_terms(
            self.terms(encoded, inputs, block.lines, block.line, block.drug), inputs, block, weights
        )

    def row_moments_of_terms(self, terms: Terms, inputs: Inputs, block: Block, weights: Weights) -> Rows:
        """The same from terms."""
        v, loadings = (select_trained(table, inputs.drug_effect) for table in (weights.v, weights.loadings))
        predicted = predict(terms, weights._replace(v=v, loadings=loadings), block.line, block.drug)
        by_line = add_loadings(terms.by_line, loadings)
        line_variance = (by_line**2 @ (2 * self.log_line_scale).exp())[block.drug]
        linear = predicted.slopes if block.linear is None else block.linear
        alone = predicted._replace(slopes=linear, factors=torch.zeros_like(predicted.factors))
        new_mean, new_log_sd = self._leave_out(block, alone.mean, terms.log_noise(alone.mean, alone.own), line_variance)
        return Rows(predicted.mean, terms.log_noise(predicted.mean, predicted.own), new_mean, new_log_sd)

    def _leave_out(
        self, block: Block, alone: Tensor, log_noise: Tensor, line_variance: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(n,) leave-one-out mean and log SD of rows of new lines.

        See `HierarchicalRidge.leverage`: without the row the mean moves from its response, and its variance grows.
        """
        total = 0.5 * torch.log((2 * log_noise).exp() + line_variance)
        with torch.no_grad():
            imputed = self.noise_distribution.impute(block.seen, alone, total)
            measured = 1 - imputed.variance * (-2 * total).exp()  # the share of a measurement that a censored row is
            pull = torch.as_tensor(block.leverage / (1 - measured * block.leverage))
        return alone - pull * (imputed.mean - alone), total if block.linear is None else total + 0.5 * pull.log1p()

    def estimates_log_prior(self) -> Tensor:
        """Log density of what is estimated and not drawn: a compound's own noise."""
        return -0.5 * ((self.compound_noise / USUAL_NOISE) ** 2).sum()

    def forward(self, inputs: Inputs, block: Block) -> None:
        """The joint density of a block, scaled to the whole training part."""
        import pyro  # late: predictions need none of it
        from pyro import poutine

        from bdrp.inference.hierarchical.elbo import independent_normals

        w = pyro.sample("w", independent_normals(self.weight_scale))
        with pyro.plate("compounds", self.compounds):
            v = pyro.sample(
                "v", independent_normals(self.compound_scale(torch.arange(self.compounds, device=self.mu.device)))
            )
            loadings = pyro.sample(
                "loadings", independent_normals(torch.ones_like(self.log_line_scale[1:]).expand(self.compounds, -1))
            )
        lines = pyro.plate("lines", self.lines, subsample=inputs.line_effect[block.lines])
        with lines, poutine.mask(mask=block.unmasked):
            u = pyro.sample("u", independent_normals(self.log_line_scale.exp().expand(len(block.lines), -1)))
        rows = self.row_moments(inputs, block, Weights(w, v, loadings, u))
        pyro.factor("estimates", self.estimates_log_prior())
        with pyro.plate("responses", self.responses, subsample=torch.arange(len(block.line), device=self.mu.device)):
            pyro.factor("response", self.log_likelihood(block, rows))

    def log_likelihood(self, block: Block, rows: Rows) -> Tensor:
        """(n,) of a block's rows, those of masked lines as if nothing else were known of them."""
        mean = torch.where(block.masked, rows.new_mean, rows.mean)
        return self.noise_distribution.log_prob(
            block.seen, mean, torch.where(block.masked, rows.new_log_sd, rows.log_sd)
        )


def _with_one(values: Tensor) -> Tensor:
    return torch.cat([values.new_ones(len(values), 1), values], dim=1)


def select_trained(table: Tensor, compound: Tensor) -> Tensor:
    """Rows of the compounds (n,) that were trained on, 0 for the others (-1)."""
    return torch.where((compound >= 0)[:, None], table[compound.clamp(min=0)], 0.0)


def _logs(first: float, rest: float, count: int) -> Tensor:
    """(1 + count,) logarithms; in memory wherever the model is made, for without it torch loads a compiler for them."""
    return torch.tensor([first] + [rest] * count, device="cpu").log()
