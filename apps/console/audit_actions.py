"""What this app records."""

ACTIONS = {
    "console.exported": "exported a table of the console",
    "person.viewed": "looked at what a person may do",
}
