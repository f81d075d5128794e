from __future__ import annotations

import pytest
import torch

from bdrp import inference
from bdrp.errors import FitError
from bdrp.inference.method import Runtime


def test_auto_takes_a_gpu_where_there_is_one() -> None:
    assert Runtime().torch_device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["gpu", "", "CPU", None, 3.5])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(FitError, match="which torch does not know. Choose auto, cpu or cuda"):
        Runtime(device=device).torch_device  # noqa: B018


@pytest.mark.parametrize("device", ["meta", "mps", "xpu"])
def test_a_device_that_bdrp_does_not_run_on_is_refused(device: str) -> None:
    with pytest.raises(FitError, match=f"device is '{device}'; only a CPU or a CUDA GPU"):
        Runtime(device=device).torch_device  # noqa: B018


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(FitError, match="torch sees no GPU here"):
        Runtime(device="cuda").torch_device  # noqa: B018
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Runtime(device="cuda:1").torch_device == torch.device("cuda:1")
    with pytest.raises(FitError, match="device is 'cuda:2', but torch sees 2 GPUs"):
        Runtime(device="cuda:2").torch_device  # noqa: B018


def test_methods_are_found_by_their_files() -> None:
    assert {"last_layer", "mean_effects"} <= set(inference.names())
    assert not {"method", "training", "hierarchy", "hierarchical_ridge"} & set(inference.names())


@pytest.mark.parametrize("name", ["method", "no_such", "", "../training"])
def test_a_method_that_is_none_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(FitError, match="There is no method .* Choose one of: .*last_layer"):
        inference.make(name)
