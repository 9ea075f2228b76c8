"""What this app records."""

ACTIONS = {
    "audit.viewed": "Read the audit log",
    "access.denied": "Was refused",
}
