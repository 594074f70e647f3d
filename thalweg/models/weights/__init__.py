"""Published weights: one file for each, which declares where they are, what they are for, and what their tensors are called."""
