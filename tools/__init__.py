"""What developers run on the source tree."""
