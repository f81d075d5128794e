"""Studies of methods: comparisons, ablations, transfers to other laboratories."""
