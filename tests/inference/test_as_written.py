"""How methods and fits are written: nothing that is inherited is overridden, and nothing is asked for by `getattr`."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import bdrp.inference


def test_no_class_overrides_a_method_that_another_has_written() -> None:
    """Abstract or final: what a class inherits is either empty or kept."""
    wrong = []
    for module in pkgutil.walk_packages(bdrp.inference.__path__, "bdrp.inference."):
        for kind in vars(import_module(module.name)).values():
            if not (inspect.isclass(kind) and kind.__module__ == module.name):
                continue
            for base in kind.__mro__[1:]:
                if not base.__module__.startswith("bdrp.") or getattr(base, "_is_protocol", False):
                    continue
                written = {n for n, v in vars(base).items() if not n.startswith("__") and is_written(v)}
                wrong += [f"{kind.__qualname__}.{n} of {base.__qualname__}" for n in written & set(vars(kind))]
    assert not wrong


def is_written(member: object) -> bool:
    """A method or property with a body."""
    inner = getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
    return inspect.isfunction(inner) and not getattr(inner, "__isabstractmethod__", False)


def test_nothing_asks_a_fit_or_a_method_for_what_it_may_not_have() -> None:
    """No `getattr` on a fit, a method or a layer, and none of them is `Any`: attributes and protocols say what is."""
    import bdrp

    wrong = []
    for module in pkgutil.walk_packages(bdrp.__path__, "bdrp."):
        if module.name.endswith("__main__"):
            continue
        path = inspect.getsourcefile(import_module(module.name))
        assert path is not None
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr"
            if named and node.args and ast.unparse(node.args[0]) in OF_FITS:
                wrong.append(f"{module.name}: {ast.unparse(node)}")
            if isinstance(node, ast.arg | ast.AnnAssign):
                name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
                if name in OF_FITS and node.annotation is not None and ast.unparse(node.annotation) == "Any":
                    wrong.append(f"{module.name}: {name}: Any")
    assert not wrong


OF_FITS = ("fit", "fitted", "training", "method", "layer", "self.fitted", "self.model.fitted")
