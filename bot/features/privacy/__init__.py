"""/export and /forget: one's own data."""
