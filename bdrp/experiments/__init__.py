"""Fitting, saving and using whole models: the only room that joins data, methods and calibration."""
