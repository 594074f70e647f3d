"""Sameness: when two values of a kind are the same, as one number for each row; one file per kind."""
