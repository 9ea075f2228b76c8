"""Weights of 8 or 4 bits: less to read for every token, at a cost in accuracy that is measured."""
