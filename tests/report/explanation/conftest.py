from __future__ import annotations

import pytest

from bdrp.data import splits
from bdrp.explain import Explanation, explain


@pytest.fixture(scope="session")
def found(fit, tiny_screen) -> Explanation:
    """A drug that was trained on and one that was not, on all lines; not to be changed."""
    model = fit(tiny_screen, splits.make(tiny_screen, "both"), recalibration="isotonic")
    unseen = next(drug for drug in tiny_screen.drugs.index if drug not in model.features.drugs.ids)
    genes = list(tiny_screen.expression.columns)
    return explain(model, tiny_screen, drugs=["D001", unseen], gene_sets={"A SET": genes[:10]})
