"""Metrics: how good predictions are, from one row of statistics per example; each is a part in its own file."""
