"""The page of an ablation: what does each component of a model contribute?"""
