"""The settings: what `.env` and the environment say, typed and checked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
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
from bot.values import (
    KEY,
    NO_KEY,
    Address,
    BackupPlace,
    ChatId,
    DatabaseUrl,
    GatewayUrl,
    HttpUrl,
    Ids,
    Integer,
    Key,
    Lower,
    MediaUrl,
    Mistaken,
    ModelId,
    Networks,
    Number,
    OwnFile,
    OwnFolder,
    SecretUrl,
    Token,
    Upper,
    WebhookSecret,
    WebhookUrl,
    WebUrl,
    Words,
    complaint,
    passwords,
)

BLANK = "***"
_SHOWN = {"AWS_REGION", "AWS_ENDPOINT_URL"}  # asked for as keys are, and no secrets
_LIKE = 0.8  # of 1; TELEGRAM_TOKEN is as near as 0.875 to TELEGRAM_BOT_TOKEN


class ConfigError(BotError):
    """Settings or a file of the operator's are wrong.

    Its text has a line for each setting, or one that names file, entry and field; never a secret.
    """


def _default(value: object, example: object = None, **limits: Any) -> Any:  # noqa: ANN401 - pydantic's own type
    return Field(value, examples=[value if example is None else example], **limits)


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """A setting as it holds: secrets are BLANK, what is not set is empty."""

    name: str
    value: str
    origin: str


def _shown(value: object) -> str:
    """Write a value as `.env` has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, frozenset):
        return ",".join(map(str, sorted(value)))
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}".removesuffix(".0")


