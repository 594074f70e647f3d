"""Where examples come from and how they reach the device: sources, splits, encoded stores, augmentation, batches."""
