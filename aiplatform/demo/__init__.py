"""A scripted person: signs up over HTTP, sends a prompt and reads the answer off the WebSocket, as a browser would.

Knows nothing of the site's inside: only addresses, forms and the socket protocol.
"""


class DemoFailed(Exception):
    """What went wrong, in a sentence."""
