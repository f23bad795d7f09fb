"""The log: no secret gets through at any level, in any form, in either format."""

from __future__ import annotations

import base64
import json
import logging
import os
from io import StringIO
from pathlib import Path
from typing import Literal, TextIO

import pytest
import structlog

from bot import log

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake_-1"
KEY = 'gateway key with "quotes" and ümlaut'
PASSWORD = "hu@sh"
SECRETS = (TOKEN, KEY, PASSWORD)
PICTURE = base64.b64encode(bytes(range(256)) * 4).decode()
Format = Literal["console", "json"]
both = pytest.mark.parametrize("fmt", ["console", "json"])


pytestmark = pytest.mark.usefixtures("own_log")


def started(fmt: Format, level: str = "DEBUG", secrets: tuple[str, ...] = SECRETS) -> StringIO:
    stream = StringIO()
    log.configure(level, fmt, secrets, stream)
    return stream


def assert_clean(text: str) -> None:
    assert text.strip()
    forms = (
        TOKEN,
        KEY,
        PASSWORD,
        TOKEN.replace(":", "%3A"),
        "hu%40sh",
        'with \\"quotes',
        PICTURE[:80],
    )
    assert [form for form in forms if form in text] == []


def fail(text: str) -> None:
    raise ValueError(f"could not use {text}")


@both
def test_no_field_of_an_event_shows_a_secret(fmt: Format) -> None:
    stream = started(fmt)
    structlog.contextvars.bind_contextvars(bound=TOKEN)
    structlog.get_logger("bot").debug(
        f"calling https://api.telegram.org/bot{TOKEN}/getMe",
        url=f"https://x/?k={TOKEN.replace(':', '%3A')}&p=hu%40sh",
        headers={"Authorization": f"Bearer {KEY}", PASSWORD: 1},
        nested=[{"deep": (KEY, {PASSWORD})}],
        thing=ValueError(KEY),
        raw=KEY.encode(),
        body={"url": f"data:image/png;base64,{PICTURE}"},
    )
    assert_clean(stream.getvalue())


@both
def test_no_traceback_shows_a_secret(fmt: Format) -> None:
    stream = started(fmt)
    try:
        try:
            fail(TOKEN)
        except ValueError as exc:
            raise RuntimeError(PICTURE) from exc
    except RuntimeError:
        structlog.get_logger("bot").exception("failed")
        logging.getLogger("library").exception("failed with %s", KEY)
    assert "could not use <secret>" in stream.getvalue()
    assert_clean(stream.getvalue())


@both
def test_no_record_of_a_library_shows_a_secret(fmt: Format) -> None:
    stream = started(fmt)
    logging.getLogger("library").debug("GET %s", f"/bot{TOKEN}/", extra={"password": PASSWORD})
    assert_clean(stream.getvalue())


@both
def test_tokens_and_keys_that_nobody_named_are_blanked_out_too(fmt: Format) -> None:
    stream = started(fmt, secrets=())
    structlog.get_logger("bot").info("x", text=f"bot {TOKEN} and sk-abcdefghijklmnop")
    assert TOKEN not in stream.getvalue()
    assert "sk-abcdefghijklmnop" not in stream.getvalue()


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "telegram.ext", "aiohttp.client"])
def test_libraries_that_log_urls_are_quiet_below_warning(name: str) -> None:
    stream = started("json")
    logging.getLogger(name).info("HTTP Request: POST")
    assert stream.getvalue() == ""
    logging.getLogger(name).warning("late")
    assert "late" in stream.getvalue()


def test_a_record_that_cannot_be_formatted_shows_no_arguments() -> None:
    stream = started("console")
    logging.getLogger("library").warning("%d", PASSWORD)
    assert stream.getvalue() == "a log record of library was lost: TypeError\n"


def test_json_is_one_object_a_line() -> None:
    stream = started("json")
    structlog.get_logger("bot").info("job_done", job=7, text="画\n好", cost=None)
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "job_done", "level": "info", "logger": "bot", "job": 7, "text": "画\n好", "cost": None,
    }  # fmt: skip


def test_the_level_counts_for_everybody() -> None:
    stream = started("console", level="WARNING")
    structlog.get_logger("bot").info("early")
    logging.getLogger("library").info("early")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_the_stream() -> None:
    first, second = started("console"), started("console")
    structlog.get_logger("bot").info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def say(words: str) -> None:
    structlog.get_logger("bot").warning(words)


def to(descriptor: int) -> TextIO:
    """Log into a file that is open already."""
    stream = open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the test's end
    log.configure("INFO", "json", (), stream)
    return stream


def test_a_full_disk_loses_lines_and_says_so_once_there_is_room(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    to(full)
    for number in range(3):
        say(f"lost {number}")
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(file, full)
    say("kept")
    say("kept, too")
    notice, *kept = (tmp_path / "log").read_text().splitlines()
    assert notice == "3 log records were lost: No space left on device"
    assert [json.loads(line)["event"] for line in kept] == ["kept", "kept, too"]
    os.close(full)


def test_a_reader_who_reads_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_PATIENCE", 1)
    reader, writer = os.pipe()
    to(writer)
    for number in range(1000):
        say(f"{number} " + "a word " * 100)
    read = b""
    while b"records were lost: nobody reads them\n" not in read:
        read += os.read(reader, 1 << 20)
        say("there is room again")
    whole, _, _ = read.partition(b"log records were lost")
    complete = [line for line in whole.splitlines()[:-1] if line.endswith(b"}")]
    assert [json.loads(line)["level"] for line in complete] == ["warning"] * len(complete)
    assert len(complete) + int(whole.splitlines()[-1]) >= 1000
    os.close(reader)
    say("nobody is there")
    os.close(writer)
    say("not even a pipe")


def test_a_closed_stream_and_none_at_all_raise_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = started("json")
    stream.close()
    say("into the void")
    monkeypatch.setattr("sys.stderr", None)
    log.configure("INFO", "json", ())
    say("into nothing")
    logging.getLogger("library").warning("%d", "neither")
