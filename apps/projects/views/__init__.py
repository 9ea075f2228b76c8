"""Pages of projects: parse, access, action, render."""
