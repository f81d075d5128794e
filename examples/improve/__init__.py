"""The package bdrp as a model of IMPROVE."""
