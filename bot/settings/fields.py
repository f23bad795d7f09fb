"""The settings: every field that an operator can set, and how they are read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from bot.domain import BotError
from bot.settings.misspelt import misspelt
from bot.settings.values import (
    ChatId,
    DatabaseUrl,
    Decimal,
    Flag,
    GatewayUrl,
    HttpUrl,
    Ids,
    Key,
    Lower,
    MediaUrl,
    Mistaken,
    ModelId,
    OwnFile,
    Text,
    Token,
    Upper,
    Whole,
    key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource


class SettingsError(BotError):
    """Settings are wrong: its text has one line for each, without any secret's value."""


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

    telegram_bot_token: Token = _default(None, "123456789:AAF-your-token-from-BotFather")
    gateway_api_key: Key = _default(None, "sk-…")
    admin_ids: Ids = _default(frozenset(), "123456789,987654321")

    access: Annotated[Literal["open", "allowlist"], Lower] = _default("allowlist", "open")
    allowed_ids: Ids = _default(frozenset(), "123456789,-1001234567890")
    user_images_per_day: Whole = _default(0, 50, ge=0)
    user_images_per_month: Whole = _default(0, 500, ge=0)
    terms: Text = _default("", "https://example.org/terms", max_length=3000)

    gateway_url: GatewayUrl = _default(
        "https://api2.aigcbest.top/v1", "https://api2.aigcbest.top/v1"
    )
    default_model: ModelId = _default(
        "gemini-2.5-flash-image", "gemini-2.5-flash-image", min_length=1
    )
    models_file: OwnFile = _default(None, "data/models.toml")
    presets_file: OwnFile = _default(None, "data/presets.toml")
    generation_timeout: Decimal = _default(300.0, 300, ge=1, le=3600)
    allow_insecure_picture_urls: Flag = _default(False, "false")  # noqa: FBT003 - the default itself

    transcription_model: Text = _default("", "whisper-1", max_length=100)
    transcription_gateway: Text = _default("main", "main", min_length=1)
    transcription_usd_per_minute: Decimal = _default(0.0, 0.006, ge=0, le=1000)

    enhance_model: Text = _default("", "gpt-4.1-mini", max_length=100)
    enhance_gateway: Text = _default("main", "main", min_length=1)

    user_concurrency: Whole = _default(2, 2, ge=1, le=1000)
    max_concurrency: Whole = _default(256, 256, ge=1, le=10_000)

    max_count: Whole = _default(4, 4, ge=1, le=10)
    max_input_images: Whole = _default(10, 10, ge=1, le=100)
    max_input_bytes: Whole = _default(20 * 1024 * 1024, 20_971_520, ge=1024)
    max_input_pixels: Whole = _default(50_000_000, 50_000_000, ge=1, le=89_000_000)
    album_settle_seconds: Decimal = _default(1.5, 1.5, ge=0, le=60)
    ready_ping_seconds: Decimal = _default(60.0, 60, ge=0)

    database_url: DatabaseUrl = _default("sqlite:///data/bot.db", "sqlite:///data/bot.db")
    media_url: MediaUrl = _default("data/media", "data/media")
    min_free_mb: Whole = _default(200, 200, ge=0)
    media_retention_days: Whole = _default(0, 90, ge=0, le=36_500)

    telegram_api_url: HttpUrl = _default("https://api.telegram.org", "https://api.telegram.org")
    telegram_max_rate: Decimal = _default(30.0, 30, ge=0)
    storage_chat_id: ChatId = _default(None, -1001234567890)

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Upper] = (
        _default("INFO", "INFO")
    )
    log_format: Annotated[Literal["console", "json"], Lower] = _default("console", "json")
    shutdown_seconds: Decimal = _default(20.0, 20, ge=0, le=3600)
    sandbox_port: Whole = _default(8080, 8080, ge=0, le=65_535)

    # Variables that are no settings but may be named by one: see `key`.
    _variables: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _keys: dict[str, str] = PrivateAttr(default_factory=dict)
    _written: frozenset[str] = PrivateAttr(default=frozenset())

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
        # With a catalogue of his own an operator may do without the main gateway.
        if self.telegram_bot_token and not self.gateway_api_key and not self.models_file:
            raise ValueError(
                "GATEWAY_API_KEY is missing: with TELEGRAM_BOT_TOKEN set the bot needs it "
                "to draw, for example GATEWAY_API_KEY=sk-…"
            )
        return self

    def with_variables(self, variables: Mapping[str, str], written: Mapping[str, str]) -> Self:
        """Say which further variables there are, for `key`; `written` are those of the file."""
        self._variables = {**written, **variables}
        self._written = frozenset(written)
        return self

    def misspelt(self) -> list[tuple[str, str]]:
        """Pair the names in the file that look like a setting, and are none, with the right ones.

        A further gateway's key is right once it was asked for.
        """
        return misspelt(self._written - set(self._keys), type(self).model_fields)

    def key(self, name: str) -> SecretStr | None:
        """Find the key of a further gateway: the variable that the catalogue names.

        None if it is not set or empty. Raises SettingsError if it cannot be a key, or is another
        of the bot's own secrets: those are nobody else's.
        """
        if name == "GATEWAY_API_KEY":
            return self.gateway_api_key
        if name.lower() in type(self).model_fields:
            raise SettingsError(f"{name} is not the key of a gateway")
        try:
            found = key(self._variables.get(name, ""))
        except ValueError as exc:
            raise SettingsError(f"{name} {exc}, for example {name}=sk-…") from None
        if not found:
            return None
        self._keys[name] = str(found)
        return SecretStr(str(found))

    def secrets(self) -> tuple[str, ...]:
        """List the texts that no log may show; further gateways' keys once they were asked for."""
        url = urlsplit(self.database_url.get_secret_value())
        given = (self.telegram_bot_token, self.gateway_api_key)
        plain = [secret.get_secret_value() for secret in given if secret is not None]
        plain += self._keys.values()
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
        return Settings(**arguments).with_variables(_given(environ), _in_file(env_file))
    except ValidationError as exc:
        lines = [_line(error) for error in exc.errors(include_input=False, include_url=False)]
        # `from None`: the original's text may quote what was typed.
        raise SettingsError("\n".join(lines)) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{env_file} cannot be read: {type(exc).__name__}") from None


def _given(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value and value.strip()}


def _in_file(env_file: str | Path | None) -> dict[str, str]:
    return _given(DotEnvSettingsSource(Settings, env_file=env_file, case_sensitive=True).env_vars)


def _line(error: ErrorDetails) -> str:
    if not error["loc"]:
        return error["msg"].removeprefix("Value error, ")
    field = str(error["loc"][0])
    mistake = error.get("ctx", {}).get("error")
    example = (Settings.model_fields[field].examples or [""])[0]
    if isinstance(mistake, Mistaken):
        example = mistake.better
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
