"""What LoRA adapters of texts and of pictures have in common once they are at work: loading, numbers, hooks."""
