"""Messages that ask for a picture."""
