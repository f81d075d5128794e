"""The page of a transfer: does a model of one screen hold in others, and what are a few labelled pairs worth?"""
