"""The training doctor: a recorder that reads how a net learns, and faults that judge what it read.

`recorder.py` keeps a trace by hooks, in any torch loop; a trace is JSON; each file of `faults/` is a function of a trace alone.
"""
