"""Architectures: one family per file, plain `torch.nn.Module`s built from ports; they know nothing of data, tasks or training."""
