"""Studies of methods: comparisons, ablations, transfers to target screens, and replays of a screen in batches."""
