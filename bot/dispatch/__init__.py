"""Who runs which job when."""
