"""The proxy that leads to Telegram: what the environment names, as curl reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp_socks import ProxyConnector, ProxyError, ProxyType

from bot.domain import StartError
from bot.values import is_own_network

SOCKS = {
    "socks": ProxyType.SOCKS5,
    "socks5": ProxyType.SOCKS5,
    "socks5h": ProxyType.SOCKS5,
    "socks4": ProxyType.SOCKS4,
    "socks4a": ProxyType.SOCKS4,
}
USUAL_PORT = 1080  # of SOCKS
BROKEN = (aiohttp.ClientError, OSError, ProxyError)  # what a call through a session may raise


@dataclass(frozen=True, slots=True)
class Proxy:
    """An http or SOCKS proxy; its `url` may hold a password, so it has no text of its own."""

    url: SplitResult

    def __repr__(self) -> str:
        return f"Proxy({self.url.scheme}://{self.url.hostname})"

    @property
    def kind(self) -> ProxyType | None:
        """The kind of SOCKS; None for http."""
        return SOCKS.get(self.url.scheme)


def find_proxy(url: str) -> Proxy | None:
    """Find the proxy for a URL in https_proxy (or http_proxy) and all_proxy; no_proxy rules it out.

    What is in one's own network, such as the sandbox, needs none. Raises StartError where it is one
    that nobody here can use.
    """
    target, named = urlsplit(url), getproxies()
    if is_own_network(target.hostname or "") or proxy_bypass(target.netloc):
        return None
    name = next((name for name in (target.scheme, "all") if named.get(name)), None)
    if name is None:
        return None
    proxy = _read(named[name])
    if proxy is None:
        raise StartError(
            f"{name.upper()}_PROXY cannot be used: "
            "must be a URL that starts with http://, socks5:// or socks4://"
        )
    return proxy


def _read(given: str) -> Proxy | None:
    """Read what a variable holds; None where it is no proxy that can be used."""
    try:
        url = urlsplit(given if "://" in given else f"http://{given}")
        usable = url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        return None
    return Proxy(url) if usable and (url.scheme in SOCKS or url.scheme == "http") else None


def open_session(url: str, connections: int, **options: Any) -> aiohttp.ClientSession:  # noqa: ANN401 - aiohttp's
    """Open a session for a URL, through its proxy if it has one; raises StartError as `find_proxy`.

    Behind SOCKS the proxy looks names up: where Telegram is blocked its name often is, too.
    """
    proxy = find_proxy(url)
    if proxy is None:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections), **options)
    parts = proxy.url
    if (
        proxy.kind or parts.username
    ):  # aiohttp itself knows neither SOCKS nor, soon, a password here
        through = ProxyConnector(
            host=parts.hostname or "",
            port=parts.port or (USUAL_PORT if proxy.kind else 80),
            proxy_type=proxy.kind or ProxyType.HTTP,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            rdns=True,
            limit=connections,
        )
        return aiohttp.ClientSession(connector=through, **options)
    connector = aiohttp.TCPConnector(limit=connections)
    return aiohttp.ClientSession(connector=connector, proxy=parts.geturl(), **options)
