"""A little of everything in a running site, for those who look at its pages: people, access, prompts, usage, reports."""
