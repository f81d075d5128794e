"""The network with a part replaced or left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from bdrp.errors import FitError
from bdrp.features.batch import Inputs
from bdrp.features.molecules import MoleculeGraphs
from bdrp.model.architecture import CHOICES, Architecture
from bdrp.model.network import Network, PairFeatures

LINE, DRUG = torch.tensor([0, 1, 4, 4, 2, 0]), torch.tensor([6, 0, 3, 3, 5, 1])
KNOWN = torch.tensor([0, 1, 2, -1, 0, 1, 2])  # seven molecules, three trained compounds, one of them new
VARIANTS = [{name: choice} for name, choices in CHOICES.items() for choice in choices[1:]]


def made(size: Architecture, **parts: Any) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(replace(size, compounds=3, **parts))
        for parameter in network.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def score(network: Network, inputs: Inputs) -> PairFeatures:
    return network.pairs(network.encode(replace(inputs, drug_effect=KNOWN)), LINE, DRUG)


@pytest.mark.parametrize("parts", VARIANTS, ids=str)
def test_features_keep_their_shape_and_a_gradient_reaches_every_weight_in_use(
    parts: dict[str, Any], size: Architecture, inputs: Inputs
) -> None:
    network = made(size, **parts)
    scored = score(network, inputs)
    assert scored.features.shape == (6, size.pair_width)
    assert all(torch.isfinite(part).all() for part in scored)
    encoded = network.encode(replace(inputs, drug_effect=KNOWN))
    sum(part.square().sum() for part in (*scored, encoded.drugs.factors)).backward()
    without = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    unseen = {"lines.linear.weight", "lines.perceptron.0.weight", "lines.programmes.weight"}
    assert without - {"drugs.ask.bias"} == (unseen if parts == {"expression": "ignored"} else set())


@pytest.mark.parametrize("parts", VARIANTS, ids=str)
def test_features_of_the_whole_grid_are_those_of_its_pairs(
    parts: dict[str, Any], size: Architecture, inputs: Inputs
) -> None:
    network = made(size, **parts)
    encoded, grid = (
        network.encode(replace(inputs, drug_effect=KNOWN)),
        torch.cartesian_prod(torch.arange(5), torch.arange(7)),
    )
    whole = network.pairs(encoded, grid[:, 0], grid[:, 1])
    for together, apart in zip(whole, network.pairs(encoded, LINE, DRUG), strict=True):
        assert torch.allclose(together[7 * LINE + DRUG], apart, atol=1e-5)


@pytest.mark.parametrize("encoder", ["fingerprint", "one_hot"])
def test_without_a_graph_atoms_say_nothing(encoder: str, size: Architecture, inputs: Inputs) -> None:
    network = made(size, drug_encoder=encoder)
    other = replace(inputs.molecules, atoms=torch.zeros_like(inputs.molecules.atoms))
    blind = replace(inputs, molecules=other)
    assert torch.equal(score(network, inputs).features, score(network, blind).features)


def test_a_one_hot_drug_is_known_by_its_place_and_a_new_one_is_the_mean(
    size: Architecture, drugs: MoleculeGraphs
) -> None:
    encoder = made(size, drug_encoder="one_hot").drugs
    states = encoder(drugs, KNOWN).summary
    assert torch.equal(states[0], states[4])
    assert not torch.allclose(states[0], states[1])
    assert torch.allclose(states[3], encoder.mix(encoder.one_hot.mean(0)))
    with pytest.raises(FitError, match="and compounds is None"):
        encoder(drugs)


def test_without_expression_all_lines_are_alike(size: Architecture, inputs: Inputs) -> None:
    states = made(size, expression="ignored").encode(inputs).lines
    assert torch.equal(states.state, states.state[:1].expand(5, -1))
    assert torch.equal(states.activity, states.activity[:1].expand(5, -1))


def test_what_is_left_out_takes_no_weights(size: Architecture) -> None:
    names = {name for name, _ in made(size, pairing="concatenation", linear_path="ignored").named_parameters()}
    assert not [name for name in names if "attention" in name or "programmes" in name or "linear." in name]
    assert any(name.startswith("concatenation") for name in names)
    assert not any("concatenation" in name for name, _ in made(size).named_parameters())
    alone = {name for name, _ in made(size, pairing="product").named_parameters()}
    assert not [name for name in alone if any(part in name for part in ("attention", "concatenation", "programmes"))]


def test_a_product_alone_is_what_attention_stands_beside(size: Architecture, inputs: Inputs) -> None:
    network, (line, drug) = made(size, pairing="product"), (torch.tensor([0, 4]), torch.tensor([6, 1]))
    encoded = network.encode(inputs)
    features = network.pairs(encoded, line, drug).features
    assert torch.equal(features, encoded.drugs.state[drug] * encoded.lines.state[line])


@pytest.mark.parametrize("name", CHOICES)
def test_a_part_that_there_is_not_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(FitError, match=f"{name} is 'magic'; it must be {CHOICES[name][0]}"):
        Architecture(genes=5, **{name: "magic"})  # type: ignore[arg-type]
