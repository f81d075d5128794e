from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from bdrp.data.screen import Screen
from bdrp.features.batch import Batch
from bdrp.inference.method import Runtime
from bdrp.inference.ridge import PENALTIES, RidgeFit, RidgeMethod


@pytest.fixture
def made(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> Batch:
    unseen = tiny_screen.responses["cell_line_id"].isin(tiny_screen.expression.index[::4])
    return make_batch(tiny_screen, np.where(unseen, "test", "train"))


def test_it_is_scikit_learns_ridge_on_the_genes_at_one_of_the_penalties(made: Batch) -> None:
    fitted = RidgeMethod().fit(made, Runtime())
    features, rows = made.features, made.train
    response = ((rows.response - features.response_mean) / features.response_std).numpy()
    genes, compound = made.inputs.genes.numpy().astype(float), made.inputs.drug_effect[rows.drug].numpy()
    for c in range(len(features.compounds)):
        of = np.flatnonzero(compound == c)
        line = rows.line.numpy()[of]
        own = fitted.state()["slopes"][c].numpy()
        candidates = [Ridge(alpha).fit(genes[line], response[of]).coef_ for alpha in PENALTIES]
        assert min(np.abs(own - candidate).max() for candidate in candidates) < 1e-5


def test_a_compound_with_few_responses_gets_its_mean(made: Batch) -> None:
    pred = RidgeMethod(fewest=10_000).fit(made, Runtime()).predict(made.inputs, made.train)
    for drug in made.train.drug.unique():
        rows = (made.train.drug == drug).numpy()
        assert pred.mean[rows] == pytest.approx(made.train.response.numpy()[rows].mean(), abs=1e-5)


def test_an_unseen_drug_gets_the_average_of_the_others(tiny_screen: Screen, make_batch: Callable[..., Batch]) -> None:
    new = (tiny_screen.responses["drug_id"] == "D003").to_numpy()
    batch = make_batch(tiny_screen, np.where(new, "test", "train"))
    fitted: RidgeFit = RidgeMethod().fit(batch, Runtime())
    pred = fitted.predict(batch.inputs, batch.test)
    state = fitted.state()
    each = batch.inputs.genes[batch.test.line].double() @ state["slopes"].double().T + state["intercepts"].double()
    expected = batch.features.response_mean + batch.features.response_std * each.mean(1)
    assert pred.mean == pytest.approx(expected.numpy(), abs=1e-4)
    assert pred.epistemic == pytest.approx(batch.features.response_std**2 * each.var(1, correction=0).numpy(), rel=1e-3)


def test_an_unseen_id_borrows_from_the_ids_of_its_compound(twins: Batch) -> None:
    fitted, inputs, features = RidgeMethod().fit(twins, Runtime()), twins.inputs, twins.features
    pred, third = fitted.predict(inputs, twins.test), np.asarray(inputs.drug_ids)[twins.test.drug.numpy()] == "third"
    state = {name: part.double().numpy() for name, part in fitted.state().items()}
    each = inputs.genes[twins.test.line].double().numpy() @ state["slopes"].T + state["intercepts"]
    own = [features.drugs.ids.index(drug) for drug in (inputs.drug_ids[0], "twin")]
    level = state["intercepts"]
    share = 1 - (((level[own] - level[own].mean()) ** 2).sum() / level.var() + 0.15) / 2
    told = share / (share + (1 - share) / 2)
    expected = each.mean(1) + told * (each[:, own].mean(1) - each.mean(1))
    mean = features.response_mean + features.response_std * expected
    assert pred.mean[third] == pytest.approx(mean[third], abs=1e-4)
    variance = features.response_std**2 * each.var(1)
    assert pred.epistemic[third] == pytest.approx((variance * (1 - share * told))[third], rel=1e-3)
    assert pred.epistemic[~third] == pytest.approx(variance[~third], rel=1e-3)
