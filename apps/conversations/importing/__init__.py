"""Conversations from files: what we export ourselves, and what ChatGPT and Open WebUI do. All of a file is data."""
