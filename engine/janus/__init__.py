"""Janus: one model that reads pictures and texts, writes texts, and draws pictures token by token."""
