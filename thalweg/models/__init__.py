"""Architectures: one family per file, plain modules built from ports; they know nothing of data, tasks or training."""