def _blanked(field: str, value: SecretStr | None) -> str:
    """Of a secret only where a database is may be shown: its host and name, or its file."""
    if value is None or field != "database_url":
        return BLANK if value else ""
    parts = urlsplit(value.get_secret_value())
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{f'{BLANK}@' if host != parts.netloc else ''}{host}{parts.path}"


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
    postgres_connections: Integer = _default(10, ge=2, le=200)
    media_url: MediaUrl = _default("data/media", "s3://bucket/pictures")
    media_temp_dir: Path = _default(Path("data/media"), "data/media")
    min_free_mb: Integer = _default(200, ge=0)
    media_retention_days: Integer = _default(0, 90, ge=0, le=36_500)
    backup_every: Number = _default(0.0, 24, ge=0, le=8760)
    backup_dir: BackupPlace = _default("data/backups", "/mnt/other-disk/backups")
    backup_keep_daily: Integer = _default(7, ge=1, le=1000)
    backup_keep_weekly: Integer = _default(4, ge=0, le=1000)

    telegram_api_url: HttpUrl = _default("https://api.telegram.org")
    telegram_files_dir: OwnFolder | None = _default(None, "/var/lib/telegram-bot-api")
    telegram_max_rate: Number = _default(30.0, 30, ge=0)
    telegram_delete_webhook: bool = _default(True, "false")  # noqa: FBT003 - as above
    webhook_url: WebhookUrl | None = _default(None, "https://bot.example.org/telegram")
    webhook_secret: WebhookSecret | None = _default(None, "a-long-word-of-your-own")
    webhook_certificate: OwnFile | None = _default(None, "data/webhook.pem")
    storage_chat_id: ChatId | None = _default(None, -1001234567890)

    heartbeat_seconds: Number = _default(5.0, 5, ge=0.1, le=20)
    heartbeat_url: SecretUrl | None = _default(None, "https://hc-ping.com/your-check")
    web_address: Address | None = _default(None, "127.0.0.1:8090")
    web_url: WebUrl | None = _default(None, "https://bot.example.org")
    web_show_content: bool = _default(False, "false")  # noqa: FBT003 - as above
    metrics_networks: Networks = _default(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), "127.0.0.0/8,::1/128,10.0.0.0/8"
    )
    metrics_token: Key | None = _default(None, "a-long-word-of-your-own")

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Upper] = (
        _default("INFO", "INFO")
    )
    log_format: Annotated[Literal["console", "json"], Lower] = _default("console", "json")
    shutdown_seconds: Number = _default(20.0, 20, ge=0, le=3600)
    sandbox_port: Integer = _default(8080, 8080, ge=0, le=65_535)

    # Variables that are no settings but may be named by one: see `key`.
    _variables: Variables = PrivateAttr()
    _keys: dict[str, str] = PrivateAttr(default_factory=dict)  # those that were asked for
    _replaced: frozenset[str] = PrivateAttr(frozenset())  # names that `for_sandbox` gave a value

    def model_post_init(self, context: Variables | None, /) -> None:
        """Keep what `load_settings` found in the file and in the environment."""
        self._variables = context or Variables({}, {}, frozenset())

    @model_validator(mode="after")
    def _key_for_token(self) -> Self:
        # With a catalogue of his own an operator may do without the main gateway.
        if self.telegram_bot_token and not self.gateway_api_key and not self.models_file:
            raise ValueError(
                "GATEWAY_API_KEY is missing: with TELEGRAM_BOT_TOKEN set the bot needs it "
                "to draw, for example GATEWAY_API_KEY=sk-…"
            )
        return self

    @model_validator(mode="after")
    def _address_for_webhook(self) -> Self:
        if self.webhook_url and not self.web_address:
            raise ValueError(
                "WEB_ADDRESS is missing: with WEBHOOK_URL set the bot listens there, "
                "for example WEB_ADDRESS=127.0.0.1:8090"
            )
        return self

    def for_sandbox(self, **values: object) -> Self:
        """Put `values` in the place of what is given, and say so where they are shown."""
        here = self.model_copy(update=values)
        here._replaced = frozenset(map(str.upper, values))  # noqa: SLF001 - a copy of its own
        return here

    @property
    def token(self) -> SecretStr:
        """The bot's token; raises ConfigError where none is set."""
        if self.telegram_bot_token is None:
            raise ConfigError("TELEGRAM_BOT_TOKEN is missing")
        return self.telegram_bot_token

    @property
    def media_folder(self) -> Path:
        """The folder of this machine in which pictures are, or are on their way into a bucket."""
        return self.media_temp_dir if self.media_url.startswith("s3://") else Path(self.media_url)

    @property
    def web_reached_at(self) -> str | None:
        """Where browsers reach the bot's pages; None where it serves none."""
        if self.web_address is None:
            return None
        host, _, port = self.web_address.rpartition(":")
        everywhere = host in {"0.0.0.0", "[::]"}  # noqa: S104 - said, not done
        return self.web_url or f"http://{'localhost' if everywhere else host}:{port}"

    def misspelt(self) -> list[tuple[str, str]]:
        """Pair the names in the file that look like a setting, and are none, with the right ones.

        A further gateway's key is right once it was asked for.
        """
        right = [name.upper() for name in type(self).model_fields]
        files = {f"{name}_FILE" for name in (*self._keys, *map(str.upper, secret_fields()))}
        strange = sorted(set(self._variables.written) - set(self._keys) - files)
        near = [(name, get_close_matches(name.upper(), right, 1, _LIKE)) for name in strange]
        return [(name, found[0]) for name, found in near if found and found[0] != name.upper()]

    def quoted(self) -> list[str]:
        """Name the variables of the environment whose values came in quotes, which were taken off."""
        fields = {name.upper() for name in type(self).model_fields}
        return sorted(self._variables.quoted & (fields | set(self._keys)))

    def key(self, name: str) -> SecretStr | None:
        """Find the key of a further gateway: the variable that the catalogue names.

        None if it is not set or empty. Raises ConfigError if it cannot be a key, or is another
        of the bot's own secrets: those are nobody else's.
        """
        if name == "GATEWAY_API_KEY":
            return self.gateway_api_key
        if name.removesuffix("_FILE").lower() in type(self).model_fields:
            raise ConfigError(f"{name} is not the key of a gateway")
        try:
            found = self._variables.secret(name)
        except ValueError as wrong:
            raise ConfigError(str(wrong)) from None
        if not found:
            return None
        if not re.fullmatch(KEY, found):
            raise ConfigError(f"{name} {NO_KEY}, for example {name}=sk-…")
        self._keys[name] = found
        return SecretStr(found)

    @property
    def backup_days(self) -> int:
        """So many days the oldest backup that the bot keeps is old at most; 0 where it makes none."""
        kept = max(self.backup_keep_daily, 7 * self.backup_keep_weekly)
        return kept if self.backup_every else 0

    def effective(self) -> list[EffectiveSetting]:
        """List what holds, in the order of `.env.example`, then the keys that were asked for."""
        secret = set(secret_fields())
        found: list[EffectiveSetting] = []
        for field in type(self).model_fields:
            value = getattr(self, field)
            shown = _blanked(field, value) if field in secret else _shown(value)
            found.append(EffectiveSetting(field.upper(), shown, self._origin(field.upper())))
        keys = sorted(self._keys)
        plain = {name: value for name, value in self._keys.items() if name in _SHOWN}
        last = (EffectiveSetting(key, plain.get(key, BLANK), self._origin(key)) for key in keys)
        return [*found, *last]

    def _origin(self, name: str) -> str:
        if name in self._replaced:
            return "the sandbox"
        for given in (name, f"{name}_FILE"):
            if given in self._variables.environment:
                return "the environment" if given == name else f"the environment, {given}"
            if given in self._variables.written:
                return ".env" if given == name else f".env, {given}"
        return "the default"

    def secrets(self) -> tuple[str, ...]:
        """List the texts that no log may show; further gateways' keys once they were asked for."""
        given = (
            self.telegram_bot_token,
            self.gateway_api_key,
            self.metrics_token,
            self.webhook_secret,
        )
        plain = [secret.get_secret_value() for secret in given if secret is not None]
        plain += (key for name, key in self._keys.items() if name not in _SHOWN)
        if self.heartbeat_url:
            ping = self.heartbeat_url.get_secret_value()
            plain += [ping, ping.removeprefix("https://").removeprefix("http://")]
        return (*plain, *passwords(self.database_url.get_secret_value()))


def secret_fields() -> list[str]:
    """Name the settings that are secrets: each may be in a file that `NAME_FILE` names."""
    fields = Settings.model_fields.items()
    return [name for name, field in fields if "SecretStr" in str(field.annotation)]


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
    values |= _read_secrets(variables)
    try:
        return Settings.model_validate(values, context=variables)
    except ValidationError as exc:
        lines = [_line(error) for error in exc.errors(include_input=False, include_url=False)]
        # `from None`: the original's text may quote what was typed.
        raise ConfigError("\n".join(lines)) from None


def _read_secrets(variables: Variables) -> dict[str, str]:
    found: dict[str, str] = {}
    wrong: list[str] = []
    for field in secret_fields():
        try:
            secret = variables.secret(field.upper())
        except ValueError as error:
            wrong.append(str(error))
        else:
            found |= {field: secret} if secret else {}
    if wrong:
        raise ConfigError("\n".join(wrong))
    return found


def _line(error: ErrorDetails) -> str:
    if not error["loc"]:
        return complaint(error)
    field = str(error["loc"][0])
    mistake = error.get("ctx", {}).get("error")
    example = (Settings.model_fields[field].examples or [""])[0]
    if isinstance(mistake, Mistaken):
        example = mistake.better
    return f"{field.upper()} {complaint(error)}, for example {field.upper()}={example}"
