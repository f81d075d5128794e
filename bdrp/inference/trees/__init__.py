"""What methods of trees are made of: their regressors, and forests as plain arrays."""
