"""The buttons under a picture."""
