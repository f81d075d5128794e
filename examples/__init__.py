"""Examples, as a package that a clone of bdrp holds: `python -m examples.dreval.tables` runs from its root."""
