"""One kind of data per file: how raw values become tensors, and tensors raw values again."""
