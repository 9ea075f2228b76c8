"""LoRA adapters at work: loaded beside a running model, applied to the rows of those who asked for them."""
