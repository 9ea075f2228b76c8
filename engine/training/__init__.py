"""Training a small text-to-image model on a folder of pictures with captions, on whatever machine there is."""
