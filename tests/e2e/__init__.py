"""The whole site in a real browser: `make up` on one side, chromium on the other, nothing in between replaced."""
