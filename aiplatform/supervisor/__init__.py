"""Keeps a whole site up on one machine: servers, web process and worker, from the first start to Ctrl-C.

Imports no Django: it must come up before there is a database to speak of.
"""
