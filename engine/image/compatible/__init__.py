"""The compatible lane: diffusers' pipelines that the engine's own loop has no family for, called as a whole, a picture
after the other. Right, and slower."""
