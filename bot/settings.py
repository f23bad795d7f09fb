"""The bot's settings: the one place that reads the environment and `.env`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.domain import BotError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource


class SettingsError(BotError):
    """Settings are wrong: its text has one line for each, without any secret's value."""


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


def _token(value: object) -> object:
    if isinstance(value, str):
        if not value.strip():
            return None
        if not re.fullmatch(r"[0-9]+:[\w-]+", value.strip(), re.ASCII):
            raise ValueError("is not a bot token; @BotFather gives one")
        return value.strip()
    return value


def _key(value: object) -> object:
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


Flag = Annotated[bool, BeforeValidator(_boolean)]
Whole = Annotated[int, BeforeValidator(_whole)]
Decimal = Annotated[float, BeforeValidator(_decimal), Field(allow_inf_nan=False)]
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)]
HttpUrl = Annotated[str, BeforeValidator(_http_url)]


def _default(value: object, example: object, **limits: Any) -> Any:  # noqa: ANN401 - pydantic's own type
    return Field(value, validate_default=True, examples=[example], **limits)


class Settings(BaseSettings):
    """Everything that an operator can set, read once, in the order of `.env.example`.

    Seconds, bytes and pixels are in the names; 0 means "no limit" or "never" where a limit may
    be switched off. A field's name in capitals is the variable's name.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    telegram_bot_token: Annotated[SecretStr | None, BeforeValidator(_token)] = _default(
        None, "123456789:AAF-your-token-from-BotFather"
    )
    gateway_api_key: Annotated[SecretStr | None, BeforeValidator(_key)] = _default(None, "sk-…")
    admin_ids: Ids = _default(frozenset(), "123456789,987654321")

    access: Annotated[Literal["open", "allowlist"], BeforeValidator(_lower)] = _default(
        "allowlist", "open"
    )
    allowed_ids: Ids = _default(frozenset(), "123456789,-1001234567890")
    user_images_per_day: Whole = _default(0, 50, ge=0)
    user_images_per_month: Whole = _default(0, 500, ge=0)

    gateway_url: HttpUrl = _default("https://api2.aigcbest.top/v1", "https://api2.aigcbest.top/v1")
    default_model: Annotated[str, BeforeValidator(_model)] = _default(
        "gemini-2.5-flash-image", "gemini-2.5-flash-image", min_length=1
    )
    generation_timeout: Decimal = _default(300.0, 300, ge=1, le=3600)
    allow_insecure_picture_urls: Flag = _default(False, "false")  # noqa: FBT003 - the default itself

    user_concurrency: Whole = _default(2, 2, ge=1, le=1000)
    max_concurrency: Whole = _default(256, 256, ge=1, le=10_000)

    max_input_images: Whole = _default(10, 10, ge=1, le=100)
    max_input_bytes: Whole = _default(20 * 1024 * 1024, 20_971_520, ge=1024)
    max_input_pixels: Whole = _default(50_000_000, 50_000_000, ge=1, le=89_000_000)
    album_settle_seconds: Decimal = _default(1.5, 1.5, ge=0, le=60)
    ready_ping_seconds: Decimal = _default(30.0, 30, ge=0)

    database_url: Annotated[SecretStr, BeforeValidator(_database_url)] = _default(
        "sqlite:///data/bot.db", "sqlite:///data/bot.db"
    )
    media_url: Annotated[str, BeforeValidator(_media_url)] = _default("data/media", "data/media")
    media_retention_days: Whole = _default(0, 90, ge=0, le=36_500)

    telegram_api_url: HttpUrl = _default("https://api.telegram.org", "https://api.telegram.org")
    telegram_max_rate: Decimal = _default(30.0, 30, ge=0)

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = _default("INFO", "INFO")
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = _default(
        "console", "json"
    )
    shutdown_seconds: Decimal = _default(20.0, 20, ge=0, le=3600)
    sandbox_port: Whole = _default(8080, 8080, ge=0, le=65_535)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes them by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - load() is given the environment
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not a source of ours
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` was given, then the `.env` file."""
        return init_settings, dotenv_settings

    @model_validator(mode="after")
    def _key_for_token(self) -> Self:
        if self.telegram_bot_token is not None and self.gateway_api_key is None:
            raise ValueError(
                "GATEWAY_API_KEY is missing: with TELEGRAM_BOT_TOKEN set the bot needs it "
                "to draw, for example GATEWAY_API_KEY=sk-…"
            )
        return self

    def secrets(self) -> tuple[str, ...]:
        """List the texts that no log may show."""
        url = urlsplit(self.database_url.get_secret_value())
        given = (self.telegram_bot_token, self.gateway_api_key)
        plain = [secret.get_secret_value() for secret in given if secret is not None]
        if url.password:
            plain += {url.password, unquote(url.password)}
        return tuple(plain)


def load(environ: Mapping[str, str] = os.environ, env_file: str | Path | None = ".env") -> Settings:
    """Read the settings: the environment first, then `env_file`, then the defaults.

    An empty variable counts as not given. Raises SettingsError, whose text names each wrong
    variable in a line of its own.
    """
    names = {name: name.upper() for name in Settings.model_fields}
    given = {field: environ[name] for field, name in names.items() if environ.get(name, "").strip()}
    arguments: dict[str, Any] = {**given, "_env_file": env_file}
    try:
        return Settings(**arguments)
    except ValidationError as exc:
        lines = [_line(error) for error in exc.errors(include_input=False, include_url=False)]
        # `from None`: the original's text may quote what was typed.
        raise SettingsError("\n".join(lines)) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{env_file} cannot be read: {type(exc).__name__}") from None


def _line(error: ErrorDetails) -> str:
    if not error["loc"]:
        return error["msg"].removeprefix("Value error, ")
    field = str(error["loc"][0])
    example = (Settings.model_fields[field].examples or [""])[0]
    return f"{field.upper()} {_complaint(error)}, for example {field.upper()}={example}"


def _complaint(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "literal_error":
            return f"must be {context['expected'].replace(chr(39), '')}"
        case _:
            return error["msg"].removeprefix("Value error, ")
