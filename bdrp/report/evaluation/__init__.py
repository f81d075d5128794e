"""The calibration report: are a model's predictive distributions right on the pairs that it never saw?"""
