"""The texts that users see, and who reads them."""
