"""Detectors: one file per defect; each says what it found as findings with rows and a remedy."""
