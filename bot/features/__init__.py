"""What people can do, one folder each; they know nothing of each other."""
