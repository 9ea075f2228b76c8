"""Attention on GPUs by Triton kernels that know blocks. Only `launches.py` and `kernels.py` import triton."""
