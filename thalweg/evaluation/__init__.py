"""Evaluation: how good a model is, how sure that is, and whether a simpler model does as well."""
