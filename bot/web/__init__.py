"""The bot over HTTP: what operators look at. Loaded only where `WEB_ADDRESS` is set."""
