"""The package bdrp asked over files by programs that live in environments of their own, and what they share."""
