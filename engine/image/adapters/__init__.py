"""LoRA adapters at work on pictures: loaded beside a pipeline, applied to the rows of those who asked for them."""
