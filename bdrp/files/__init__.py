"""The disk: whole files, strict JSON, sealed folders."""
