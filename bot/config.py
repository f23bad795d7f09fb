"""The settings: what `.env` and the environment say, typed and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.domain import BotError
from bot.environment import Variables, read_variables

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
_KEY, _NO_KEY = r"[!-~]+", "must be one word of plain characters"
_LIKE = 0.8  # of 1; TELEGRAM_TOKEN is as near as 0.875 to TELEGRAM_BOT_TOKEN
_MODEL_BYTES = 48

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


class ConfigError(BotError):
    """Settings or a file of the operator's are wrong.

    Its text has a line for each setting, or one that names file, entry and field; never a secret.
    """


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


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    return parts


def _database_url(value: str) -> str:
    if "://" not in value:
        return f"sqlite:///{value}"
    scheme, rest = value.split("://", 1)
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


def _media_url(value: str) -> str:
    if value.startswith("file://"):
        parts = _split(value)
        if parts.netloc not in {"", "localhost"} or not parts.path.strip("/"):
            raise ValueError("must have three slashes and a directory after file:")
        return unquote(parts.path).rstrip("/")
    if "://" in value:
        raise ValueError("must be a directory or a file:// URL")
    return value.rstrip("/") or "/"


def _ids(value: str) -> list[str]:
    words = [word for word in re.split(r"[\s,;]+", value) if word]
    if not all(re.fullmatch(r"-?[0-9]{1,18}", word) for word in words):
        raise ValueError("must be numbers between commas (/id tells them; @names do not work)")
    return words


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _model(value: str) -> str:
    if re.search(r"\s", value) or len(value.encode()) > _MODEL_BYTES:
        raise ValueError(f"must be a model's id of at most {_MODEL_BYTES} bytes")
    return value


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
Key = Annotated[SecretStr, matching(_KEY, _NO_KEY)]
Lower, Upper = BeforeValidator(str.lower), BeforeValidator(str.upper)
HttpUrl = Annotated[str, AfterValidator(http_url)]
GatewayUrl = Annotated[str, AfterValidator(gateway_url)]
DatabaseUrl = Annotated[SecretStr, BeforeValidator(_database_url)]
MediaUrl = Annotated[str, AfterValidator(_media_url)]
ModelId = Annotated[str, AfterValidator(_model)]
OwnFile = Annotated[Path, AfterValidator(_file)]
OwnFolder = Annotated[Path, AfterValidator(_folder)]


def _default(value: object, example: object = None, **limits: Any) -> Any:  # noqa: ANN401 - pydantic's own type
    return Field(value, examples=[value if example is None else example], **limits)


class Settings(BaseModel):
    """Everything that an operator can set, read once, in the order of `.env.example`.

    Seconds, bytes and pixels are in the names; 0 means "no limit" or "never" where a limit may
    be switched off. A field's name in capitals is the variable's name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    telegram_bot_token: Token | None = _default(None, "123456789:AAF-your-token-from-BotFather")
    gateway_api_key: Key | None = _default(None, "sk-…")
    admin_ids: Ids = _default(frozenset(), "123456789,987654321")

    access: Annotated[Literal["open", "allowlist"], Lower] = _default("allowlist", "open")
    allowed_ids: Ids = _default(frozenset(), "123456789,-1001234567890")
    user_images_per_day: Integer = _default(0, 50, ge=0)
    user_images_per_month: Integer = _default(0, 500, ge=0)
    user_calls_per_day: Integer = _default(2000, ge=0)
    terms: str = _default("", "https://example.org/terms", max_length=3000)

    gateway_url: GatewayUrl = _default("https://api2.aigcbest.top/v1")
    default_model: ModelId = _default("gemini-2.5-flash-image")
    menu_models: Words = _default((), "gemini-3-pro-image,flux")
    models_file: OwnFile | None = _default(None, "data/models.toml")
    presets_file: OwnFile | None = _default(None, "data/presets.toml")
    generation_timeout: Number = _default(300.0, 300, ge=1, le=3600)
    allow_insecure_picture_urls: bool = _default(False, "false")  # noqa: FBT003 - the default itself

    transcription_model: str = _default("", "whisper-1", max_length=100)
    transcription_gateway: str = _default("main")
    transcription_usd_per_minute: Number = _default(0.0, 0.006, ge=0, le=1000)

    enhance_model: str = _default("", "gpt-4.1-mini", max_length=100)
    enhance_gateway: str = _default("main")

    user_concurrency: Integer = _default(2, ge=1, le=1000)
    max_concurrency: Integer = _default(256, ge=1, le=10_000)
    user_queue: Integer = _default(50, ge=0, le=10_000)

    max_count: Integer = _default(4, ge=1, le=10)
    max_input_images: Integer = _default(10, ge=1, le=100)
    max_input_bytes: Integer = _default(20 * 1024 * 1024, ge=1024)
    max_input_pixels: Integer = _default(50_000_000, ge=1, le=89_000_000)
    album_settle_seconds: Number = _default(1.5, ge=0, le=60)
    ready_ping_seconds: Number = _default(60.0, 60, ge=0)

    database_url: DatabaseUrl = _default(
        SecretStr("sqlite:///data/bot.db"), "sqlite:///data/bot.db"
    )
    media_url: MediaUrl = _default("data/media")
    min_free_mb: Integer = _default(200, ge=0)
    media_retention_days: Integer = _default(0, 90, ge=0, le=36_500)

    telegram_api_url: HttpUrl = _default("https://api.telegram.org")
    telegram_files_dir: OwnFolder | None = _default(None, "/var/lib/telegram-bot-api")
    telegram_max_rate: Number = _default(30.0, 30, ge=0)
    telegram_delete_webhook: bool = _default(True, "false")  # noqa: FBT003 - as above
    storage_chat_id: ChatId | None = _default(None, -1001234567890)

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Upper] = (
        _default("INFO", "INFO")
    )
    log_format: Annotated[Literal["console", "json"], Lower] = _default("console", "json")
    shutdown_seconds: Number = _default(20.0, 20, ge=0, le=3600)
    sandbox_port: Integer = _default(8080, 8080, ge=0, le=65_535)

    # Variables that are no settings but may be named by one: see `key`.
    _variables: dict[str, str] = PrivateAttr()
    _written: frozenset[str] = PrivateAttr()  # their names in the file
    _quoted: frozenset[str] = PrivateAttr()  # the names of variables that came in quotes
    _keys: dict[str, str] = PrivateAttr(default_factory=dict)  # those that were asked for

    def model_post_init(self, context: Variables | None, /) -> None:
        """Keep what `load_settings` found in the file and in the environment."""
        found = context or Variables({}, {}, frozenset())
        self._variables = found.written | found.environment
        self._written, self._quoted = frozenset(found.written), found.quoted

    @model_validator(mode="after")
    def _key_for_token(self) -> Self:
        # With a catalogue of his own an operator may do without the main gateway.
        if self.telegram_bot_token and not self.gateway_api_key and not self.models_file:
            raise ValueError(
                "GATEWAY_API_KEY is missing: with TELEGRAM_BOT_TOKEN set the bot needs it "
                "to draw, for example GATEWAY_API_KEY=sk-…"
            )
        return self

    def misspelt(self) -> list[tuple[str, str]]:
        """Pair the names in the file that look like a setting, and are none, with the right ones.

        A further gateway's key is right once it was asked for.
        """
        right = [name.upper() for name in type(self).model_fields]
        strange = sorted(self._written - set(self._keys))
        near = [(name, get_close_matches(name.upper(), right, 1, _LIKE)) for name in strange]
        return [(name, found[0]) for name, found in near if found and found[0] != name.upper()]

    def quoted(self) -> list[str]:
        """Name the variables of the environment whose values came in quotes, which were taken off."""
        fields = {name.upper() for name in type(self).model_fields}
        return sorted(self._quoted & (fields | set(self._keys)))

    def key(self, name: str) -> SecretStr | None:
        """Find the key of a further gateway: the variable that the catalogue names.

        None if it is not set or empty. Raises ConfigError if it cannot be a key, or is another
        of the bot's own secrets: those are nobody else's.
        """
        if name == "GATEWAY_API_KEY":
            return self.gateway_api_key
        if name.lower() in type(self).model_fields:
            raise ConfigError(f"{name} is not the key of a gateway")
        found = self._variables.get(name)
        if not found:
            return None
        if not re.fullmatch(_KEY, found):
            raise ConfigError(f"{name} {_NO_KEY}, for example {name}=sk-…")
        self._keys[name] = found
        return SecretStr(found)

    def secrets(self) -> tuple[str, ...]:
        """List the texts that no log may show; further gateways' keys once they were asked for."""
        url = urlsplit(self.database_url.get_secret_value())
        given = (self.telegram_bot_token, self.gateway_api_key)
        plain = [secret.get_secret_value() for secret in given if secret is not None]
        plain += self._keys.values()
        if url.password:
            plain += {url.password, unquote(url.password)}
        return tuple(plain)


