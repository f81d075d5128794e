"""A regressor's mean with a noise and with the variance of what is new, both learned on rows that it had not seen.

A row a pair has the leading components of the line's expression, the principal coordinates of the drug's fingerprint
and its physico-chemical descriptors. With f fitted to all training rows,

    mean = f(x) + shift of the drug id,
    aleatoric = out-of-fold squared errors: of all, averaged a drug, or ((q95 - q05) / 3.29)^2 of their quantiles at x,
    epistemic = what an unseen drug, an unseen line and an unseen id of a compound add.

A regressor does not say what it does not know, so it is measured: it is fitted without a third of the drugs and of the
lines, and the variance of an unseen one is by how much the squared errors there exceed the out-of-fold ones.

No estimator is written to a model folder, for that would be code. The folder keeps the rows, each line and each drug
once, and the seed; to load it is to fit again, and rows whose predictions were kept say whether the estimator is the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bdrp.errors import FitError, ModelFolderError
from bdrp.features.batch import Batch, Features
from bdrp.inference.method import Method, Runtime, require_at_least
from bdrp.inference.scikit_learn import errors
from bdrp.inference.scikit_learn.estimators import fit_clone
from bdrp.inference.scikit_learn.fitted import SklearnFit
from bdrp.inference.scikit_learn.table import Rows
from bdrp.inference.trees.regressors import Regressors


@dataclass(frozen=True)
class SklearnMethod(Method):
    """What `from_sklearn` makes subclasses of.

    Attributes:
        estimator: which regressor, for the record; another one is another file.
        noise: likewise.
        components: of expression, at most those of the batch. coordinates: of the fingerprint.
        folds: in which errors are measured.
    """

    template: ClassVar[Any] = None
    noise_template: ClassVar[Any] = "drug"

    estimator: str = ""
    noise: str = "drug"
    components: int = 50
    coordinates: int = 24
    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse options that cannot be.

        Raises:
            FitError: naming the option, what it was and what it may be.
        """
        require_at_least(self, components=1, coordinates=1, folds=2)
        for option in ("estimator", "noise"):
            given, own = getattr(self, option), getattr(type(self), option)
            if given != own:
                raise FitError(
                    f"{option} is {given!r}; in {self.name} it is {own!r}, and cannot be changed. Leave it out, or "
                    "make another method with bdrp.from_sklearn."
                )

    def fit(self, batch: Batch, runtime: Runtime) -> SklearnFit:
        """Fit the regressor, and measure its errors; see `Method.fit`."""
        features, inputs = batch.features, batch.inputs
        columns = Regressors.of(batch, min(self.components, features.components), self.coordinates)
        rows = Rows.of(columns, inputs, batch.train, columns.response(inputs, batch.train, features))
        template, seed = self.template, runtime.seed
        left_out = errors.out_of_fold(template, rows, self.folds, seed)
        drug = inputs.drug_effect[batch.train.drug].numpy()
        tensors = {
            **rows._asdict(),
            "loadings": columns.loadings,
            "shift": columns.shift,
            "seed": torch.tensor(seed),
            "noise": errors.noise_by_drug(left_out, drug, len(features.compounds), self.noise_template),
            "unseen": errors.of_the_unseen(template, rows, np.asarray(features.compounds)[drug], left_out, seed),
        }
        if not isinstance(self.noise_template, str):
            tensors["left_out"] = torch.from_numpy(left_out)
        fitted = self._fitted(features, tensors)
        fitted.tensors["expected"] = torch.from_numpy(fitted.predict_some())
        return fitted

    def restore(self, features: Features, state: Mapping[str, Tensor]) -> SklearnFit:
        """Fit again on the rows that were kept; see `Method.restore`."""
        fault = self._fault(features, state)
        if fault:
            raise ModelFolderError(
                f"The tensors of {self.name} are not rows and a noise: {fault}. The folder was altered. Fit again, or "
                "restore it."
            )
        fitted = self._fitted(features, dict(state))
        fitted.require_same()
        return fitted

    def _fitted(self, features: Features, tensors: dict[str, Tensor]) -> SklearnFit:
        rows, seed = Rows(*(tensors[name] for name in Rows._fields)), int(tensors["seed"])
        table, quantiles = rows.table, ()
        mean = fit_clone(self.template, table, rows.response.numpy(), seed)
        if not isinstance(self.noise_template, str):
            left_out = tensors["left_out"].numpy()
            levels = errors.QUANTILE_LEVELS
            quantiles = tuple(fit_clone(self.noise_template, table, left_out, seed, level) for level in levels)
        return SklearnFit(features, tensors, mean, quantiles)

    def _fault(self, features: Features, state: Mapping[str, Tensor]) -> str:
        """What is wrong with saved tensors; "" if nothing."""
        wanted = self._shapes(features, state)
        seen = {name: tuple(tensor.shape) for name, tensor in state.items()}
        if seen != wanted:
            return f"their shapes are {seen}, where {wanted} are needed"
        for index, of in (("line", "lines"), ("drug", "drugs")):
            if not bool(((state[index] >= 0) & (state[index] < len(state[of]))).all()):
                return f"{index} names rows that {of} lacks"
        if not (bool((state["noise"] > 0).all()) and bool((state["unseen"] >= 0).all())):
            return "a variance is below 0"
        return "" if all(bool(torch.isfinite(one).all()) for one in state.values()) else "some are not finite"

    def _shapes(self, features: Features, state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
        """What a state of as many rows, lines and drugs holds."""
        count, lines, drugs = (len(state[name]) if name in state and state[name].ndim else 0 for name in _COUNTED)
        width = errors.width(min(self.components, features.components), self.coordinates)
        shapes: dict[str, tuple[int, ...]] = {
            "lines": (lines, width.line),
            "drugs": (drugs, width.drug),
            **dict.fromkeys(("line", "drug", "response"), (count,)),
            "loadings": width.loadings,
            **dict.fromkeys(("shift", "noise"), (len(features.compounds),)),
            "seed": (),
            "unseen": (2,),
            "expected": (min(count, errors.KEPT),),
        }
        return shapes if isinstance(self.noise_template, str) else shapes | {"left_out": (count,)}


_COUNTED = ("response", "lines", "drugs")
