"""Studies of methods: comparisons, ablations, transfers to target screens."""
