"""/queue: what somebody waits for."""
