"""The parts of a conversation's WebSocket: frames in, frames out, admission, followed jobs."""
