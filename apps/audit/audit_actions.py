"""What this app records."""

ACTIONS = {
    "audit.viewed": "Read the audit log",
    "audit.exported": "Exported the audit log",
    "audit.erased": "Erased a person's data from the audit log",
    "audit.key.created": "Made a new key that signs the audit log",
    "access.denied": "Was refused",
}
