"""Faults: one file each; a function of a trace that says what is wrong, or nothing."""
