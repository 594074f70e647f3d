"""Losses: what an output costs, per example; each is a part in its own file, found by name."""
