"""Classical models as fitted arrays: evaluated here, fitted in `evaluation/baselines`, shipped in packages without pickle."""
