"""Measures: what can be told of rich values in one number each, by which parts are compared; one file per kind."""
