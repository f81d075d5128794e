"""Layouts of wells, one a file: how each is recognised by its columns, and how it is read."""
