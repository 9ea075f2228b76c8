"""The compatible lane: causal language models that the engine's own cache doesn't know, run by transformers' own cache,
one sequence after the other. Right, and slower."""
