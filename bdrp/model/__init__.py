"""Deterministic networks: graph encoder, expression encoder, what pairs them, and heads. No Pyro."""
