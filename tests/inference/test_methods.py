"""What every method must do: the checks of `bdrp.testing`; a new file in `bdrp.inference` is held to them as it is."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable

import pytest
import torch

from bdrp.inference import METHODS
from bdrp.inference.method import Method
from bdrp.testing import checking
from bdrp.testing.methods import CHECKS
from bdrp.testing.methods.fits import ON_AN_ACCELERATOR
from bdrp.testing.methods.subject import Check, Subject


@pytest.mark.parametrize("check", CHECKS, ids=checking.sentence)
@pytest.mark.parametrize("name", METHODS.own())
def test_every_method_passes_every_check(name: str, check: Check, subject_of: Callable[[str], Subject]) -> None:
    check(subject_of(name))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
@pytest.mark.parametrize("check", ON_AN_ACCELERATOR, ids=checking.sentence)
@pytest.mark.parametrize("name", METHODS.own())
def test_every_method_passes_every_check_of_an_accelerator(
    name: str, check: Check, subject_of: Callable[[str], Subject]
) -> None:
    check(subject_of(name))


@pytest.mark.parametrize("name", METHODS.own())
def test_a_method_inherits_from_abstract_classes_alone(name: str) -> None:
    method = METHODS.load(name).METHOD
    bases = method.__mro__[1:]  # at most one stands between it and Method, so that it is read in two files
    assert Method in bases[:2] and all(ABC in base.__mro__ for base in bases[: bases.index(Method) + 1])
