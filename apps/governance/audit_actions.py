"""What this app records."""

ACTIONS: dict[str, str] = {}
