"""What this app records."""

ACTIONS = {
    "usage.exported": "Exported a table of usage",
    "quota.set": "Set a quota",
    "quota.removed": "Removed a quota",
    "price.set": "Set a price",
    "price.removed": "Removed a price",
}
