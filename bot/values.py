"""What a setting's value may be: kinds of fields, each checked and brought to one form."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, IPvAnyNetwork, SecretStr
from pydantic_core import ErrorDetails

# Names that no public name server knows.
_OWN_NETWORK = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
# What documentation shows behind a gateway's URL and people copy along; the longer ones first.
_ROUTES = (
    "/chat/completions",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/images",
    "/completions",
    "/responses",
    "/models",
)
# A key becomes an HTTP header, where a line break or an umlaut would fail at every call.
KEY, NO_KEY = r"[!-~]+", "must be one word of plain characters"
_SECRET_FIELDS = {"password", "sslpassword", "passfile"}  # of a URL for Postgres
_UNESCAPED = "must have %40 for an @ in its password (%2F for /, %3F for ?, %23 for #, %25 for %)"
_MODEL_LENGTH = 100

# By pydantic's type of error; all others are told in pydantic's words or in those of a validator.
_COMPLAINTS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "date_type": "must be a day such as 2027-03-15, without quotes",
    "dataclass_type": "must be a table",
    "dict_type": "must be a table",
    "enum": "must be {expected}",
    "extra_forbidden": "is not known",
    "finite_number": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "ip_any_network": "must be networks",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "is empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "unexpected_keyword_argument": "is not known",
}


class Mistaken(ValueError):
    """What was given is not what was meant; `better` is."""

    def __init__(self, complaint: str, better: str) -> None:
        super().__init__(complaint)
        self.better = better


def complaint(error: ErrorDetails) -> str:
    """Say what is wrong with a field, without its name and its value."""
    if error["type"] in _COMPLAINTS:
        return _COMPLAINTS[error["type"]].format(**error.get("ctx", {})).replace("'", "")
    return error["msg"].removeprefix("Value error, ")


def is_own_network(host: str) -> bool:
    """Whether a host is this machine or in a network of its owner's, as far as its name tells."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        # A name of digits may be an address, written as one number.
        return ("." not in host and not host[:1].isdigit()) or host.endswith(_OWN_NETWORK)


def matching(pattern: str, complaint: str) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(complaint)
        return value

    return BeforeValidator(check)


def http_url(value: str, *schemes: str) -> str:
    """Bring a URL to one form, without a slash at its end; ValueError if it is none."""
    parts = _split(value)
    schemes = schemes or ("https", "http")
    if parts.scheme not in schemes or not parts.hostname or re.search(r"\s", parts.netloc):
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must be a URL that starts with {expected}")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not have anything after ? or #")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def gateway_url(value: str) -> str:
    """Check what is told a key, and ends before the route."""
    url = http_url(value)
    parts = urlsplit(url)
    if route := next(filter(url.endswith, _ROUTES), None):
        raise Mistaken(f"must end before the route: leave {route} out", url.removesuffix(route))
    if parts.scheme == "http" and not is_own_network(parts.hostname or ""):
        complaint = "must be https:// outside your own network: the key goes there"
        raise Mistaken(complaint, url.replace("http://", "https://", 1))
    return url


def web_url(value: str) -> str:
    """Check where people open pages of the bot's, which ask for a cookie."""
    url = http_url(value)
    parts = urlsplit(url)
    if parts.path:
        raise Mistaken("must end with the host or its port", f"{parts.scheme}://{parts.netloc}")
    if parts.scheme == "http" and not is_own_network(parts.hostname or ""):
        complaint = "must be https:// outside your own network: who reads along could log in"
        raise Mistaken(complaint, url.replace("http://", "https://", 1))
    return url


def webhook_url(value: str) -> str:
    """Check where Telegram brings updates; without https only in one's own network."""
    url = http_url(value)
    parts = urlsplit(url)
    if not parts.path:
        raise Mistaken("must have a path that is nothing else's", f"{url}/telegram")
    if parts.scheme == "http" and not is_own_network(parts.hostname or ""):
        complaint = "must be https:// outside your own network: Telegram takes no other"
        raise Mistaken(complaint, url.replace("http://", "https://", 1))
    return url


def _address(value: str) -> str:
    parts = _split(f"//{value}")
    if not parts.hostname or not parts.port or value != parts.netloc or "@" in value:
        raise ValueError("must be a host and a port")
    return value


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    return parts


