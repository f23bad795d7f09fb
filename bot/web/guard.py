"""The guard: what is asked of every request, and said in every answer, whatever the page."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.values import is_own_network

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_RAW = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_NO_STORE = (b"cache-control", b"no-store")
_NOT_HERE = "These pages have another name: set WEB_URL to the one that is asked for.\n"


class Guarded:
    """An application that answers to its own names, those in `urls` and those of its own network.

    Another name may be a foreign site's, which its owner had resolve to this machine so that its
    visitors' browsers read our pages for him. Every answer says that nobody frames, caches or
    embeds it, and redirects stay here whatever name was asked for.
    """

    def __init__(self, app: ASGIApp, *urls: str) -> None:
        self._app, self._hosts = app, {urlsplit(url).hostname for url in urls if url}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [_relative(*header) for header in message["headers"]]
                given = {name for name, _ in headers}
                extra = [] if b"cache-control" in given else [_NO_STORE]
                message["headers"] = [*headers, *_RAW, *extra]
            await send(message)

        app = self._app
        if not self._is_ours(scope):
            app = PlainTextResponse(_NOT_HERE, 421)
        elif "\0" in scope["path"] or b"%00" in scope["query_string"]:  # Postgres takes none
            app = PlainTextResponse("Bad Request\n", 400)
        await app(scope, receive, guarded)

    def _is_ours(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        if not named:  # HTTP/1.0, which no browser speaks
            return True
        try:
            host = urlsplit(f"//{named[0].decode()}").hostname or ""
        except ValueError:
            return False
        return host in self._hosts or is_own_network(host) or _is_address(host)


def _is_address(host: str) -> bool:
    """Whether it is an address, which nobody can have resolve to another one."""
    return ":" in host or host.replace(".", "").isdigit()


def _relative(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name != b"location":
        return name, value
    parts = urlsplit(value)
    return name, parts._replace(
        scheme=b"", netloc=b"", path=b"/" + parts.path.lstrip(b"/")
    ).geturl()
