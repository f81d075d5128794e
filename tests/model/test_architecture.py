from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from bdrp.errors import FitError
from bdrp.model.architecture import Architecture

SIZES = ("genes", "width", "graph_layers", "hidden", "programmes", "heads", "value_width", "factors")


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", [0, -3, 2.5, float("nan"), float("inf"), True, None, "8"])
def test_a_size_must_be_a_whole_number_from_one(name: str, value: object) -> None:
    with pytest.raises(FitError, match=f"{name} is .*; it must be a whole number, at least 1"):
        Architecture(**({"genes": 5} | {name: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["gene_dropout", "drug_dropout"])
@pytest.mark.parametrize("value", [1.0, -0.1, float("nan"), None, "0.5"])
def test_a_dropout_rate_must_be_below_one(name: str, value: object) -> None:
    with pytest.raises(FitError, match=f"{name} is .*; it must be at least 0 and below 1"):
        Architecture(genes=5, **{name: value})  # type: ignore[arg-type]


def test_no_dropout_and_the_smallest_sizes_are_allowed() -> None:
    size = Architecture(1, 1, 1, 1, 1, 1, 1, 1, 0, 0.0)
    assert (size.context_width, size.pair_width) == (0, 1)


def test_widths_follow_from_the_sizes() -> None:
    size = Architecture(genes=5, width=16, heads=3, value_width=4)
    assert (size.context_width, size.pair_width) == (0, 16)
    for beside in ("attention", "concatenation"):
        size = replace(size, pairing=beside)
        assert (size.context_width, size.pair_width) == (12, 28)


def test_sizes_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Architecture(genes=5).width = 3  # type: ignore[misc]
