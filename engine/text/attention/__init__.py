"""Attention over the paged key/value cache, hooked into transformers' modelling code."""
