"""Contracts: what every part must pass, and the same list for anybody's module: `thalweg check-part my_model.py`."""
