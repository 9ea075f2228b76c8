"""What rounded weights cost in accuracy, measured beside full ones on a fixed text and fixed prompts.

`engine.quality.process` runs it in a child process and imports no torch.
"""
