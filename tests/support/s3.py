"""An S3 server (moto's) that a test can see into, stop for a while, and let fail."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import obstore
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from obstore.store import S3Store
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BUCKET, ACCESS, SECRET = "pictures", "AKIAOPERATOR", "the+secret/that+nobody/reads"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing: a test's log is of the bot."""


class S3:
    """The server; `requests` are what it was asked, `failing` that many next ones fail.

    `held` are puts of such a path: none is carried out, or, where it `answers_late`, acknowledged, before the event.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []
        self.failing = 0
        self.held: tuple[str, threading.Event] | None = None
        self.answers_late = False
        self._app = DomainDispatcherApplication(create_backend_app)
        self._port = 0
        self._listen()
        self.url = f"http://127.0.0.1:{self._port}"
        self.variables = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path, int(environ.get("CONTENT_LENGTH") or 0)))
        held = self.held if self.held and self.held[0] in path and method == "PUT" else None
        if held and not self.answers_late:
            held[1].wait()
        if self.failing:
            self.failing -= 1
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        answer: Iterable[bytes] = self._app(environ, start)
        if held and self.answers_late:
            held[1].wait()
        return answer

    def media(self, folder: Path) -> dict[str, str]:
        """Settings with which pictures are in the bucket, and what is of no use for long in a folder."""
        place = {"MEDIA_URL": f"s3://{BUCKET}/bot", "MEDIA_TEMP_DIR": f"{folder}/media"}
        return place | self.variables

    def store(self) -> S3Store:
        """Look into the bucket as anybody could."""
        return S3Store(
            BUCKET,
            endpoint=self.url,
            access_key_id=ACCESS,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def names(self, prefix: str = "") -> set[str]:
        found = obstore.list(self.store(), prefix or None).collect()
        return {meta["path"] for meta in found}

    def sent(self) -> list[str]:
        """Tell the paths of what was put, and forget them."""
        paths = [path for method, path, _ in self.requests if method in {"PUT", "POST"}]
        self.requests.clear()
        return paths

    def _listen(self) -> None:
        self._server = make_server(
            "127.0.0.1", self._port, self, threaded=True, request_handler=_Quiet
        )
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="S3")
        self._thread.start()

    def stop(self) -> None:
        """Be away: what asks is refused; what is in the buckets stays."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def come_back(self) -> None:
        self._listen()

    @contextmanager
    def serving(self) -> Iterator[S3]:
        try:
            urlopen(Request(f"{self.url}/{BUCKET}", method="PUT")).close()  # noqa: S310 - ours
            yield self
        finally:
            if self.held:
                self.held[1].set()
            self.stop()
