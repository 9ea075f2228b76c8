"""Tiny named helpers that import nothing of ours."""
