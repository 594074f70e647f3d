"""Fit: encode, learn, package. The loop, its listeners and the checkpoints; it compares and reports nothing."""
