"""The page of an ablation: what does each part of a model contribute?"""
