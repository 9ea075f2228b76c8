"""The parts of a studio's WebSocket that are its own."""
