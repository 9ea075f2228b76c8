"""What this app records: which thing was shared, never its title nor the token."""

ACTIONS: dict[str, str] = {
    "share.created": "Made a link that shows something to whoever has it",
    "share.revoked": "Revoked a shared link",
}
