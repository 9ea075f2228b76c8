"""Decoder layers of Llama's kind in few, large kernels, for GPUs. Only `kernels.py` imports triton."""
