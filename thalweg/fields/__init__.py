"""What data is made of: kinds, roles, encodings and the ports that a model is built with."""
