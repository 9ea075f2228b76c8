"""The engine: text and image models on one device. Pure Python and torch; knows nothing of the site around it."""
