"""Gaussian-process kernels on the grid of lines and drugs."""
