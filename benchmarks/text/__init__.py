"""The text engine beside what one would use otherwise. See __main__.py."""