def load_settings(
    environ: Mapping[str, str] = os.environ, env_file: str | Path | None = ".env"
) -> Settings:
    """Read the settings: the environment first, then `env_file`, then the defaults.

    An empty variable counts as not given. Raises ConfigError, whose text names each wrong
    variable in a line of its own.
    """
    try:
        variables = read_variables(environ, env_file)
    except ValueError as wrong:
        raise ConfigError(str(wrong)) from None
    fields, given = Settings.model_fields, variables.environment
    values = {name.lower(): value for name, value in variables.written.items()}
    values = {name: value for name, value in values.items() if name in fields}
    values |= {field: given[field.upper()] for field in fields if field.upper() in given}
    try:
        return Settings.model_validate(values, context=variables)
    except ValidationError as exc:
        lines = [_line(error) for error in exc.errors(include_input=False, include_url=False)]
        # `from None`: the original's text may quote what was typed.
        raise ConfigError("\n".join(lines)) from None


def _line(error: ErrorDetails) -> str:
    if not error["loc"]:
        return complaint(error)
    field = str(error["loc"][0])
    mistake = error.get("ctx", {}).get("error")
    example = (Settings.model_fields[field].examples or [""])[0]
    if isinstance(mistake, Mistaken):
        example = mistake.better
    return f"{field.upper()} {complaint(error)}, for example {field.upper()}={example}"
