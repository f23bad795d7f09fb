"""Gateways: how a [gateway.NAME] table becomes a profile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from bot.catalogue.entry import Entry
from bot.catalogue.profiles import MAIN, GatewayProfile
from bot.config import gateway_url

if TYPE_CHECKING:
    from collections.abc import Mapping


def gateways(tables: Mapping[str, object]) -> tuple[GatewayProfile, ...]:
    """Read all [gateway.NAME] tables; Wrong names the gateway and the field."""
    return tuple(_gateway(Entry(f"gateway {name}", table), name) for name, table in tables.items())


def _gateway(entry: Entry, name: str) -> GatewayProfile:
    if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
        raise entry.wrong("name", "must be small letters, digits, - and _")
    gateway = GatewayProfile(
        name,
        url=None if name == MAIN else _url(entry),
        key=None if name == MAIN else _key(entry),
        proxy=_proxy(entry),
        connect_timeout=entry.seconds("connect_timeout", 60) or 10.0,
        timeout=entry.seconds("timeout", 3600),
    )
    for field in ("url", "key"):
        if field in entry:
            raise entry.wrong(field, f"of {MAIN} is a setting: GATEWAY_URL, GATEWAY_API_KEY")
    entry.end()
    return gateway


def _url(entry: Entry) -> str:
    url = _http(entry, "url", entry.words("url"), {"http", "https"})
    try:
        return gateway_url(url)
    except ValueError as exc:
        raise entry.wrong("url", str(exc)) from None


def _proxy(entry: Entry) -> str:
    proxy = entry.take("proxy", str, "").strip()
    return _http(entry, "proxy", proxy, {"http"}) if proxy else ""


def _http(entry: Entry, field: str, url: str, schemes: set[str]) -> str:
    parts = _split(url)
    if not parts or parts.scheme not in schemes or not parts.hostname or re.search(r"\s", url):
        raise entry.wrong(field, f"must be a URL that starts with {' or '.join(schemes)}://")
    if parts.username is not None or parts.query or parts.fragment:
        raise entry.wrong(field, "must be without a user name, ? and #")
    return url


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _key(entry: Entry) -> str:
    name = entry.take("key", str)
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name):
        # Not quoted: somebody may have put the key itself here.
        raise entry.wrong("key", "must be the NAME of the environment variable that holds the key")
    if not re.search("KEY|TOKEN|SECRET", name):  # a gateway is told its value: never PATH or HOME
        raise entry.wrong("key", "must be a name with KEY, TOKEN or SECRET, such as OTHER_API_KEY")
    return name
