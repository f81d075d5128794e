"""A user's own tables: which column is what, which ids join, which layout it is."""
