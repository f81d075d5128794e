"""Deterministic networks: graph encoder, expression encoder, cross-attention and heads. No Pyro."""
