"""Addresses: what may stand as a gateway's URL, which is told a key and ends before the route."""

from __future__ import annotations

from ipaddress import ip_address

# Names that no public name server knows.
_OWN_NETWORK = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
# What documentation shows behind the URL and people copy along; the longer ones first.
_ROUTES = (
    "chat/completions",
    "images/generations",
    "images/edits",
    "images/variations",
    "images",
    "completions",
    "responses",
    "models",
)


def near(host: str) -> bool:
    """Whether a host is this machine or in a network of its owner's, as far as its name tells."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        # A name of digits may be an address, written as one number.
        return ("." not in host and not host[:1].isdigit()) or host.endswith(_OWN_NETWORK)


def route_at_end(path: str) -> str | None:
    """Find the route with which a path ends, such as `/chat/completions`."""
    return next((f"/{route}" for route in _ROUTES if path.endswith(f"/{route}")), None)
