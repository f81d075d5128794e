"""The pictures of the report, one file each; every picture states its claim in words and says how to read it."""
