"""Decoder layers compiled ahead: what lies between attention and the matrices becomes a few loops of machine code.

One graph serves all layers of a kind and any number of rows. It is made in a process of its own at the first load, kept
in a cache folder, and only read from then on (docs/decisions/0022-compile.md).
"""
