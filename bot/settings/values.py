"""Values: what the variables of the environment may hold, and how they are told apart."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from bot import addresses


class Mistaken(ValueError):
    """What was given is not what was meant; `better` is."""

    def __init__(self, complaint: str, better: str) -> None:
        super().__init__(complaint)
        self.better = better


def _boolean(value: object) -> object:
    clear = {"true": True, "yes": True, "on": True, "1": True}
    clear |= {"false": False, "no": False, "off": False, "0": False}
    if isinstance(value, str):
        if value.strip().lower() not in clear:
            raise ValueError("must be true or false")
        return clear[value.strip().lower()]
    return value


def _whole(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        raise ValueError("must be a whole number")
    return value


def _decimal(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]+)?", value.strip()):
        raise ValueError("must be a number")
    return value


def _chat_id(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return value or None
    if not re.fullmatch(r"-?[0-9]{1,18}", value.strip()) or not int(value):
        raise ValueError("must be one chat's number (a channel's begins with -100)")
    return int(value)


def _ids(value: object) -> object:
    if not isinstance(value, str):
        return value
    words = [word for word in re.split(r"[\s,;]+", value) if word]
    if not all(re.fullmatch(r"-?[0-9]{1,18}", word) for word in words):
        raise ValueError("must be numbers between commas (/id tells them; @names do not work)")
    return frozenset(map(int, words))


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _text(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _token(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            return None
        if not re.fullmatch(r"[0-9]+:[\w-]+", value.strip(), re.ASCII):
            raise ValueError("is not a bot token; @BotFather gives one")
        return value.strip()
    return value


def key(value: object) -> object:
    """Check a gateway's key; raises ValueError, whose text is without it."""
    if isinstance(value, str):
        if not value.strip():
            return None
        # The key becomes an HTTP header, where a line break or an umlaut would fail at every call.
        if not re.fullmatch(r"[!-~]+", value.strip()):
            raise ValueError("must be one word of plain characters")
        return value.strip()
    return value


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    return parts


def _http_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = _split(value.strip())
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or re.search(r"\s", parts.netloc)
    ):
        raise ValueError("must be a URL that starts with https:// or http://")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not have anything after ? or #")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _gateway_url(value: object) -> object:
    url = _http_url(value)
    if not isinstance(url, str):
        return url
    if route := addresses.route_at_end(url):
        raise Mistaken(f"must end before the route: leave {route} out", url.removesuffix(route))
    parts = urlsplit(url)
    if parts.scheme == "http" and not addresses.near(parts.hostname or ""):
        complaint = "must be https:// outside your own network: the key goes there"
        raise Mistaken(complaint, url.replace("http://", "https://", 1))
    return url


def _database_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if "://" not in text:
        return f"sqlite:///{text}"
    scheme, rest = text.split("://", 1)
    match scheme.partition("+")[0]:
        case "sqlite":
            if not rest.startswith("/") or rest.strip("/") in {"", ":memory:"}:
                raise ValueError("must name a file: three slashes and its path")
            return f"sqlite://{rest}"
        case "postgres" | "postgresql":
            if not _split(f"postgresql://{rest}").path.strip("/"):
                raise ValueError("must end with the name of the database")
            return f"postgresql://{rest}"
    raise ValueError("must be a file's path, a sqlite:// or a postgresql:// URL")


def _media_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("file://"):
        parts = _split(text)
        if parts.netloc not in {"", "localhost"} or not parts.path.strip("/"):
            raise ValueError("must have three slashes and a directory after file:")
        return unquote(parts.path).rstrip("/")
    if "://" in text:
        raise ValueError("must be a directory or a file:// URL")
    return text.rstrip("/") or "/"


def _model(value: object) -> object:
    if isinstance(value, str) and (re.search(r"\s", value.strip()) or len(value.encode()) > 48):  # noqa: PLR2004 - the catalogue's limit
        raise ValueError("must be a model's id of at most 48 bytes")
    return value.strip() if isinstance(value, str) else value


def _file(value: object) -> object:
    if isinstance(value, str):
        path = Path(value.strip())
        # A name can be too long, or hold what no file system takes.
        if "\0" in value or not os.path.isfile(path):  # noqa: PTH113 - pathlib raises where this says no
            raise ValueError("must be a file that is there")
        return path
    return value


Flag = Annotated[bool, BeforeValidator(_boolean)]
Whole = Annotated[int, BeforeValidator(_whole)]
Decimal = Annotated[float, BeforeValidator(_decimal), Field(allow_inf_nan=False)]
ChatId = Annotated[int | None, BeforeValidator(_chat_id)]
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)]
HttpUrl = Annotated[str, BeforeValidator(_http_url)]
GatewayUrl = Annotated[str, BeforeValidator(_gateway_url)]
Lower = BeforeValidator(_lower)
Text = Annotated[str, BeforeValidator(_text)]
Upper = BeforeValidator(_upper)
Token = Annotated[SecretStr | None, BeforeValidator(_token)]
Key = Annotated[SecretStr | None, BeforeValidator(key)]
ModelId = Annotated[str, BeforeValidator(_model)]
OwnFile = Annotated[Path | None, BeforeValidator(_file)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_database_url)]
MediaUrl = Annotated[str, BeforeValidator(_media_url)]
