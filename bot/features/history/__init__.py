"""/history: one's pictures in one message."""
