"""A little of everything in a running site, for those who look: people, access, prompts, usage, reports."""
