"""Albums: several pictures sent as one message are one request."""
