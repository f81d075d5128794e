"""The disk: where a result may go, whole files, strict JSON, tables, sealed folders."""
