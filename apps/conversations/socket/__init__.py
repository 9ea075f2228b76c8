"""The parts of a conversation's WebSocket that are its own: its frames, admission, who is here."""
