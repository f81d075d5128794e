"""Screen and split -> tensors; everything that is estimated is estimated on training keys."""