def _secret_url(value: str) -> str:
    """Check a URL whose path or query is a secret."""
    parts = _split(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or re.search(r"\s", value):
        raise ValueError("must be a URL that starts with https:// or http://")
    return value


def database_url(value: str) -> str:
    """Bring where a database is to one form; ValueError if it is nowhere."""
    if "://" not in value:
        return f"sqlite:///{value}"
    scheme, rest = value.split("://", 1)
    match scheme.partition("+")[0]:
        case "sqlite":
            if not rest.startswith("/") or rest.strip("/") in {"", ":memory:"}:
                raise ValueError("must name a file: three slashes and its path")
            return f"sqlite://{rest}"
        case "postgres" | "postgresql":
            # Its driver reads on at the first @, and tells what follows as the name of a host.
            before, _, _ = rest.partition("?")[0].rpartition("@")
            if re.search(r"[@/#]", before) or re.search(r"%(?![0-9A-Fa-f]{2})", rest):
                raise Mistaken(_UNESCAPED, "postgresql://bot:p%40ssword@db/bot")
            if not _split(f"postgresql://{rest}").path.strip("/"):
                raise ValueError("must end with the name of the database")
            return f"postgresql://{rest}"
    raise ValueError("must be a file's path, a sqlite:// or a postgresql:// URL")


def passwords(url: str) -> set[str]:
    """List what of a database's URL nobody may be told, as it is written and as it is meant."""
    parts = urlsplit(url)
    fields = (field.partition("=") for field in parts.query.split("&"))
    secret = [value for name, _, value in fields if name in _SECRET_FIELDS]
    given = filter(None, (parts.password, *secret))
    return {form for text in given for form in (text, unquote(text))}


def _media_url(value: str) -> str:
    if value.startswith("file://"):
        parts = _split(value)
        if parts.netloc not in {"", "localhost"} or not parts.path.strip("/"):
            raise ValueError("must have three slashes and a directory after file:")
        return unquote(parts.path).rstrip("/")
    if "://" in value:
        raise ValueError("must be a directory, a file:// or an s3:// URL")
    return value.rstrip("/") or "/"


def file_place(value: str) -> str:
    if not value.startswith("s3://"):
        return _media_url(value)
    parts = _split(value)
    if not parts.netloc or parts.netloc != parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be s3:// and the name of a bucket, then a folder in it")
    return value.rstrip("/")


def _ids(value: str) -> list[str]:
    words = [word for word in re.split(r"[\s,;]+", value) if word]
    if not all(re.fullmatch(r"-?[0-9]{1,18}", word) for word in words):
        raise ValueError("must be numbers between commas (/id tells them; @names do not work)")
    return words


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _model(value: str) -> str:
    if len(value) > _MODEL_LENGTH:
        raise ValueError(
            f"must be a model's id, alias or label, of at most {_MODEL_LENGTH} characters"
        )
    return " ".join(value.split())


def _file(path: Path) -> Path:
    # A name can be too long, or hold what no file system takes.
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib raises where this says no
        raise ValueError("must be a file that is there")
    return path


def _folder(path: Path) -> Path:
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        raise ValueError("must be a folder that is there")
    return path


Integer = Annotated[int, matching(r"-?[0-9]{1,18}", "must be a whole number")]
Number = Annotated[float, matching(r"-?[0-9]{1,12}(\.[0-9]+)?", "must be a number")]
Ids = Annotated[frozenset[int], BeforeValidator(_ids)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
ChatId = Annotated[
    int,
    matching(r"-?(?!0+$)[0-9]{1,18}", "must be one chat's number (a channel's begins with -100)"),
]
Token = Annotated[
    SecretStr, matching(r"[0-9]+:[A-Za-z0-9_-]+", "is not a bot token; @BotFather gives one")
]
Key = Annotated[SecretStr, matching(KEY, NO_KEY)]
Lower, Upper = BeforeValidator(str.lower), BeforeValidator(str.upper)
HttpUrl = Annotated[str, AfterValidator(http_url)]
Networks = Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(_words)]
WebhookUrl = Annotated[str, AfterValidator(webhook_url)]
WebhookSecret = Annotated[
    SecretStr,
    matching(r"[A-Za-z0-9_-]{16,256}", "must be 16 to 256 letters, digits, - and _"),
]
WebUrl = Annotated[str, AfterValidator(web_url)]
Address = Annotated[str, AfterValidator(_address)]
GatewayUrl = Annotated[str, AfterValidator(gateway_url)]
SecretUrl = Annotated[SecretStr, BeforeValidator(_secret_url)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(database_url)]
MediaUrl = Annotated[str, AfterValidator(file_place)]
BackupPlace = Annotated[str, AfterValidator(file_place)]
ModelId = Annotated[str, AfterValidator(_model)]
OwnFile = Annotated[Path, AfterValidator(_file)]
OwnFolder = Annotated[Path, AfterValidator(_folder)]
