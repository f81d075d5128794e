from __future__ import annotations

import torch

from bdrp.inference.method import isolate_random_state
from bdrp.inference.network.dropout import keep_dropout_on
from bdrp.model.architecture import Architecture
from bdrp.model.network import Network


def test_a_pass_that_leaves_hidden_genes_out_is_one_that_multiplies_them_by_zero() -> None:
    genes = torch.randn(5, 40, generator=torch.Generator().manual_seed(1))
    with isolate_random_state(), torch.no_grad():
        torch.manual_seed(0)
        network = Network(Architecture(genes=40, pairing="attention", width=8, hidden=8, programmes=4)).eval()
        found = []
        for together in (1, 2):
            torch.manual_seed(3)
            found.append(keep_dropout_on(network, together).lines(genes))
        whole = network.lines(genes)
    for kept, masked, every in zip(*found, whole, strict=True):
        assert torch.allclose(kept, masked, atol=1e-5) and not torch.allclose(kept, every, atol=1e-2)
