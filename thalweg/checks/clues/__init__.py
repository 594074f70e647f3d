"""Clues: what quick models read of each kind, to find labels that contradict it and parts that differ; one file per kind."""
