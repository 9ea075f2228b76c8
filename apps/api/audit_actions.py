"""What this app records: whose token and for which project, never the token, its hash or its name; and
from where unknown ones came."""

ACTIONS = {
    "api.token.created": "Made an API token",
    "api.token.revoked": "Revoked an API token",
    "api.token.guessed": "Sent as many unknown API tokens as one address may; its next ones are refused unread",
}
