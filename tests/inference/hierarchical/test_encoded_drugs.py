"""Drugs are encoded once, and again where they or the weights are others."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bdrp.inference.method import Runtime


@pytest.fixture
def fit(some_unseen, make_method):
    return make_method("last_layer", epochs=1).fit(some_unseen, Runtime())


def encoded(monkeypatch, fit):
    """A list that grows by one with every pass through the encoder of drugs."""
    passes, forward = [], fit.layer.model.network.drugs.forward
    monkeypatch.setattr(fit.layer.model.network.drugs, "forward", lambda *given: (passes.append(1), forward(*given))[1])
    return passes


def test_the_same_drugs_are_encoded_once(fit, some_unseen, monkeypatch):
    passes = encoded(monkeypatch, fit)
    first = fit.predict(some_unseen.inputs, some_unseen.test)
    again = fit.predict(some_unseen.inputs, some_unseen.test)
    assert len(passes) == 1 and (first.mean == again.mean).all()


def test_other_drugs_are_encoded_anew(fit, some_unseen, monkeypatch):
    passes, inputs = encoded(monkeypatch, fit), some_unseen.inputs
    fit.predict(inputs, some_unseen.test)
    fit.predict(replace(inputs, drug_effect=torch.full_like(inputs.drug_effect, -1)), some_unseen.test)
    other = replace(inputs, molecules=inputs.molecules.select(torch.arange(len(inputs.drug_ids))))
    fit.predict(other, some_unseen.test)
    assert len(passes) == 3


def test_other_weights_encode_anew(fit, some_unseen):
    before = fit.predict(some_unseen.inputs, some_unseen.test).mean
    with torch.no_grad():
        for weight in fit.layer.model.network.drugs.parameters():
            weight.mul_(1.5)
    assert (fit.predict(some_unseen.inputs, some_unseen.test).mean != before).any()
