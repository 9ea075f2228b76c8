"""What this app records."""

ACTIONS = {
    "console.exported": "exported a table of the console",
}
