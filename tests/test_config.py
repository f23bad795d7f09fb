"""Settings: what is accepted, how wrong ones are told, and that each is documented."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from bot.config import BLANK, ConfigError, Settings, load_settings, secret_fields

EXAMPLE = Path(__file__).parents[1] / ".env.example"
TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake_-1"
KEY = "sk-fake-fake-fake-fake"
OF_THE_DISK = ("models_file", "presets_file", "telegram_files_dir", "webhook_certificate")
PAIR = {"TELEGRAM_BOT_TOKEN": TOKEN, "GATEWAY_API_KEY": KEY}


def read(**environ: str) -> Settings:
    return load_settings(environ, env_file=None)


def complaint(**environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(**environ)
    return str(caught.value)


def documented() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"#?([A-Z_]+)=(.*)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    assert set(documented()) == {name.upper() for name in Settings.model_fields}


def test_every_documented_default_is_the_real_one() -> None:
    example = load_settings(documented(), env_file=None)
    assert example.model_dump() == read().model_dump()
    empty = {name for name, value in documented().items() if not value}
    secret = {"TELEGRAM_BOT_TOKEN", "GATEWAY_API_KEY"}
    assert empty == secret | {
        "ADMIN_IDS",
        "ALLOWED_IDS",
        "MODELS_FILE",
        "MENU_MODELS",
        "PRESETS_FILE",
        "TELEGRAM_FILES_DIR",
        "STORAGE_CHAT_ID",
        "WEB_ADDRESS",
        "WEB_URL",
        "TERMS",
        "TRANSCRIPTION_MODEL",
        "ENHANCE_MODEL",
        "HEARTBEAT_URL",
        "METRICS_TOKEN",
        "WEBHOOK_URL",
        "WEBHOOK_SECRET",
        "WEBHOOK_CERTIFICATE",
    }


def test_every_documented_setting_has_a_comment_above() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for above, line in pairwise(lines)
        if re.match(r"#?[A-Z_]+=", line) and not above.startswith("#")
    ]
    assert bare == []


def test_the_example_itself_is_a_valid_env_file() -> None:
    assert read().model_dump() == load_settings({}, env_file=EXAMPLE).model_dump()


def test_every_example_in_an_error_is_a_valid_value() -> None:
    needs = {"webhook_url": {"WEB_ADDRESS": "127.0.0.1:8090"}}
    for name, field in Settings.model_fields.items():
        if name not in {"telegram_bot_token", "gateway_api_key", *OF_THE_DISK}:
            example = str((field.examples or [""])[0])
            read(**{name.upper(): example}, **needs.get(name, {}))


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("USER_CONCURRENCY=3\nMAX_CONCURRENCY=4\nADMIN_IDS=5, 6\nUNKNOWN=1\n")
    settings = load_settings({"USER_CONCURRENCY": "7", "PATH": "/bin"}, env_file=file)
    assert (settings.user_concurrency, settings.max_concurrency) == (7, 4)
    assert frozenset({5, 6}) == settings.admin_ids


def test_an_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("USER_CONCURRENCY=3\nMEDIA_URL=\n")
    settings = load_settings({"USER_CONCURRENCY": " "}, env_file=file)
    assert (settings.user_concurrency, settings.media_url) == (3, "data/media")


def test_a_missing_env_file_is_fine(tmp_path: Path) -> None:
    assert read() == load_settings({}, env_file=tmp_path / "none")


def test_an_env_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"ADMIN_IDS=1\n# gr\xfc\xdfe\n")
    with pytest.raises(ConfigError, match="cannot be read: UnicodeDecodeError"):
        load_settings({}, env_file=file)


@pytest.mark.parametrize("line", ["ACCESS open", "ACCESS", 'TERMS="hello', "=1"])
def test_a_line_of_the_env_file_that_gives_no_name_a_value_is_told(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"ADMIN_IDS=1\n\n{line}\n")
    with pytest.raises(ConfigError, match=r"\.env, line 3: is not NAME=value"):
        load_settings({}, env_file=file)


def test_an_env_file_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: IsADirectoryError"):
        load_settings({}, env_file=tmp_path)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().user_concurrency = 3


def test_a_token_needs_a_key() -> None:
    assert complaint(TELEGRAM_BOT_TOKEN=TOKEN).startswith("GATEWAY_API_KEY is missing")
    assert read(**PAIR).telegram_bot_token == SecretStr(TOKEN)
    assert read(GATEWAY_API_KEY=KEY).telegram_bot_token is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "not-a-token"),
        ("TELEGRAM_BOT_TOKEN", "123:a b"),
        ("GATEWAY_API_KEY", "two words"),
        ("GATEWAY_API_KEY", "schlüssel"),
        ("TELEGRAM_API_URL", "api.telegram.org"),
        ("TELEGRAM_API_URL", "http://"),
        ("GATEWAY_URL", "ftp://example.org"),
        ("GATEWAY_URL", "https://user:hush@example.org/v1"),
        ("GATEWAY_URL", "https://example.org/v1?a=b"),
        ("GATEWAY_URL", "https://example.org:port/v1"),
        ("GATEWAY_URL", "https://[::1/v1"),
        ("DEFAULT_MODEL", "m" * 101),
        ("DATABASE_URL", "mysql://root:hush@localhost/bot"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://localhost"),
        ("DATABASE_URL", "postgresql://bot:a@hush@localhost/bot"),
        ("DATABASE_URL", "postgresql://bot:12/hush@localhost/bot"),
        ("DATABASE_URL", "postgresql://bot:12?hush@localhost/bot"),
        ("DATABASE_URL", "postgresql://bot:12#hush@localhost/bot"),
        ("DATABASE_URL", "postgresql://bot:50%hush@localhost/bot"),
        ("DATABASE_URL", "postgresql://localhost/bot?password=50%hush"),
        ("DATABASE_URL", "postgresql://bot:hush@[::1/bot"),
        ("MEDIA_URL", "s3://"),
        ("MEDIA_URL", "gs://bucket"),
        ("MEDIA_URL", "file://host/path"),
        ("BACKUP_DIR", "s3://"),
        ("BACKUP_DIR", "s3://key:secret@bucket/folder"),
        ("BACKUP_DIR", "gs://bucket"),
        ("ADMIN_IDS", "@somebody"),
        ("ADMIN_IDS", "1.5"),
        ("ALLOWED_IDS", "1,two"),
        ("ACCESS", "closed"),
        ("USER_IMAGES_PER_DAY", "-1"),
        ("USER_IMAGES_PER_MONTH", "ten"),
        ("USER_CONCURRENCY", "0"),
        ("USER_CONCURRENCY", "2.0"),
        ("USER_CONCURRENCY", "true"),
        ("MAX_CONCURRENCY", "1_000"),
        ("GENERATION_TIMEOUT", "0"),
        ("GENERATION_TIMEOUT", "nan"),
        ("GENERATION_TIMEOUT", "inf"),
        ("ALBUM_SETTLE_SECONDS", "1,5"),
        ("READY_PING_SECONDS", "-1"),
        ("MAX_COUNT", "0"),
        ("MAX_COUNT", "11"),
        ("MODELS_FILE", "no/such/models.toml"),
        ("MODELS_FILE", "/"),
        ("MODELS_FILE", "m" * 5000),
        ("MAX_INPUT_IMAGES", "0"),
        ("MAX_INPUT_BYTES", "20MB"),
        ("MAX_INPUT_PIXELS", "1e6"),
        ("ALLOW_INSECURE_PICTURE_URLS", "maybe"),
        ("MEDIA_RETENTION_DAYS", "never"),
        ("TELEGRAM_MAX_RATE", "fast"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("SHUTDOWN_SECONDS", "-0.1"),
        ("SANDBOX_PORT", "65536"),
    ],
)
def test_a_wrong_value_is_told_in_one_line_without_it(name: str, value: str) -> None:
    line = complaint(**{name: value})
    assert line.startswith(f"{name} ")
    assert f", for example {name}=" in line
    assert "\n" not in line
    assert "hush" not in line
    if name in {"TELEGRAM_BOT_TOKEN", "GATEWAY_API_KEY"}:
        assert value not in line


def test_several_wrong_values_are_told_in_a_line_each() -> None:
    lines = complaint(ACCESS="closed", USER_CONCURRENCY="0").splitlines()
    assert [line.split(" ")[0] for line in lines] == ["ACCESS", "USER_CONCURRENCY"]


def test_no_secret_is_in_a_repr() -> None:
    shown = repr(read(**PAIR, DATABASE_URL="postgresql://bot:hush@localhost/bot"))
    assert not any(secret in shown for secret in (TOKEN, KEY, "hush"))


def test_the_secrets_are_listed_for_the_log() -> None:
    settings = read(**PAIR, DATABASE_URL="postgresql://bot:hu%40sh@localhost/bot")
    assert {TOKEN, KEY, "hu%40sh", "hu@sh"} == set(settings.secrets())
    url = "postgresql://db/bot?user=b&password=hu%40sh&sslpassword=key&passfile=/run/p"
    shown = read(**PAIR, DATABASE_URL=url).secrets()
    assert {TOKEN, KEY, "hu%40sh", "hu@sh", "key", "/run/p"} == set(shown)
    assert read().secrets() == ()


@given(st.sampled_from("\"'"), st.text(st.characters(codec="ascii"), max_size=20))
def test_quotes_are_taken_off_by_the_pair_and_once(quote: str, text: str) -> None:
    settings = read(TERMS=f" {quote}{text}{quote} ")
    assert settings.terms == text.strip()
    assert settings.quoted() == ["TERMS"]


def test_the_key_of_a_gateway_may_come_in_quotes() -> None:
    settings = read(OTHER_API_KEY='"sk-other"', SHELL='"sh"')
    assert settings.quoted() == []
    key = settings.key("OTHER_API_KEY")
    assert key is not None
    assert key.get_secret_value() == "sk-other"
    assert settings.quoted() == ["OTHER_API_KEY"]
    assert "sk-other" in settings.secrets()


def test_a_region_and_an_endpoint_are_shown_and_the_keys_beside_them_are_not() -> None:
    given = {
        "AWS_REGION": "eu-1",
        "AWS_ENDPOINT_URL": "http://s3.local",
        "AWS_SECRET_ACCESS_KEY": "sk-s3",
    }
    settings = read(**given)
    assert all(settings.key(name) for name in given)
    shown = {one.name: one.value for one in settings.effective() if one.name in given}
    assert shown == given | {"AWS_SECRET_ACCESS_KEY": BLANK}
    assert settings.secrets() == ("sk-s3",)


def test_the_folder_of_ones_own_server_must_be_there(tmp_path: Path) -> None:
    assert read(TELEGRAM_FILES_DIR=str(tmp_path)).telegram_files_dir == tmp_path
    assert "must be a folder" in complaint(TELEGRAM_FILES_DIR=str(tmp_path / "none"))


def test_the_models_file_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.touch()
    assert file == read(MODELS_FILE=f" {file} ").models_file
    assert read(MODELS_FILE=" ").models_file is None


def test_a_further_key_comes_from_the_environment_or_the_env_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ONE_KEY=sk-file-one\nTWO_KEY=sk-file-two\nTHREE_KEY=\nadmin_ids=5\n")
    settings = load_settings({"TWO_KEY": " sk-two ", "ONE_KEY": " "}, env_file=file)
    assert settings.key("ONE_KEY") == SecretStr("sk-file-one")
    assert settings.key("TWO_KEY") == SecretStr("sk-two")
    assert settings.key("THREE_KEY") is None
    assert settings.key("FOUR_KEY") is None


def test_a_further_key_is_a_secret_once_it_was_asked_for() -> None:
    settings = read(**PAIR, OTHER_KEY="sk-other", NEVER_KEY="sk-never")
    assert settings.key("OTHER_KEY") == SecretStr("sk-other")
    assert {TOKEN, KEY, "sk-other"} == set(settings.secrets())
    assert not any(word in repr(settings) + str(settings) for word in ("sk-other", "sk-never"))
    assert "sk-other" not in str(settings.model_dump())


def test_the_main_key_may_be_named_too() -> None:
    assert SecretStr(KEY) == read(**PAIR).key("GATEWAY_API_KEY")


def test_a_wrong_further_key_is_told_in_one_line_without_it() -> None:
    with pytest.raises(ConfigError, match=r"^OTHER_KEY must be one word") as caught:
        read(OTHER_KEY="hush hush").key("OTHER_KEY")
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "DATABASE_URL", "ADMIN_IDS"])
def test_no_other_setting_is_given_away_as_a_key(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is not the key of a gateway"):
        read(**PAIR).key(name)


@pytest.mark.parametrize(
    ("given_url", "normal"),
    [
        ("data/other.db", "sqlite:///data/other.db"),
        ("/srv/bot.db", "sqlite:////srv/bot.db"),
        ("sqlite+aiosqlite:///data/bot.db", "sqlite:///data/bot.db"),
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+psycopg://h/d?sslmode=require", "postgresql://h/d?sslmode=require"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    ],
)
def test_database_urls_are_brought_to_one_form(given_url: str, normal: str) -> None:
    assert normal == read(DATABASE_URL=given_url).database_url.get_secret_value()


@pytest.mark.parametrize(
    ("given_url", "normal"),
    [("media/", "media"), ("file:///srv/my%20media/", "/srv/my media"), ("/", "/")],
)
def test_media_urls_become_directories(given_url: str, normal: str) -> None:
    assert normal == read(MEDIA_URL=given_url).media_url


def test_urls_lose_their_last_slash() -> None:
    settings = read(GATEWAY_URL="https://gw.example/v1/", TELEGRAM_API_URL="http://127.0.0.1:81/")
    assert settings.gateway_url == "https://gw.example/v1"
    assert settings.telegram_api_url == "http://127.0.0.1:81"


@pytest.mark.parametrize(("text", "value"), [("Yes", True), ("0", False), (" on ", True)])
def test_clear_booleans_are_understood(text: str, *, value: bool) -> None:
    assert value is read(ALLOW_INSECURE_PICTURE_URLS=text).allow_insecure_picture_urls


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1), st.sampled_from([",", ", ", " ", ";"]))
def test_ids_are_read_between_commas_and_spaces(ids: list[int], between: str) -> None:
    assert frozenset(ids) == read(ALLOWED_IDS=between.join(map(str, ids))).allowed_ids


@given(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=30))
def test_whatever_is_typed_is_taken_or_told(name: str, text: str) -> None:
    try:
        read(**{name.upper(): text})
    except ConfigError as exc:
        assert name.upper() in str(exc) or "GATEWAY_API_KEY" in str(exc)  # noqa: PT017 - both ends are right


SECRETS = ("TELEGRAM_BOT_TOKEN", "GATEWAY_API_KEY", "DATABASE_URL", "HEARTBEAT_URL")


def test_each_secret_and_nothing_else_may_be_in_a_file(tmp_path: Path) -> None:
    assert set(SECRETS) <= {name.upper() for name in secret_fields()}
    values = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "GATEWAY_API_KEY": KEY,
        "DATABASE_URL": "postgresql://bot:s3cret@db/bot",
        "HEARTBEAT_URL": "https://hc-ping.com/s3cret",
    }
    files = {f"{name}_FILE": tmp_path / name for name in values}
    for name, value in values.items():
        (tmp_path / name).write_text(f" {value}\n")
    found = read(**{name: str(file) for name, file in files.items()})
    assert found.model_dump() == read(**values).model_dump()
    assert "ADMIN_IDS_FILE" not in {f"{name.upper()}_FILE" for name in secret_fields()}


def test_the_key_of_a_further_gateway_may_be_in_a_file_that_the_env_file_names(
    tmp_path: Path,
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY_FILE={tmp_path}/key\n")
    settings = load_settings({}, env_file=tmp_path / ".env")
    assert settings.key("OPENROUTER_API_KEY") == SecretStr(KEY)
    assert settings.misspelt() == []
    assert KEY in settings.secrets()
    with pytest.raises(ConfigError, match="is not the key of a gateway"):
        settings.key("TELEGRAM_BOT_TOKEN_FILE")


def test_files_of_secrets_in_the_env_file_are_not_taken_for_misspelt(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN_FILE={tmp_path}/token\nGATEWAY_API_KEY=k\n")
    assert load_settings({}, env_file=tmp_path / ".env").misspelt() == []


def test_a_secret_that_is_set_twice_is_told_without_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    given = {"TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "token"), "GATEWAY_API_KEY": KEY}
    with pytest.raises(ConfigError) as told:
        load_settings(given, env_file=tmp_path / ".env")
    both = "TELEGRAM_BOT_TOKEN and TELEGRAM_BOT_TOKEN_FILE are both set: leave one of them out"
    assert str(told.value) == both


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "cannot be read: UnicodeDecodeError"),
        (b"x" * 70_000, "is too large for a secret"),
    ],
)
def test_a_file_without_a_secret_is_told_in_one_line(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    for name in SECRETS:
        assert complaint(**{f"{name}_FILE": str(file)}) == f"{name}_FILE: {file} {told}"
    with pytest.raises(ConfigError) as caught:
        read(OTHER_KEY_FILE=str(file)).key("OTHER_KEY")
    assert str(caught.value) == f"OTHER_KEY_FILE: {file} {told}"


def test_a_pipe_or_a_device_is_no_file_of_a_secret(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        told = complaint(GATEWAY_API_KEY_FILE=str(place))
        assert told == f"GATEWAY_API_KEY_FILE: {place} cannot be read: it is no regular file"


def test_what_a_file_of_a_secret_holds_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("no-token-but-s3cret")
    told = complaint(TELEGRAM_BOT_TOKEN_FILE=str(tmp_path / "token"))
    assert told.startswith("TELEGRAM_BOT_TOKEN is not a bot token")
    assert "s3cret" not in told
