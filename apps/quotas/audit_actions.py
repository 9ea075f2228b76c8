"""What this app records."""

ACTIONS = {
    "quota.set": "Set a quota",
    "quota.removed": "Removed a quota",
    "price.set": "Set a price",
    "price.removed": "Removed a price",
}
