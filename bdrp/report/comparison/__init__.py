"""The page of a comparison: which method is better on which split, on what evidence, and at what cost."""
