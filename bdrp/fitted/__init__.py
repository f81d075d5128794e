"""The product: fit a method, keep it as a folder, predict with it."""
