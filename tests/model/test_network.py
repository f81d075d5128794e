from __future__ import annotations

from dataclasses import replace

import torch

from bdrp.features.batch import Inputs
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network, PairFeatures

LINE, DRUG = torch.tensor([0, 1, 4, 4, 2, 0]), torch.tensor([6, 0, 3, 3, 5, 1])


def score(network: Network, inputs: Inputs) -> PairFeatures:
    return network.pairs(network.encode(inputs), LINE, DRUG)


def test_drug_line_and_pair_states_have_the_shapes_they_promise(
    network: Network, inputs: Inputs, size: Architecture
) -> None:
    states, lines = network.encode(inputs)
    assert states.state.shape == states.summary.shape == (7, size.width)
    assert states.gate.shape == (7, size.context_width) and states.factors.shape == (7, size.factors)
    assert states.offset.shape == states.slope.shape == (7, size.heads, size.programmes)
    assert lines.state.shape == (5, size.width) and lines.activity.shape == (5, size.programmes)
    assert lines.activity.abs().max() < 1
    scored = score(network, inputs)
    assert scored.features.shape == (6, size.pair_width) and scored.offset.shape == (6,)
    assert all(len(part) == 6 and part.dtype == torch.float32 and torch.isfinite(part).all() for part in scored)


def test_pairs_scored_apart_agree_with_pairs_scored_together(network: Network, inputs: Inputs) -> None:
    together = score(network, inputs)
    encoded = network.encode(inputs)
    for row in range(len(LINE)):
        alone = network.pairs(encoded, LINE[row : row + 1], DRUG[row : row + 1])
        for whole, one in zip(together, alone, strict=True):
            assert torch.allclose(whole[row], one[0], atol=1e-5)


def test_a_pair_does_not_depend_on_the_company_it_is_encoded_in(network: Network, inputs: Inputs) -> None:
    together = score(network, inputs)
    zero = torch.zeros(1, dtype=torch.int64)
    for row, (line, drug) in enumerate(zip(LINE, DRUG, strict=True)):
        alone = replace(
            inputs,
            molecules=inputs.molecules.select(drug[None]),
            lines={"expression": inputs.genes[line][None]},
            drug_effect=inputs.drug_effect[drug][None],
        )
        encoded = network.encode(alone)
        for whole, one in zip(together, network.pairs(encoded, zero, zero), strict=True):
            assert torch.allclose(whole[row], one[0], atol=1e-5)


def test_some_of_the_lines_are_encoded_as_they_are_among_all(network: Network, inputs: Inputs) -> None:
    some = torch.tensor([4, 1])
    for part, whole in zip(network.encode(inputs, some).lines, network.encode(inputs).lines, strict=True):
        assert torch.allclose(part, whole[some], atol=1e-6)


def test_permuting_pairs_permutes_their_features(network: Network, inputs: Inputs) -> None:
    encoded, order = network.encode(inputs), torch.tensor([5, 3, 1, 0, 2, 4])
    for whole, shuffled in zip(score(network, inputs), network.pairs(encoded, LINE[order], DRUG[order]), strict=True):
        assert torch.allclose(whole[order], shuffled, atol=1e-6)


def test_each_encoder_runs_once_for_all_pairs(network: Network, inputs: Inputs) -> None:
    calls: list[tuple[str, int]] = []
    network.drugs.register_forward_hook(lambda module, args, out: calls.append(("drugs", len(args[0]))))
    network.lines.register_forward_hook(lambda module, args, out: calls.append(("lines", len(args[0]))))
    score(network, inputs)
    assert calls == [("drugs", 7), ("lines", 5)]


def test_a_gradient_reaches_every_parameter(network: Network, inputs: Inputs) -> None:
    network.train()
    encoded = network.encode(inputs)
    parts = (*network.pairs(encoded, LINE, DRUG), encoded.drugs.factors)
    sum(part.square().sum() for part in parts).backward()
    without = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    # a bias in front of a softmax over its own axis cancels
    assert [name for name in without if name != "drugs.ask.bias"] == []


def test_evaluation_is_deterministic_and_training_drops_genes(network: Network, inputs: Inputs) -> None:
    one, two = score(network, inputs), score(network, inputs)
    assert all(torch.equal(left, right) for left, right in zip(one, two, strict=True))
    network.train()
    assert not torch.equal(score(network, inputs).features, score(network, inputs).features)


def test_a_new_network_starts_without_offset(size: Architecture, inputs: Inputs) -> None:
    fresh = Network(size).eval()
    scored = score(fresh, inputs)
    assert not scored.offset.any() and scored.features.any()


def test_weights_are_single_precision(network: Network) -> None:
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_a_small_network_overfits_32_pairs(inputs: Inputs) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(Architecture(20, 16, 2, 16, 6, 2, 3, 2, gene_dropout=0, drug_dropout=0))
        weigh = torch.nn.Linear(network.size.pair_width, 1)
        pairs = torch.cartesian_prod(torch.arange(5), torch.arange(7))[:32]
        wanted = torch.randn(32)
        network.lines.perceptron[2].p = 0
        optimiser = torch.optim.Adam([*network.parameters(), *weigh.parameters()], lr=1e-2)
        for _ in range(400):
            scored = network.pairs(network.encode(inputs), pairs[:, 0], pairs[:, 1])
            loss = (scored.offset + weigh(scored.features)[:, 0] - wanted).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    assert loss < 0.02 * wanted.var()
