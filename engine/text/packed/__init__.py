"""Weights laid out for kernels of our own: in full, or of 8 or 4 bits, which is less to read for every token, at a cost
in accuracy that is measured."""
