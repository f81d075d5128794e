"""The Bayesian last layer and its hierarchy of compounds and lines: model, guide, and what a fit of them predicts."""
