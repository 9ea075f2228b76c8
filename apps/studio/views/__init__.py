"""What the addresses of the studio answer."""
