"""Checks: what is wrong with the data, before anything learns from them; one file per defect."""
