"""Encoders: one input port as one vector, one file per kind of port; see `layers/encoded.py`."""
