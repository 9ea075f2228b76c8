"""What this app records: whose token and for which project, never the token, its hash or its name."""

ACTIONS = {
    "api.token.created": "Made an API token",
    "api.token.revoked": "Revoked an API token",
}
