"""Views: parse, access, action, render."""
