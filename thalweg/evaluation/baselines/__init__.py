"""Baselines: the classical models that a net must beat to be worth its cost; one file each."""
