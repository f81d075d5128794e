"""The one training loop, and the checkpoint that a stopped run resumes from."""
