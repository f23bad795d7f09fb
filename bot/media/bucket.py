"""A bucket of S3, or of a server that speaks as S3 does: what pictures and backups need of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bot.config import Settings
from bot.domain import MediaUnavailable
from bot.values import is_own_network

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig, S3Config

_PART = 5 << 20  # S3 takes no smaller ones; bytes in memory at a time
_PIECE = 1 << 20  # bytes read, until it is asked again whether to go on
_MOST_PARTS = 9000  # S3 takes 10,000
# A server that is away for some seconds is waited for. A part takes a while on a slow line, but who
# stops the bot waits for it: obstore's calls that could be given up go on in threads, where Python's
# own end would meet them, and abort.
_RETRIES: RetryConfig = {
    "max_retries": 30,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(seconds=0.5),
        "max_backoff": timedelta(seconds=3),
        "base": 2,
    },
}
_TIMEOUT = timedelta(minutes=1)
_NO_KEY = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"


class BucketFailed(MediaUnavailable):
    """The bucket refused, or could not be reached: one line, without anything that was sent."""


class Bucket:
    """What is below `s3://bucket/prefix`. Blocks; `go_on`, called every now and then, may end it by raising.

    Keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), in the environment,
    in `.env`, or in the file that `NAME_FILE` names; where there are none, those of the machine's role.
    Everything raises BucketFailed.
    """

    def __init__(
        self, url: str, settings: Settings, go_on: Callable[[], object] = lambda: None
    ) -> None:
        parts = urlsplit(url)
        if not parts.netloc:
            raise BucketFailed(f"{url} names no bucket: s3://bucket/folder does")
        self.url, self._go_on = url.rstrip("/"), go_on
        config, options = _config(settings)
        try:
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                config=config,
                client_options=options,
                retry_config=_RETRIES,
            )
        except (BaseError, ValueError) as error:
            raise BucketFailed(f"{self.url} cannot be used: {_reason(error)}") from None

    def put(self, name: str, file: Path) -> None:
        """Send a file, a part at a time; it has its name when all of it is there."""
        size = file.stat().st_size
        with file.open("rb") as opened, self._told():
            if size <= _PART:
                obstore.put(self._store, name, opened.read())
                return
            part = max(_PART, size // _MOST_PARTS)
            obstore.put(self._store, name, self._pieces(opened), chunk_size=part, max_concurrency=1)

    def _pieces(self, opened: IO[bytes]) -> Iterator[bytes]:
        while data := opened.read(_PIECE):
            self._go_on()
            yield data

    def mark(self, name: str) -> None:
        """Put an empty object."""
        with self._told():
            obstore.put(self._store, name, b"")

    def get(self, name: str, into: Path) -> datetime | None:
        """Write an object to a file; tells when it was put, None where there is none."""
        with self._told():
            try:
                found = obstore.get(self._store, name)
            except FileNotFoundError as error:
                if "<Code>NoSuchBucket<" in str(error):
                    raise
                return None
            with into.open("wb") as file:
                for data in found.stream(min_chunk_size=_PIECE):
                    self._go_on()
                    file.write(data)
        return found.meta["last_modified"]

    def head(self, name: str) -> ObjectMeta | None:
        """Tell an object's size and when it was put; None where there is none, or no bucket."""
        with self._told():
            try:
                return obstore.head(self._store, name)
            except FileNotFoundError:
                return None

    def all(self, folder: str | None = None) -> Iterator[ObjectMeta]:
        """List everything, or what is below a folder, in the order of the names."""
        with self._told():
            for batch in obstore.list(self._store, folder, chunk_size=1000):
                yield from batch

    def sizes(self, folder: str) -> dict[str, int]:
        """List everything below a folder, with its bytes."""
        return {meta["path"]: meta["size"] for meta in self.all(folder)}

    def folders(self) -> list[str]:
        """List the names of the folders that are there."""
        with self._told():
            found = obstore.list_with_delimiter(self._store)
            return [path.rpartition("/")[2] for path in found["common_prefixes"]]

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there are no fault."""
        with self._told():
            if gone := list(names):
                obstore.delete(self._store, gone)

    @contextmanager
    def _told(self) -> Iterator[None]:
        self._go_on()
        try:
            yield
        except (BaseError, FileNotFoundError, PermissionError, ValueError) as error:
            # `from None`: the original's text is a page of what was asked and answered.
            raise BucketFailed(f"{self.url}: {_reason(error)}") from None


def _config(settings: Settings) -> tuple[S3Config, ClientConfig]:
    """Read the keys; what is not here obstore finds in the environment itself."""
    names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "ENDPOINT_URL")
    given = {name: key for name in names if (key := settings.key(f"AWS_{name}"))}
    found = {name.lower(): key.get_secret_value() for name, key in given.items()}
    endpoint = urlsplit(found.pop("endpoint_url", "https://"))
    config: S3Config = {}
    config.update(found)  # type: ignore[typeddict-item]  # three keys and a region
    if endpoint.netloc:
        config["endpoint"] = endpoint.geturl().rstrip("/")
    plain = endpoint.scheme == "http"
    if plain and not is_own_network(endpoint.hostname or ""):
        raise BucketFailed("AWS_ENDPOINT_URL must be https:// outside your own network")
    return config, {"timeout": _TIMEOUT, "allow_http": plain}


def _reason(error: Exception) -> str:
    """Say what S3 said, by its code; else what kept it from being asked."""
    text = str(error)
    if "169.254.169.254" in text:  # where a machine in the cloud asks for its role's keys
        return _NO_KEY
    if code := re.search(r"<Code>(\w+)</Code>", text):
        return code[1]
    if status := re.search(r"status code: (\d{3}[\w ]*)", text):
        return status[1].strip()
    if asked := re.search(r"Error performing \w+ (https?://[^/\s]+)", text):
        return f"{asked[1]} cannot be reached"
    return text.partition("\n")[0].rpartition(" - ")[2]
