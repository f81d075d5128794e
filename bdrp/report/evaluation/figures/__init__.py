"""The figures of the calibration report, one file each: each states its claim in words and says how to read it."""
