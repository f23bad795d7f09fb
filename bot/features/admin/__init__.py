"""What operators are told, and what they ask on the command line."""
