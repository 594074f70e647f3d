"""Weights that other programs wrote: looked at in a limited child process, where a pickle is read as text and never run."""
