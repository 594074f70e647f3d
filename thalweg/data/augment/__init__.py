"""Augmentation as batched tensor code on the whole global batch, one family per file; randomness only from the position."""
